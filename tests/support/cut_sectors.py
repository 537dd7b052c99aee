"""A FAT partition that loses power: small files in memory, and every state that a cut after each operation may leave.

A file is one data sector and its length, which stands in a folder's sector. Each sector is written whole or not at all;
until they are synced, each may be old or new by itself. Cutting a file to nothing gives its sector back: what is read
under a length that is on the disk already, from a sector that is not, is garbage.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from tests.support.cut_disk import PowerCut

GARBAGE = b"\xe5" * 512
Sectors = dict[str, tuple[bytes, int]]


@dataclass
class CutSectors:
    """Implements SectorOperations; ``truncate`` is for a bad writer. ``cut_after``: operations that succeed."""

    now: Sectors = field(default_factory=dict)
    durable: Sectors = field(default_factory=dict)
    cut_after: int | None = None
    operations: int = 0

    @classmethod
    def holding(cls, files: dict[str, bytes], cut_after: int | None = None) -> "CutSectors":
        """Return a partition whose files are all safe."""
        sectors = {name: (data.ljust(512, b"\0"), len(data)) for name, data in files.items()}
        return cls(dict(sectors), dict(sectors), cut_after)

    def _count(self) -> None:
        if self.cut_after is not None and self.operations >= self.cut_after:
            raise PowerCut
        self.operations += 1

    def read(self, name: str) -> bytes | None:
        if name not in self.now:
            return None
        sector, length = self.now[name]
        return sector[:length]

    def overwrite(self, name: str, data: bytes) -> None:
        self._count()
        sector, length = self.now[name]
        assert len(data) == length, "its length would change too, which is another write"
        self.now[name] = (data + sector[len(data) :], length)

    def create(self, name: str, data: bytes) -> None:
        self._count()
        assert not self.read(name), "the old text would be lost"
        self.now[name] = (data.ljust(512, b"\0"), len(data))

    def truncate(self, name: str) -> None:
        self._count()
        self.now[name] = (GARBAGE, 0)

    def sync(self, name: str) -> None:
        self._count()
        self.durable[name] = self.now[name]

    def outcomes(self) -> Iterator[dict[str, bytes]]:
        """Every set of files that may be found when power is back."""
        changed = [name for name in self.now if self.now[name] != self.durable.get(name)]
        for choices in product(product((False, True), repeat=2), repeat=len(changed)):
            found = {name: sector[:length] for name, (sector, length) in self.durable.items()}
            for name, (sector_written, length_written) in zip(changed, choices, strict=True):
                sector, length = self.durable.get(name, (GARBAGE, -1))
                if sector_written:
                    sector = self.now[name][0]
                if length_written:
                    length = self.now[name][1]
                if length >= 0:
                    found[name] = sector[:length]
            yield found
