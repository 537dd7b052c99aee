"""What QEMU's ``blklogwrites`` filter recorded: every write and flush of a disk, in order.

The format is that of the kernel's dm-log-writes (``drivers/md/dm-log-writes.c``): a superblock, then for each request a
head in a sector of its own, and its data. QEMU counts the entries in the superblock anew at every flush.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagebuild.errors import BuildError

MAGIC, VERSION = 0x6A736677736872, 1
_SUPER, _HEAD = struct.Struct("<QQQI"), struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
_KNOWN = FLUSH | FUA | DISCARD | MARK
SECTOR = 512


class WriteLogError(BuildError):
    """A log is not whole, or none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. ``sector`` counts 512 bytes; ``data`` is empty for a flush; a discard has ``length`` in bytes."""

    sector: int
    data: bytes = b""
    flags: int = 0
    length: int = 0

    @property
    def flushes(self) -> bool:
        """Whether everything that was written before is on the disk after this request."""
        return bool(self.flags & FLUSH)

    @property
    def lasting(self) -> bool:
        """Whether its own data is on the disk when it is answered."""
        return bool(self.flags & FUA)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the guest wrote into the marks' place after a step: from entry ``position`` on it must not be lost."""

    position: int
    said: Mapping[str, object]


def read_log(path: Path) -> list[Entry]:
    """Return every entry that the superblock counts. Raises WriteLogError."""
    with path.open("rb") as file:
        head = file.read(_SUPER.size)
        if len(head) != _SUPER.size:
            raise WriteLogError(f"{path} is no log of writes: it has {len(head)} bytes")
        magic, version, count, sector = _SUPER.unpack(head)
        if magic != MAGIC or version != VERSION or sector % SECTOR or not sector:
            raise WriteLogError(f"{path} is no log of writes of version {VERSION}")
        file.seek(sector)
        return [_entry(path, number, file.read, sector) for number in range(count)]


def _entry(path: Path, number: int, read: Callable[[int], bytes], sector: int) -> Entry:
    head = read(sector)
    if len(head) != sector:
        raise WriteLogError(f"{path} ends before entry {number}")
    first, sectors, flags, extra = _HEAD.unpack_from(head)
    if flags & ~_KNOWN:
        raise WriteLogError(f"{path}: entry {number} has flags that are not known ({flags:#x})")
    factor = sector // SECTOR
    if flags & MARK:
        read(-(-extra // sector) * sector)
        return Entry(0, b"", flags)
    size = sectors * sector
    if flags & DISCARD:
        return Entry(first * factor, b"", flags, size)
    data = read(size)
    if len(data) != size:
        raise WriteLogError(f"{path} ends inside entry {number}")
    return Entry(first * factor, data, flags, size)


def write_log(path: Path, entries: Sequence[Entry]) -> None:
    """Write entries as QEMU does (without marks)."""
    with path.open("wb") as file:
        file.write(_SUPER.pack(MAGIC, VERSION, len(entries), SECTOR).ljust(SECTOR, b"\0"))
        for entry in entries:
            sectors = (entry.length or len(entry.data)) // SECTOR
            file.write(_HEAD.pack(entry.sector, sectors, entry.flags, 0).ljust(SECTOR, b"\0"))
            file.write(entry.data)


def acknowledgements(entries: Sequence[Entry], sector: int) -> Iterator[Acknowledged]:
    """Return what was written to the marks' ``sector``: one JSON object each, filled up with zeros."""
    for position, entry in enumerate(entries):
        if entry.data and entry.sector == sector:
            try:
                said = json.loads(entry.data.rstrip(b"\0"))
            except ValueError:
                raise WriteLogError(f"entry {position} in the marks' place says nothing that is understood") from None
            if isinstance(said, dict):
                yield Acknowledged(position, said)
