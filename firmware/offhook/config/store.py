"""What the phone remembers of its configs between starts: the last good ones, the candidate, what was refused.

Texts are kept under the name of their digest and never change. One small state points to them; it is written to two
slots in turn, with a generation and a checksum, so that a torn slot costs the last change and nothing else::

    state-0.json  state-1.json  config-4f1c...yaml  config-9a20...yaml
"""

import hashlib
import json
from typing import Literal

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from offhook.config.disk import FileOperations, write_atomically

_SLOTS = ("state-0.json", "state-1.json")
_PREFIX, _SUFFIX = "config-", ".yaml"

Phase = Literal["waiting", "trying", "returning"]
PHASES: dict[str, Phase] = {"waiting": "waiting", "trying": "trying", "returning": "returning"}


class Remote(Struct, frozen=True):
    """A config from afar: the digest of its text, where it came from and the server's mark for this version."""

    digest: str
    url: str
    etag: str | None = None
    serial: str | None = None


class Candidate(Struct, frozen=True):
    """A config that has yet to prove itself; ``starts``: how often the phone was started on it."""

    remote: Remote
    phase: Phase = "waiting"
    starts: int = 0


class Refusal(Struct, frozen=True):
    """A config from afar that is not to be tried again, and why."""

    remote: Remote
    reason: str


class State(Struct, frozen=True):
    """All that is remembered; ``local`` is the digest of the last local file without faults."""

    local: str | None = None
    kept: Remote | None = None
    candidate: Candidate | None = None
    refused: Refusal | None = None

    def digests(self) -> set[str]:
        """Return the digests of the texts that this state needs."""
        remotes = [self.kept, self.candidate.remote if self.candidate else None]
        return {remote.digest for remote in remotes if remote} | ({self.local} if self.local else set())


class ConfigStore:
    """The state directory. Reading never fails on what a power cut left; writing raises :class:`StoreError`."""

    def __init__(self, files: FileOperations) -> None:
        self._files = files
        slots = [_decode(files.read(name)) for name in _SLOTS]
        self._older, self._generation, self.state = 0, 0, State()
        self._previous = State()
        for index, found in enumerate(slots):
            if found is not None and found[0] > self._generation:
                self._previous = self.state
                self._generation, self.state = found
                self._older = 1 - index
            elif found is not None:
                self._previous = found[1]

    def text(self, digest: str | None) -> bytes | None:
        """Return a remembered text; None where there is none or it is not whole."""
        data = self._files.read(_name(digest)) if digest else None
        return data if data is not None and digest_of(data) == digest else None

    def put(self, data: bytes) -> str:
        """Remember a text and return its digest. It is forgotten at the next :meth:`save` whose state lacks it."""
        digest = digest_of(data)
        if self.text(digest) is None:
            write_atomically(self._files, _name(digest), data)
        return digest

    def save(self, state: State) -> None:
        """Make ``state`` the one that is found after a power cut, and forget the texts that nothing points to."""
        if state == self.state and self._generation:
            return
        generation = self._generation + 1
        write_atomically(self._files, _SLOTS[self._older], _encode(generation, state))
        self._previous, self.state, self._generation = self.state, state, generation
        self._older = 1 - self._older
        needed = {_name(digest) for digest in self.state.digests() | self._previous.digests()}
        for name in self._files.names():
            if name.startswith(_PREFIX) and name not in needed:
                self._files.remove(name)

    def remember_local(self, data: bytes) -> None:
        """Make a local file without faults the last good one."""
        if self.state.local != digest_of(data) or self.text(self.state.local) is None:
            self.save(replace(self.state, local=self.put(data)))


def digest_of(data: bytes) -> str:
    """Return the digest by which a text is known."""
    return hashlib.sha256(data).hexdigest()


def _name(digest: str) -> str:
    return f"{_PREFIX}{digest}{_SUFFIX}"


def _encode(generation: int, state: State) -> bytes:
    body = json.dumps({"generation": generation} | to_builtins(state), sort_keys=True).encode()
    return digest_of(body).encode() + b"\n" + body


def _decode(data: bytes | None) -> tuple[int, State] | None:
    """Return generation and state of a slot; None for what is missing, torn or of another form."""
    check, _, body = (data or b"").partition(b"\n")
    if check != digest_of(body).encode():
        return None
    try:
        fields = json.loads(body)
        local, refused, candidate = fields["local"], fields["refused"], fields["candidate"]
        state = State(
            str(local) if local is not None else None,
            _remote(fields["kept"]) if fields["kept"] is not None else None,
            _candidate(candidate) if candidate is not None else None,
            Refusal(_remote(refused["remote"]), str(refused["reason"])) if refused is not None else None,
        )
        return int(fields["generation"]), state
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _remote(fields: dict[str, object]) -> Remote:
    return Remote(
        str(fields["digest"]), str(fields["url"]), _text_or_none(fields["etag"]), _text_or_none(fields["serial"])
    )


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _candidate(fields: dict[str, object]) -> Candidate:
    remote, starts = fields["remote"], fields["starts"]
    phase = PHASES[str(fields["phase"])]
    if not isinstance(remote, dict) or not isinstance(starts, int):
        raise TypeError
    return Candidate(_remote(remote), phase, starts)
