"""Replays power cuts from a recording, and asks of each disk what it is worth."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imagebuild.powercut import ReplayDisk, cuts
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
        unpacked = Unpacked(disk, work)
        for cut in cuts(recording.entries, count, seed, first):
            with disk.after(cut) as image, unpacked.files(image) as (fat, data):
                remains = Remains(fat, data, *promised(recording.marks, cut.position))
                for workload, verdict in verdicts.items():
                    try:
                        verdict(remains)
                    except (BadError, OffhookError, OSError, KeyError, ValueError) as error:
                        result.bad.setdefault(workload, []).append(f"{cut}: {error}")
            result.tried += 1
            result.losses[cut.loss] += 1
            result.within[recording.workload_at(cut.position)] += 1
    return result


class Unpacked:
    """The files of the disk that was lent last: what no write touched since need not be copied out again."""

    _COPY: Mapping[str, Callable[[Path, Path, Path], None]] = {"fat": cutdisk.copy_fat, "data": cutdisk.copy_data}

    def __init__(self, disk: ReplayDisk, work: Path) -> None:
        self._disk = disk
        self._work = work

    @contextmanager
    def files(self, image: Path) -> Iterator[tuple[Path, Path]]:
        """Lend copies of the files of both partitions; they may be changed."""
        lent = {name: self._work / name for name in self._COPY}
        try:
            for name, copy_out in self._COPY.items():
                kept = self._work / f"{name}.kept"
                if not kept.exists() or self._is_touched(name):
                    shutil.rmtree(kept, ignore_errors=True)
                    copy_out(image, self._work / "scratch", kept)
                shutil.copytree(kept, lent[name], symlinks=True)
            yield lent["fat"], lent["data"]
        finally:
            for folder in lent.values():
                shutil.rmtree(folder, ignore_errors=True)

    def _is_touched(self, name: str) -> bool:
        own = cutdisk.SECTORS[name]
        return any(sectors.start < own.stop and own.start < sectors.stop for sectors in self._disk.changed)
