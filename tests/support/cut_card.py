"""A device that loses power: several directories and a FAT partition under one count of operations.

The partition's model: what was written over in place may have reached the card sector by sector, in any choice; a
file that was made anew may be missing, empty, cut short or garbage; a removal may or may not have happened.
"""

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import product

from offhook.device.boot.slots import SECTOR
from tests.support.cut_disk import CutDisk, PowerCut

MOST_MIXES = 64


@dataclass
class Power:
    """How many operations succeed, over all disks together, before :class:`PowerCut`."""

    cut_after: int | None = None
    operations: int = 0

    def count(self) -> None:
        """Take one operation, or the power away."""
        if self.cut_after is not None and self.operations >= self.cut_after:
            raise PowerCut
        self.operations += 1


@dataclass
class PoweredDisk(CutDisk):
    """One directory of several that lose power together."""

    power: Power = field(default_factory=Power)

    def _count(self) -> None:
        self.power.count()


@dataclass
class CutCard:
    """Implements Card."""

    power: Power = field(default_factory=Power)
    files: dict[str, bytes] = field(default_factory=dict)
    durable: dict[str, bytes] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    overwritten: list[tuple[str, int, int]] = field(default_factory=list)

    @classmethod
    def holding(cls, files: dict[str, bytes], power: Power | None = None) -> "CutCard":
        """Return a partition whose files are all safe."""
        return cls(power or Power(), dict(files), dict(files))

    def changing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def overwrite(self, name: str, data: bytes) -> None:
        self.power.count()
        before = self.files[name]
        self.overwritten.append((name, len(before), len(data)))
        self.files[name] = data + before[len(data) :]
        self.over.add(name)

    def write(self, name: str, data: bytes) -> None:
        self.power.count()
        self.files[name] = data
        self.anew.add(name)

    def remove(self, name: str) -> None:
        self.power.count()
        if self.files.pop(name, None) is not None:
            self.removed.add(name)

    def sync(self, name: str) -> None:
        self.power.count()
        self.over.discard(name)
        self.anew.discard(name)
        if name in self.files:
            self.durable[name] = self.files[name]
        for gone in self.removed:
            self.durable.pop(gone, None)
        self.removed.clear()

    def outcomes(self, rng: random.Random) -> Iterator[dict[str, bytes]]:
        """Sets of files that may be found when power is back: all of them where they are few, else a choice."""
        for gone in product((False, True), repeat=len(self.removed)):
            left = {name for name, did in zip(sorted(self.removed), gone, strict=True) if did}
            base = {name: data for name, data in self.durable.items() if name not in left}
            found = [base]
            for name in sorted(self.over):
                mixes = list(_mixes(self.durable[name], self.files[name], rng))
                found = [each | {name: mix} for each in found for mix in mixes]
            for name in sorted(self.anew):
                data = self.files[name]
                torn = [b"", data[: len(data) // 2], b"\0" * len(data), data]
                found += [each | {name: part} for each in found for part in torn]
            yield from found


def _mixes(old: bytes, new: bytes, rng: random.Random) -> Iterator[bytes]:
    """What may be found of a file that was written over: the old length or the new, each sector old or new."""
    count = -(-len(new) // SECTOR)
    choices: list[tuple[bool, ...]]
    if 2**count <= MOST_MIXES:
        choices = list(product((False, True), repeat=count))
    else:
        choices = [tuple(rng.random() < 0.5 for _ in range(count)) for _ in range(MOST_MIXES)]
    for length in sorted({len(old), len(new)}):
        for choice in choices:
            padded = old.ljust(len(new), b"\0")
            parts = [
                (new if chosen else padded)[index * SECTOR : (index + 1) * SECTOR]
                for index, chosen in enumerate(choice)
            ]
            yield b"".join(parts)[:length]
