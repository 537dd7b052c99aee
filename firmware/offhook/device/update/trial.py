"""At every start of a device: a trial is watched and committed or ended; any other start looks at what was left."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from offhook.config.disk import StoreError
from offhook.device.boot.bootstate import BootState
from offhook.device.boot.slots import Slot
from offhook.device.update.health import HealthJudge, Patience
from offhook.device.update.quiet import Status, in_use
from offhook.device.update.updaterecord import Record, Records
from offhook.device.update.updatestate import Happening, Phase, Step

_log = logging.getLogger(__name__)
LOOK_S = 1.0


class StartActions(Protocol):
    """What is done to the machine. Each raises OffhookError."""

    def commit(self, slot: Slot) -> None:
        """Make a slot the primary one."""

    def settled(self) -> None:
        """Tell the guard of trials (``offhook-trial.service``) that it is not needed any more."""

    def restart(self) -> None:
        """Restart, in the ordinary way."""

    def drop_bundle(self) -> None:
        """Remove what a power cut left of a bundle, unless an updater is at work on it. Raises nothing."""

    def resume(self) -> None:
        """Start the updater: an update that is installed waits for its trial."""


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """Seconds: ``within`` from the start of the watch until the phone must be healthy."""

    within: float = 300.0
    patience: Patience = field(default_factory=Patience)


class Starter:
    """``status`` asks the phone (None: no answer); ``clock`` does not jump; ``version`` is what runs."""

    def __init__(
        self,
        boot: BootState,
        records: Records,
        actions: StartActions,
        status: Callable[[], Status | None],
        *,
        version: str = "",
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
        limits: TrialLimits | None = None,
    ) -> None:
        self._boot, self._records, self._actions, self._status = boot, records, actions, status
        self._version = version
        self._clock, self._wall, self._sleep = clock, wall, sleep
        self._limits = limits or TrialLimits()

    def run(self) -> Record:
        """Do what this start asks for; return the record as it is then. Raises OffhookError."""
        self._actions.drop_bundle()
        record = self._records.read()
        if self._boot.trial:
            return self._watch(record)
        if record.phase is Phase.TRYING and record.slot == self._boot.slot:
            # Power was cut between the commit and its note: the slot on trial is the primary one already.
            return self._happened(record, Happening.HEALTHY)
        return self._happened(record, Happening.NORMAL_START, _blame(record))

    def _watch(self, record: Record) -> Record:
        record = replace(record, slot=self._boot.slot, version=self._version or record.version)
        record = self._happened(record, Happening.TRIAL_STARTED)
        self._note(record := record.reached("user space"))
        judge = HealthJudge(record.before, self._limits.patience)
        until = self._clock() + self._limits.within
        told = ""
        while True:
            status = self._status()
            judgment = judge.look(status, self._clock())
            further = record.reached(judgment.stage)
            if further != record:
                self._note(record := further)
            if not judgment.lacks:
                return self._happened(record, Happening.HEALTHY)
            if judgment.lacks != told:
                told = judgment.lacks
                _log.info("trial of slot %s: the phone %s", self._boot.slot, told)
            if self._clock() < until:
                self._sleep(LOOK_S)
                continue
            self._actions.settled()  # from here on it ends, and the guard need not hurry it
            if not in_use(status):  # no call is cut, not even by a trial that failed
                reason = f"the phone {judgment.lacks} within {self._limits.within:g} s"
                return self._happened(record, Happening.UNHEALTHY, reason)
            self._sleep(LOOK_S)

    def _happened(self, record: Record, happening: Happening, reason: str = "") -> Record:
        """Follow the table. The commit is made before it is noted, everything else after."""
        after, steps = record.after(happening, self._wall(), reason)
        if Step.COMMIT in steps:
            self._actions.commit(self._boot.slot)
            after = after.marked(self._boot.slot, "good")
            _log.info("slot %s is the primary one now: version %s", self._boot.slot, after.version or "unknown")
        if after != record:
            self._note(after)
        if Step.COMMIT in steps or Step.RESTART in steps:
            self._actions.settled()
        if Step.RESTART in steps:
            _log.error("the trial of slot %s failed: %s; the other slot starts again", self._boot.slot, reason)
            self._actions.restart()
        if Step.BLAME in steps:
            _log.error("the update failed: %s", reason)
        if Step.RESUME in steps:
            self._actions.resume()
        return after

    def _note(self, record: Record) -> None:
        """Write the record; a disk that takes nothing is told, and does not end a trial."""
        try:
            self._records.save(record)
        except StoreError as error:
            _log.error("the trial cannot be noted: %s", error)


def _blame(record: Record) -> str:
    """Say why an update that is under way is not any more, now that the device started on the old slot."""
    what = f"version {record.version}" if record.version else "the update"
    match record.phase:
        case Phase.TRYING if not record.stage:
            return f"{what} did not come as far as its health check (kernel, file systems or Python; or power was cut)"
        case Phase.TRYING:
            return f"{what} ended without a word: a crash, a hang or a power cut; it had come as far as: {record.stage}"
        case Phase.FETCHING | Phase.VERIFIED:
            return f"the device was restarted before {what} was installed"
    return ""
