"""A disk that loses power: file operations in memory, and every state that a cut after each of them may leave.

The model is harsher than ext4: content that was not synced may be missing, empty, cut short or garbage; a rename or a
removal that was not synced may or may not have happened, each by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product


class PowerCut(Exception):
    """The disk is gone from here on."""


@dataclass
class CutDisk:
    """Implements FileOperations. ``cut_after``: how many operations succeed before :class:`PowerCut`."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    operations: int = 0
    unsynced: set[str] = field(default_factory=set)
    durable: dict[str, bytes] = field(default_factory=dict)
    pending: list[tuple[str, bytes | None]] = field(default_factory=list)

    @classmethod
    def holding(cls, files: dict[str, bytes], cut_after: int | None = None) -> "CutDisk":
        """Return a disk whose files are all safe."""
        return cls(files=dict(files), durable=dict(files), cut_after=cut_after)

    def _count(self) -> None:
        if self.cut_after is not None and self.operations >= self.cut_after:
            raise PowerCut
        self.operations += 1

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        self._count()
        self.files[name] = data
        self.unsynced.add(name)

    def sync(self, name: str) -> None:
        self._count()
        self.unsynced.discard(name)

    def rename(self, old: str, new: str) -> None:
        self._count()
        assert old not in self.unsynced, "renamed before it was synced: the new name may hold nothing"
        data = self.files.pop(old)
        self.files[new] = data
        self.pending.append((new, data))

    def remove(self, name: str) -> None:
        self._count()
        if self.files.pop(name, None) is not None:
            self.pending.append((name, None))

    def sync_names(self) -> None:
        self._count()
        self._settle(self.durable, self.pending)
        self.pending.clear()

    def names(self) -> list[str]:
        return sorted(self.files)

    @staticmethod
    def _settle(files: dict[str, bytes], changes: list[tuple[str, bytes | None]]) -> None:
        for name, data in changes:
            if data is None:
                files.pop(name, None)
            else:
                files[name] = data

    def outcomes(self) -> Iterator[dict[str, bytes]]:
        """Every set of files that may be found when power is back."""
        torn = [(name, self.files[name]) for name in sorted(self.unsynced) if name in self.files]
        for happened in product((False, True), repeat=len(self.pending)):
            base = dict(self.durable)
            self._settle(base, [change for change, did in zip(self.pending, happened, strict=True) if did])
            yield base
            for name, data in torn:
                for cut in (b"", data[: len(data) // 2], b"\0" * len(data), data):
                    yield base | {name: cut}
