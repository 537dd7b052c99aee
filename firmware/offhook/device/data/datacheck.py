"""What is to become of the data partition, by what e2fsck(8) and mount(8) said of it. Pure.

A file system that cannot be mended is made anew: a phone without its memory is better than one that restarts for ever.
It is never made anew where that would not help, or might not be needed: the device is missing or read-only, there was
an error of input or output, memory was short, the file system is of a kind that this e2fsck or this kernel does not
know.

Exit statuses of fsck(8) and e2fsck(8), which are added up:

====== ================================================ ==========================================================
status means                                            what follows
====== ================================================ ==========================================================
0, 1   no errors; errors that were mended               mounted
2      mended, the system should restart                the same: nothing is mounted from it yet
4      errors are left after ``-f -y``                  made anew
8      an operational error                             made anew if e2fsck says that this is no file system any more
                                                        (no superblock that is one, or larger than its partition)
16..   wrong use, ended by a signal, a library missing  left as it is
====== ================================================ ==========================================================
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from offhook.errors import DeviceError

UNFINISHED = "offhook-new"
"""Label of a file system that is being made: one that a power cut left half made holds nothing."""
LABEL = "data"
ROUNDS = 3
"""So often it is looked at before it is given up: a second pass mends what a first one brought to light."""
PAUSE_S = 5.0

TROUBLE = (
    *("Input/output error", "short read", "short write", "can't read superblock", "Remote I/O error"),
    *("No medium found", "No such device", "Connection timed out"),
)
"""What the C library, e2fsck and mount say where a block could not be read or written, or the card is not there.

e2fsck adds to any such fault at opening that the superblock "does not describe a valid" file system.
"""
TOO_LARGE = ("according to the superblock",)
"""It is larger than its partition."""
_NO_MEMORY = ("Cannot allocate memory", "Memory allocation failed")
_NO_FILE_SYSTEM = (
    "Bad magic number in super-block",
    "does not describe a valid",
    "ext2 superblock is corrupt",  # not that of the journal, which is mended
    *TOO_LARGE,
)
_NOT_MOUNTABLE = ("Structure needs cleaning", "Bad message")
"""EUCLEAN and EBADMSG in mount(8)'s words: ext4 finds it damaged."""
_NOT_TAKEN = ("bad superblock",)
"""EINVAL: a kernel that does not know a feature or an option, or that was given something else than e2fsck was."""
TELLING = (*TROUBLE, *_NO_MEMORY, *_NO_FILE_SYSTEM, *_NOT_MOUNTABLE, *_NOT_TAKEN)


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended (below 0: by a signal), and those of its lines (in English) that are telling, or its last."""

    status: int
    lines: tuple[str, ...] = ()

    def names(self, phrases: tuple[str, ...]) -> bool:
        """Whether one of these phrases was said."""
        return any(phrase in line for line in self.lines for phrase in phrases)


class Verdict(Enum):
    """What follows."""

    GOOD = "in order"
    TROUBLE = "cannot be read or written"
    LEAVE = "left as it is"
    REMAKE = "cannot be mended"


def of_check(said: Said) -> Verdict:
    """Judge one look of e2fsck(8)."""
    if 0 <= said.status <= 3:
        return Verdict.GOOD
    if said.names(TROUBLE):
        return Verdict.TROUBLE
    if said.status < 0 or said.status >= 16 or said.names(_NO_MEMORY):
        return Verdict.LEAVE
    if said.status & 8:
        return Verdict.REMAKE if said.names(_NO_FILE_SYSTEM) else Verdict.LEAVE
    return Verdict.REMAKE


def of_mount(said: Said) -> Verdict:
    """Judge one mount(8) of a file system in which e2fsck finds no fault (any more).

    So a superblock that only mount finds bad is no reason to make it anew.
    """
    if said.status == 0:
        return Verdict.GOOD
    if said.names(TROUBLE):
        return Verdict.TROUBLE
    return Verdict.REMAKE if said.names(_NOT_MOUNTABLE) else Verdict.LEAVE


class DataDevice(Protocol):
    """What is asked of the partition. Each call raises DeviceError where a program is missing or does not end."""

    def label(self) -> str:
        """Return its file system's label, empty where there is none."""

    def check(self, *, overwrite: bool) -> Said:
        """Mend all that can be mended: ``e2fsck -f -y``.

        That writes over a block that cannot be read, and all that lay in it is gone: without ``overwrite`` nothing is
        written where something cannot be read.
        """

    def try_mount(self) -> Said:
        """Mount it read-only, and take it off again."""

    def make(self, reason: str) -> None:
        """Make a new file system, labelled :data:`UNFINISHED`, in which the reason is written down."""

    def finish(self) -> None:
        """Label it :data:`LABEL`: it counts from here on."""


def settle(
    device: DataDevice, *, trial: bool, pause: Callable[[float], object], say: Callable[[str], object]
) -> str | None:
    """See to it that the partition can be mounted; return why it was made anew, None where it was not.

    ``trial``: this start is the trial of an update. It makes nothing anew: whatever is wrong may be the new version's
    fault, and the old one comes back. Raises DeviceError where the partition stays as it is and cannot be mounted.
    """
    verdict, reason = _look(device, trial, pause, say)
    # Asked now: mending may have brought a superblock back. One that is half made holds nothing, mendable or not.
    if verdict in (Verdict.GOOD, Verdict.LEAVE) and device.label() == UNFINISHED:
        reason = "a power cut ended the making of its file system"
    elif verdict is Verdict.GOOD:
        return None
    elif verdict is not Verdict.REMAKE:
        raise DeviceError(f"the data partition {verdict.value} ({reason}): it is tried again at the next start")
    if trial:
        raise DeviceError(f"the data partition cannot be mended ({reason}), and a trial makes none anew")
    say(f"the data partition is made anew, all that it kept is gone: {reason}")
    device.make(reason)
    mounted = device.try_mount()
    if of_mount(mounted) is not Verdict.GOOD:
        raise DeviceError(
            f"the data partition was made anew and cannot be mounted ({_words(mounted)}): change the card"
        )
    device.finish()
    return reason


def _look(
    device: DataDevice, trial: bool, pause: Callable[[float], object], say: Callable[[str], object]
) -> tuple[Verdict, str]:
    """Mend and mount up to ROUNDS times; return the verdict and the reason. REMAKE is what all rounds came to.

    What cannot be read is written over in the last round only: what a card does not give now, it may give in a moment.
    """
    verdict, reason = Verdict.LEAVE, ""
    against: tuple[Verdict, str] | None = None
    for number in range(ROUNDS):
        if number:
            pause(PAUSE_S)
        said = device.check(overwrite=number == ROUNDS - 1 and not trial)
        verdict, reason = of_check(said), f"e2fsck ended with {said.status}{_words(said, ': ')}"
        if verdict is Verdict.GOOD:
            said = device.try_mount()
            verdict, reason = of_mount(said), f"it cannot be mounted{_words(said, ': ')}"
            if verdict is Verdict.GOOD:
                return verdict, ""
        say(f"data partition, look {number + 1} of {ROUNDS}: {verdict.value}, {reason}")
        if verdict is Verdict.TROUBLE or (verdict is Verdict.LEAVE and against is None):
            against = verdict, reason
    return against or (verdict, reason)


def _words(said: Said, before: str = "") -> str:
    return f"{before}{said.lines[0].strip()[:160]}" if said.lines else ""
