"""Replays power cuts from a recording, and asks of each disk what it is worth."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imagebuild.powercut import Cut, ReplayDisk, cuts
from imagebuild.writelog import Acknowledged, Entry, acknowledgements, read_log
from offhook.errors import OffhookError
from tests.vm.powercut import cutdisk
from tests.vm.powercut.verdicts import BadError, Remains, promised

TMPFS = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Recording:
    """The disk before the first write, and everything that was written to it."""

    before: Path
    entries: list[Entry]
    marks: list[Acknowledged]

    @classmethod
    def read(cls, before: Path, log: Path) -> "Recording":
        entries = read_log(log)
        return cls(before, entries, list(acknowledgements(entries, cutdisk.MARKS_SECTOR)))

    def workload_at(self, position: int) -> str:
        """The workload that was under way at an entry: the one of the next mark."""
        names = (str(mark.said["workload"]) for mark in self.marks if mark.position >= position)
        return next(names, "afterwards")


@dataclass(slots=True)
class Result:
    """How many cuts were tried, and by workload what was bad about which."""

    tried: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    within: Counter[str] = field(default_factory=Counter)
    """By workload how many cuts fell into it."""
    bad: dict[str, list[str]] = field(default_factory=dict)

    def count(self, workload: str) -> int:
        return len(self.bad.get(workload, []))


def replay(
    recording: Recording, count: int, seed: int, verdicts: Mapping[str, Callable[[Remains], None]], first: int = 0
) -> Result:
    """Try ``count`` cuts from entry ``first`` on; what the phone's own code raises is as bad as a wrong answer."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix="powercut-", dir=TMPFS if TMPFS.is_dir() else None) as name:
        work = Path(name)
        shutil.copyfile(recording.before, work / "disk")
        disk = ReplayDisk(work / "disk", recording.entries)
        for cut in cuts(recording.entries, count, seed, first):
            with disk.after(cut) as image, _remains(recording, cut, image, work) as remains:
                for workload, verdict in verdicts.items():
                    try:
                        verdict(remains)
                    except (BadError, OffhookError, OSError, KeyError, ValueError) as error:
                        result.bad.setdefault(workload, []).append(f"{cut}: {error}")
            result.tried += 1
            result.losses[cut.loss] += 1
            result.within[recording.workload_at(cut.position)] += 1
    return result


@contextmanager
def _remains(recording: Recording, cut: Cut, image: Path, work: Path) -> Iterator[Remains]:
    fat, data = work / "fat", work / "data"
    try:
        cutdisk.copy_fat(image, work / "scratch", fat)
        cutdisk.copy_data(image, work / "scratch", data)
        yield Remains(fat, data, *promised(recording.marks, cut.position))
    finally:
        shutil.rmtree(fat, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)
