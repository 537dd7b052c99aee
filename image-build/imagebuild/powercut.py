"""Power cuts, replayed from a log of writes.

A card may lose or keep each write since the last flush, whatever their order, and may have written part of the sectors
of one. So a disk after a cut is: everything up to the last flush, and of what came later any part, in sectors of 512
bytes. A write with FUA is on the disk once it is answered.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Literal

from imagebuild.writelog import SECTOR, Entry

Loss = Literal["none", "writes", "sectors"]
"""What of the writes since the last flush is lost: none of them, each with even odds, or each sector of them so."""


@dataclass(frozen=True, slots=True)
class Cut:
    """``position``: entries that the guest had made; ``seed`` chooses what was lost."""

    position: int
    loss: Loss
    seed: int

    def __str__(self) -> str:
        return f"cut {self.position}/{self.loss}/{self.seed}"


def cuts(entries: Sequence[Entry], count: int, seed: int, first: int = 0) -> list[Cut]:
    """Return ``count`` cuts between entry ``first`` and the end, in their order; the same seed gives the same."""
    chance = random.Random(seed)
    losses: tuple[Loss, ...] = ("none", "writes", "writes", "sectors", "sectors")
    made = [
        Cut(chance.randint(first, len(entries)), chance.choice(losses), chance.getrandbits(32)) for _ in range(count)
    ]
    return sorted(made, key=lambda cut: cut.position)


class ReplayDisk:
    """A file that becomes the disk as each cut left it, and is taken forward for the next: cuts must come in order."""

    def __init__(self, path: Path, entries: Sequence[Entry]) -> None:
        """``path``: a copy of the disk before the first entry, best on a tmpfs; it is changed."""
        self._path = path
        self._entries = entries
        self._done = 0
        """Entries that are on the disk for good."""
        self._flushes = [index for index, entry in enumerate(entries) if entry.flushes]
        self._lent: list[range] = [range(2**62)]
        self.changed: list[range] = []
        """Sectors that may differ from those of the disk that was lent before."""

    @contextmanager
    def after(self, cut: Cut) -> Iterator[Path]:
        """Lend the disk as it was after ``cut``; what the borrower reads is not changed by the next one."""
        with self._path.open("r+b", buffering=0) as disk:
            safe = max((index + 1 for index in self._flushes if index < cut.position), default=0)
            lasting = [(entry.sector, entry.data) for entry in self._entries[self._done : safe] if entry.data]
            for sector, data in lasting:
                _apply(disk, sector, data)
            self._done = max(self._done, safe)
            kept = list(lost_and_kept(self._entries[safe : cut.position], cut))
            undo: list[tuple[int, bytes]] = []
            self.changed = [*self._lent, *_sectors(lasting), *_sectors(kept)]
            self._lent = _sectors(kept)
            for sector, data in kept:
                disk.seek(sector * SECTOR)
                undo.append((sector, disk.read(len(data))))
                _apply(disk, sector, data)
            try:
                yield self._path
            finally:
                for sector, data in reversed(undo):
                    _apply(disk, sector, data)


def lost_and_kept(entries: Sequence[Entry], cut: Cut) -> Iterator[tuple[int, bytes]]:
    """Return what of the writes since the last flush reached the disk, each with its sector."""
    chance = random.Random(cut.seed)
    for entry in entries:
        if not entry.data:
            continue
        if entry.lasting or cut.loss == "none":
            yield entry.sector, entry.data
        elif cut.loss == "writes":
            if chance.random() < 0.5:
                yield entry.sector, entry.data
        else:
            for offset in range(0, len(entry.data), SECTOR):
                if chance.random() < 0.5:
                    yield entry.sector + offset // SECTOR, entry.data[offset : offset + SECTOR]


def _sectors(writes: Iterable[tuple[int, bytes]]) -> list[range]:
    return [range(sector, sector + len(data) // SECTOR) for sector, data in writes]


def _apply(disk: FileIO, sector: int, data: bytes) -> None:
    if data:
        disk.seek(sector * SECTOR)
        disk.write(data)
