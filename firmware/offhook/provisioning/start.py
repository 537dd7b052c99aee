"""Which config the phone starts on.

The local file says whether there is provisioning and where from. Where there is, a candidate that is on trial comes
first, then the last provisioned config that was kept; else the local file rules. A local file with faults is told
fault by fault and replaced by its last good copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from offhook.config.disk import StoreError
from offhook.config.faults import ConfigError, Fault
from offhook.config.load import Validator, load
from offhook.config.remote import Provisioning
from offhook.config.schema import Config
from offhook.config.store import Candidate, ConfigStore, Refusal

Origin = Literal["built-in", "file", "last-good", "provisioned", "candidate"]

MOST_STARTS = 3
"""A candidate on which the phone has started so often without coming into service is undone."""


@dataclass(frozen=True, slots=True)
class Running:
    """A config and where it is from: the local file, its last good copy, or the server (kept, or on trial)."""

    config: Config
    origin: Origin


@dataclass(frozen=True, slots=True)
class Choice:
    """What to start on.

    Attributes:
        running: the config to run on.
        last_good: the config to go back to; the same as ``running`` but for a candidate.
        provisioning: the local file's word on provisioning; a fetched file has none.
        faults: what is wrong with the local file, where its last good copy has to stand in.
        notes: lines for the journal.
    """

    running: Running
    last_good: Running
    provisioning: Provisioning
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def choose(local: bytes | None, file: str, store: ConfigStore, validators: Mapping[str, Validator]) -> Choice:
    """Choose the config to start on, and note in the store that the phone starts on it.

    ``local`` None: the local file cannot be read. Raises :class:`ConfigError` with every fault of the local file where
    nothing good is left to start on.
    """
    notes: list[str] = []
    faults: tuple[Fault, ...] = ()
    try:
        if local is None:
            raise ConfigError([Fault(file, 1, 1, "", "cannot be read: check its name and permissions")])
        base = Running(load(local, file, validators), "file")
        _remember(store, local, notes)
    except ConfigError as error:
        faults = error.faults
        base = _stand_in(store, validators, error)
        notes.append(f"{file} has faults ({len(faults)}): starting on the last good copy")
    provisioning = base.config.provisioning if base.origin != "provisioned" else Provisioning()
    last_good = _kept(store, provisioning.url, validators) or base
    running = _on_trial(store, provisioning.url, validators, notes) or last_good
    return Choice(running, last_good, provisioning, faults, tuple(notes))


def _remember(store: ConfigStore, local: bytes, notes: list[str]) -> None:
    try:
        store.remember_local(local)
    except StoreError as error:
        notes.append(f"no last good copy was made: {error}")


def _stand_in(store: ConfigStore, validators: Mapping[str, Validator], error: ConfigError) -> Running:
    """The last good local copy; failing that, the last provisioned one."""
    copy = _stored(store, store.state.local, validators)
    if copy is not None:
        return Running(copy, "last-good")
    kept = _stored(store, store.state.kept.digest if store.state.kept else None, validators)
    if kept is not None:
        return Running(kept, "provisioned")
    raise error


def _stored(store: ConfigStore, digest: str | None, validators: Mapping[str, Validator]) -> Config | None:
    """Load a remembered text; None where there is none, or where this version of offhook finds faults in it."""
    data = store.text(digest)
    if data is None:
        return None
    try:
        return load(data, "last good config", validators)
    except ConfigError:
        return None


def _kept(store: ConfigStore, url: str | None, validators: Mapping[str, Validator]) -> Running | None:
    kept = store.state.kept
    if kept is None or kept.url != url:
        return None
    config = _stored(store, kept.digest, validators)
    return Running(config, "provisioned") if config is not None else None


def _on_trial(
    store: ConfigStore, url: str | None, validators: Mapping[str, Validator], notes: list[str]
) -> Running | None:
    """The candidate, if it may be tried (again); else it is refused. A phone that starts is idle, so one may begin."""
    candidate = store.state.candidate
    if candidate is None:
        return None
    config = _stored(store, candidate.remote.digest, validators)
    reason = (
        "the local file names another server now"
        if candidate.remote.url != url
        else "it could not be read back"
        if config is None
        else "the phone did not come into service with it"
        if candidate.phase == "returning"
        else f"the phone was started on it {candidate.starts} times without coming into service"
        if candidate.starts >= MOST_STARTS
        else None
    )
    try:
        if reason is not None or config is None:
            refusal = Refusal(candidate.remote, reason or "")
            store.save(replace(store.state, candidate=None, refused=refusal if config is not None else None))
            notes.append(f"provisioned config {candidate.remote.serial or ''} was undone: {reason}")
            return None
        store.save(replace(store.state, candidate=Candidate(candidate.remote, "trying", candidate.starts + 1)))
    except StoreError as error:
        notes.append(f"the provisioned config is not tried: {error}")
        return None
    return Running(config, "candidate")
