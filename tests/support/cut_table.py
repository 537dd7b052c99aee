"""A disk with a partition table that loses power: each sector that was not flushed is the old or the new one."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from offhook.device.data.gpt import Table
from tests.support.cut_disk import PowerCut

SECTOR = 512
NAMES = ("bootcfg", "root_a", "root_b", "data")
OLD_SECTORS, NEW_SECTORS = 100 * 2048, 400 * 2048


@dataclass
class CutTable:
    """Implements :class:`offhook.device.data.gpt.Disk`; ``cut_after``: operations that succeed."""

    sectors: int
    now: dict[int, bytes] = field(default_factory=dict)
    durable: dict[int, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    operations: int = 0

    def read(self, sector: int, count: int) -> bytes:
        return b"".join(self.now.get(number, bytes(SECTOR)) for number in range(sector, sector + count))

    def write(self, sector: int, data: bytes) -> None:
        self._count()
        for offset in range(0, len(data), SECTOR):
            self.now[sector + offset // SECTOR] = data[offset : offset + SECTOR]

    def flush(self) -> None:
        self._count()
        self.durable = dict(self.now)

    def outcomes(self, rng: random.Random) -> Iterator["CutTable"]:
        """Disks as they may be found when power is back."""
        changed = [number for number, data in self.now.items() if self.durable.get(number, bytes(SECTOR)) != data]
        choices = {(True,) * len(changed), (False,) * len(changed)}
        choices |= {tuple(rng.random() < 0.5 for _ in changed) for _ in range(32)}
        for choice in sorted(choices):
            found = dict(self.durable)
            found |= {number: self.now[number] for number, kept in zip(changed, choice, strict=True) if kept}
            yield CutTable(self.sectors, dict(found), dict(found))

    def _count(self) -> None:
        if self.operations == self.cut_after:
            raise PowerCut
        self.operations += 1


def entry(name: str, start: int, last: int) -> bytes:
    kind, own = (
        uuid.UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4").bytes_le,
        uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes_le,
    )
    words = kind + own + start.to_bytes(8, "little") + last.to_bytes(8, "little") + bytes(8)
    return words + name.encode("utf-16-le").ljust(72, b"\0")


def table(names: tuple[str, ...] = NAMES, first: int = 2048) -> Table:
    size = 20 * 2048
    entries = b"".join(entry(name, first + size * at, first + size * (at + 1) - 1) for at, name in enumerate(names))
    return Table(
        b"\0\0\1\0", 92, 1, OLD_SECTORS - 1, 34, OLD_SECTORS - 34, bytes(16), 2, 128, 128, entries.ljust(16384, b"\0")
    )


def disk(sectors: int = NEW_SECTORS, made: Table | None = None) -> CutTable:
    """A disk whose table was made for a smaller one."""
    found, made = CutTable(sectors), made or table()
    found.write(1, made.header())
    found.write(2, made.entries)
    found.flush()
    found.operations = 0
    return found
