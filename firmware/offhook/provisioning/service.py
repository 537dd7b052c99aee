"""Provisioning at work: asks the server now and then, and brings what it finds into force.

The phone is asked for little (:class:`PhoneControl`), the store remembers every step before it is taken, so that a
power cut at any moment leaves a phone that starts (:func:`offhook.provisioning.start.choose`).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from offhook.config.disk import StoreError
from offhook.config.faults import ConfigError
from offhook.config.load import Validator
from offhook.config.remote import Provisioning
from offhook.config.schema import Config
from offhook.config.store import Candidate, ConfigStore, Refusal, Remote, State, digest_of
from offhook.config.store import Phase as StoredPhase
from offhook.errors import OffhookError
from offhook.provisioning.candidate import Happening, Phase, Step, Trial
from offhook.provisioning.fetch import Fetched, FetchError, NotModified, shown
from offhook.provisioning.schedule import PollSchedule
from offhook.provisioning.start import Choice, Running
from offhook.provisioning.verify import in_one_line, verify

LOOK_EVERY_S = 0.5
"""How often the phone is looked at while a candidate waits for it to be idle or to come into service."""


class PhoneControl(Protocol):
    """What provisioning asks of the phone; called in the event loop."""

    def idle(self) -> bool:
        """Whether the handset is on hook, no call is up or ringing and no emergency callback is awaited."""

    def in_service(self) -> bool:
        """Whether an account is in service with the config that the phone runs on now."""

    async def switch(self, running: Running) -> None:
        """Run on another config, as soon as the phone is idle. Raises OffhookError where the phone cannot."""


class FileFetcher(Protocol):
    """See :class:`offhook.provisioning.fetch.Fetcher`."""

    async def fetch(self, url: str, etag: str | None = None) -> Fetched | NotModified:
        """Get the file; with ``etag`` only if it changed. Raises FetchError."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became known, as a line for the journal.

    ``state``: ``fetched refused applied failed kept undone``, ``unreachable`` (the server), ``unstored`` (the disk).
    """

    state: str
    serial: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConfigStatus:
    """The ``config`` part of the status object."""

    serial: str | None
    origin: str
    pending: str | None


class ProvisioningService:
    """Runs until cancelled. ``provisioning`` is the local file's (:attr:`Choice.provisioning`)."""

    def __init__(
        self,
        choice: Choice,
        store: ConfigStore,
        phone: PhoneControl,
        fetcher: FileFetcher,
        *,
        validators: Mapping[str, Validator],
        clock: Callable[[], float],
        random: Callable[[], float],
        report: Callable[[Report], None],
    ) -> None:
        self._provisioning: Provisioning = choice.provisioning
        self._running, self._last_good = choice.running, choice.last_good
        self._store, self._phone, self._fetcher = store, phone, fetcher
        self._validators, self._clock, self._report = validators, clock, report
        now = clock()
        phase = Phase.TRYING if choice.running.origin == "candidate" else Phase.STEADY
        self._trial = Trial(choice.provisioning.keep_window_s, phase, now)
        self._schedule = PollSchedule(choice.provisioning.interval, random, now)
        self._candidate: Config | None = None
        self._nudge = asyncio.Event()
        self._unreachable = ""

    def status(self) -> ConfigStatus:
        """Return what the status object says of the config."""
        candidate = self._store.state.candidate
        waits = candidate is not None and self._trial.phase is Phase.WAITING
        name = (candidate.remote.serial or candidate.remote.digest[:8]) if candidate is not None and waits else None
        return ConfigStatus(self._running.config.serial, self._running.origin, name)

    def poll_now(self) -> None:
        """Ask the server at once."""
        self._schedule.hurry(self._clock())
        self._nudge.set()

    def look(self) -> None:
        """Look at the phone at once: it became idle, or came into service."""
        self._nudge.set()

    async def run(self) -> None:
        """Ask, hold, apply, keep or undo, for ever."""
        while True:
            now = self._clock()
            for step in self._trial.tick(now):
                await self._take(step)
            await self._look_at_phone()
            url = self._provisioning.url
            if url is not None and self._asks() and self._schedule.next <= self._clock():
                await self._poll(url)
            else:
                await self._sleep()

    def _asks(self) -> bool:
        """Whether the server is asked now: not while a candidate is on trial."""
        return self._provisioning.url is not None and self._trial.phase in (Phase.STEADY, Phase.WAITING)

    async def _sleep(self) -> None:
        """Wait for the next thing that is due, or for a nudge."""
        now = self._clock()
        wakes = [now + LOOK_EVERY_S] if self._trial.phase is not Phase.STEADY else []
        if self._asks():
            wakes.append(self._schedule.next)
        deadline = self._trial.deadline()
        if deadline is not None:
            wakes.append(deadline)
        self._nudge.clear()
        timeout = max(0.0, min(wakes) - now) if wakes else None
        try:
            async with asyncio.timeout(timeout):
                await self._nudge.wait()
        except TimeoutError:
            return

    async def _look_at_phone(self) -> None:
        match self._trial.phase:
            case Phase.WAITING if self._phone.idle():
                await self._happened(Happening.IDLE)
            case Phase.TRYING | Phase.RETURNING if self._phone.in_service():
                await self._happened(Happening.IN_SERVICE)
            case Phase.RETURNING if self._phone.idle():
                await self._happened(Happening.IDLE)

    async def _happened(self, happening: Happening) -> None:
        for step in self._trial.handle(happening, self._clock()):
            await self._take(step)

    async def _poll(self, url: str) -> None:
        try:
            answer = await self._fetcher.fetch(url, self._known_etag(url))
        except FetchError as error:
            self._schedule.failed(self._clock())
            if str(error) != self._unreachable:  # told once, not at every try
                self._unreachable = str(error)
                self._report(Report("unreachable", detail=str(error)))
            return
        self._schedule.answered(self._clock())
        self._unreachable = ""
        if not isinstance(answer, Fetched):
            return
        if self._is_news(answer, url):
            await self._consider(answer, url)
        else:
            await self._note_mark(answer)

    def _known_etag(self, url: str) -> str | None:
        """The ETag of the version that was seen last, and that is refused, waits or is in force."""
        state = self._store.state
        seen = [
            state.refused.remote if state.refused else None,
            state.candidate.remote if state.candidate else None,
            state.kept if state.kept and self._store.text(state.kept.digest) is not None else None,
        ]
        return next((remote.etag for remote in seen if remote is not None and remote.url == url), None)

    def _is_news(self, answer: Fetched, url: str) -> bool:
        """Whether this version was neither refused nor is in force or waiting already."""
        state, digest = self._store.state, digest_of(answer.data)
        refused = state.refused.remote if state.refused and state.refused.remote.url == url else None
        if refused is not None and refused.digest == digest and refused.etag == answer.etag:
            return False
        current = state.candidate.remote if state.candidate else state.kept
        return current is None or current.url != url or current.digest != digest

    async def _note_mark(self, answer: Fetched) -> None:
        """Where the server offers what is in force (again), remember its mark, so that it need not send it again."""
        kept = self._store.state.kept
        if kept is not None and kept.digest == digest_of(answer.data):
            await self._save(replace(self._store.state, kept=replace(kept, etag=answer.etag), refused=None))

    async def _consider(self, answer: Fetched, url: str) -> None:
        remote = Remote(digest_of(answer.data), url, answer.etag)
        try:
            verified = await asyncio.to_thread(verify, answer.data, shown(url), self._validators)
        except ConfigError as error:
            line = in_one_line(error)
            await self._save(replace(self._store.state, refused=Refusal(remote, line)))
            self._report(Report("refused", detail=f"{line}; the phone stays on its config until the file changes"))
            return
        remote = replace(remote, serial=verified.config.serial)
        try:
            await asyncio.to_thread(self._store.put, verified.data)
            await asyncio.to_thread(
                self._store.save, replace(self._store.state, candidate=Candidate(remote), refused=None)
            )
        except StoreError as error:  # without it a power cut during the trial could not be undone
            self._report(Report("refused", remote.serial or "", f"cannot be tried: {error}"))
            return
        self._candidate = verified.config
        self._report(Report("fetched", remote.serial or "", "waits until the phone is idle"))
        await self._happened(Happening.FETCHED)

    async def _take(self, step: Step) -> None:
        match step:
            case Step.APPLY:
                await self._apply()
            case Step.KEEP:
                await self._keep()
            case Step.RETURN_SOON:
                await self._mark("returning")
            case Step.UNDO:
                await self._undo()

    async def _apply(self) -> None:
        if self._candidate is None:
            return
        await self._mark("trying", begins=True)
        self._running = Running(self._candidate, "candidate")
        self._report(Report("applied", self._serial(), f"to be kept once the phone is in service, {self._window}"))
        try:
            await self._phone.switch(self._running)
        except OffhookError as error:
            self._report(Report("failed", self._serial(), str(error)))
            await self._happened(Happening.SWITCH_FAILED)
        self._trial.begun(self._clock())

    async def _keep(self) -> None:
        candidate = self._store.state.candidate
        self._running = self._last_good = Running(self._running.config, "provisioned")
        if candidate is not None:
            state = replace(self._store.state, kept=candidate.remote, candidate=None, refused=None)
            await self._save(state)
        self._report(Report("kept", self._serial(), "the phone is in service with it"))

    async def _undo(self) -> None:
        """Go back; raises OffhookError where the phone cannot even run on the last good config."""
        candidate, serial = self._store.state.candidate, self._serial()
        reason = f"the phone did not come into service with it {self._window}"
        if candidate is not None:
            refusal = Refusal(candidate.remote, reason)
            await self._save(replace(self._store.state, candidate=None, refused=refusal))
        self._running, self._candidate = self._last_good, None
        self._report(Report("undone", serial, f"{reason}; the last good config is back until the file changes"))
        await self._phone.switch(self._last_good)

    @property
    def _window(self) -> str:
        return f"within {self._trial.window_s:g} s"

    def _serial(self) -> str:
        return self._running.config.serial or ""

    async def _mark(self, phase: StoredPhase, *, begins: bool = False) -> None:
        candidate = self._store.state.candidate
        if candidate is not None:
            marked = Candidate(candidate.remote, phase, candidate.starts + begins)
            await self._save(replace(self._store.state, candidate=marked))

    async def _save(self, state: State) -> None:
        """Write in a thread (a memory card may take its time); a full card is told and costs the phone nothing."""
        try:
            await asyncio.to_thread(self._store.save, state)
        except StoreError as error:
            self._report(Report("unstored", self._serial(), str(error)))
