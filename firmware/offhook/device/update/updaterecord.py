"""What a device remembers of its slots and of the last update: ``/var/lib/offhook-device/update.json``.

Root writes it, everybody may read it. A file that is torn or not ours counts as none: then nothing is under way, and
both slots are good.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from offhook.config.disk import Directory, FileOperations, write_atomically
from offhook.device.boot.slots import SLOTS, Slot
from offhook.device.update.updatestate import TRANSITIONS, Happening, Phase, Step

FOLDER = Path("/var/lib/offhook-device")
NAME = "update.json"
BUNDLE = FOLDER / "bundle.raucb"
"""Where a bundle is kept from its fetching to its installation, and no longer."""

Standing = Literal["good", "bad"]
Stage = Literal["", "user space", "daemon", "sound process", "sound card", "pins", "steady"]
STAGES: tuple[Stage, ...] = ("", "user space", "daemon", "sound process", "sound card", "pins", "steady")
"""How far a trial came; each is noted on the disk when it is reached. Empty: not even to user space."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the phone was like before the update: what was broken already is not the update's fault."""

    card: bool = True
    registered: bool = True
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """See the module.

    Attributes:
        phase: where the update is.
        slot: the slot that gets, has or had the update; None: there was none yet.
        version: the update's version, empty while unknown.
        url: where it is from, without what follows a ``?``.
        reason: why it failed, or what it waits for; one line.
        stage: how far the trial came.
        changed: when the phase was entered, seconds since 1970 by the device's clock.
        when: the window for the restart, as in the request.
        armed: the slot that ``rauc`` was told to start next, None: the one that runs.
        standing: whether a slot holds a system that can be started, as ``rauc`` keeps it.
        before: what the phone was like before the trial.
    """

    phase: Phase = Phase.IDLE
    slot: Slot | None = None
    version: str = ""
    url: str = ""
    reason: str = ""
    stage: Stage = ""
    changed: float = 0.0
    when: str = ""
    armed: Slot | None = None
    standing: Mapping[Slot, Standing] = field(default_factory=lambda: {slot: "good" for slot in SLOTS})
    before: Before = Before()

    def after(self, happening: Happening, now: float, reason: str = "") -> "tuple[Record, tuple[Step, ...]]":
        """Return the record after ``happening`` at ``now``, and what is to be done (see ``updatestate``).

        What DISARM asks of the record itself is done in it: the slot is bad, and not armed.
        """
        phase, steps = TRANSITIONS[self.phase, happening]
        record = self
        if phase is not self.phase:
            record = replace(record, phase=phase, changed=now, reason=reason)
        elif reason:
            record = replace(record, reason=reason)
        if happening is Happening.TRIAL_STARTED and phase is not self.phase:
            record = replace(record, stage="")
        if Step.DISARM in steps:
            record = replace(record, armed=None)
            if self.slot is not None:
                record = record.marked(self.slot, "bad")
        return record, steps

    def marked(self, slot: Slot, standing: Standing) -> "Record":
        """Return the record with a slot's standing; a bad slot is not armed."""
        armed = None if standing == "bad" and self.armed == slot else self.armed
        return replace(self, standing={**self.standing, slot: standing}, armed=armed)

    def reached(self, stage: Stage) -> "Record":
        """Return the record with a trial's stage, where that is further than before."""
        return replace(self, stage=stage) if STAGES.index(stage) > STAGES.index(self.stage) else self


class Records:
    """The file. Writing raises StoreError; a power cut at any moment leaves the old record or the new one."""

    def __init__(self, files: FileOperations | None = None) -> None:
        """``files``: the folder, else the device's own."""
        self._files = files or Directory(FOLDER, public=True)

    def read(self) -> Record:
        """Return the record. Raises StoreError where the folder cannot be read."""
        return decode(self._files.read(NAME))

    def save(self, record: Record) -> None:
        """Write the record, where it changed."""
        data = encode(record)
        if data != self._files.read(NAME):
            write_atomically(self._files, NAME, data)


def encode(record: Record) -> bytes:
    """Return the file's content."""
    return (json.dumps(asdict(record) | {"phase": record.phase.value}, indent=1) + "\n").encode()


def decode(data: bytes | None) -> Record:
    """Return the record; an empty one for whatever this module did not write."""
    try:
        value = json.loads(data or b"")
        before = value["before"]
        return Record(
            phase=Phase(value["phase"]),
            slot=_slot(value["slot"]),
            version=_text(value["version"]),
            url=_text(value["url"]),
            reason=_text(value["reason"]),
            stage=next(stage for stage in STAGES if stage == value["stage"]),
            changed=float(value["changed"]),
            when=_text(value["when"]),
            armed=_slot(value["armed"]),
            standing={slot: "good" if value["standing"][slot] == "good" else "bad" for slot in SLOTS},
            before=Before(
                before["card"] is True, before["registered"] is True, tuple(_text(line) for line in before["faults"])
            ),
        )
    except (ValueError, TypeError, LookupError, StopIteration, RecursionError, AttributeError, OverflowError):
        return Record()


def _slot(value: object) -> Slot | None:
    if value is None:
        return None
    return next(slot for slot in SLOTS if slot == value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
