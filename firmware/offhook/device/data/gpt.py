"""Growing the last partition of a GPT so that a power cut at any moment leaves a table that is whole. Pure but for
the disk that is passed in.

The table is a header (one sector, with its own checksum and that of the list of partitions) and the list. To change the
list where it lies is two writes, and between them the checksums do not match: Linux then finds no partition at all
(it looks at the second table only where the kernel is told to). So:

1. the second table is written at the new end of the disk;
2. the new list goes to sectors that nobody uses, in front of the first partition;
3. the header is written, as one sector, and names that place: from here on the partition is larger;
4. the list goes to its usual place;
5. the header is written once more and names that.

A flush comes after each. In front of the header the MBR stays as it is, for a Pi 3 and Zero 2 W start from it.
Source: UEFI specification 2.10, 5.3 "GUID Partition Table (GPT) Disk Layout".
"""

import struct
import zlib
from dataclasses import dataclass, replace
from typing import Protocol

from offhook.device.boot.slots import SECTOR
from offhook.errors import DeviceError

_HEADER = struct.Struct("<8s4sIII4Q16sQIII")
_SIGNATURE = b"EFI PART"
_MOST_LIST = 16 * 1024
USUAL, SPARE = 2, 34
"""First sectors of the list: the usual place, and the one that serves while it is changed."""
_LIST_SECTORS = _MOST_LIST // SECTOR
WORTH = 16 * 1024 * 1024 // SECTOR
"""Sectors: a partition is grown by no less."""


class Disk(Protocol):
    """A whole disk, in sectors of 512 bytes. Each call raises DeviceError where the system refuses."""

    @property
    def sectors(self) -> int:
        """How many it has."""

    def read(self, sector: int, count: int) -> bytes:
        """Return what stands there."""

    def write(self, sector: int, data: bytes) -> None:
        """Write whole sectors."""

    def flush(self) -> None:
        """Return when what was written is safe."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: where things lie, in sectors, and the list of partitions as it stands on the disk."""

    revision: bytes
    size: int
    at: int
    other: int
    first: int
    last: int
    guid: bytes
    list_at: int
    count: int
    entry_size: int
    entries: bytes

    def header(self) -> bytes:
        """Return the header's sector."""
        facts = (self.at, self.other, self.first, self.last, self.guid, self.list_at, self.count, self.entry_size)
        rest = (*facts, zlib.crc32(self.entries))
        bare = _HEADER.pack(_SIGNATURE, self.revision, self.size, 0, 0, *rest)
        return _HEADER.pack(_SIGNATURE, self.revision, self.size, zlib.crc32(bare), 0, *rest).ljust(SECTOR, b"\0")

    def entry(self, number: int) -> bytes:
        """Return what the list says of partition ``number``, counted from 1."""
        return self.entries[(number - 1) * self.entry_size : number * self.entry_size]

    def with_end(self, number: int, last: int) -> "Table":
        """Return the table with another last sector of a partition."""
        at = (number - 1) * self.entry_size + 40
        return replace(self, entries=self.entries[:at] + last.to_bytes(8, "little") + self.entries[at + 8 :])


@dataclass(frozen=True, slots=True)
class Place:
    """A partition in use: its number, first and last sector, and name."""

    number: int
    start: int
    last: int
    name: str

    @property
    def sectors(self) -> int:
        return self.last - self.start + 1


def read_table(disk: Disk, sector: int = 1) -> Table:
    """Return the table whose header is there. Raises DeviceError where it is none, or not whole."""
    raw = disk.read(sector, 1)
    fields = _HEADER.unpack_from(raw)
    signature, revision, size, checksum, _, at, other, first, last, guid, list_at, count, entry_size, list_sum = fields
    if signature != _SIGNATURE or size != _HEADER.size or at != sector or entry_size < 128:
        raise DeviceError("the disk has no partition table of the kind that is known here (GPT): nothing is changed")
    if zlib.crc32(raw[:16] + bytes(4) + raw[20:size]) != checksum:
        raise DeviceError("the header of the partition table is not whole: nothing is changed")
    length = count * entry_size
    if list_at >= disk.sectors:
        raise DeviceError("the list of the partition table lies beyond the end of the disk: nothing is changed")
    if not 0 < length <= _MOST_LIST or length % SECTOR:
        raise DeviceError("the partition table has a list of a length that is not known here: nothing is changed")
    entries = disk.read(list_at, length // SECTOR)
    if zlib.crc32(entries) != list_sum:
        raise DeviceError("the list of the partition table is not whole: nothing is changed")
    return Table(revision, size, at, other, first, last, guid, list_at, count, entry_size, entries)


def places(table: Table) -> list[Place]:
    """Return the partitions that are in use, in the order in which they lie."""
    found = []
    for number in range(1, table.count + 1):
        entry = table.entry(number)
        if any(entry[:16]):
            start, last = struct.unpack_from("<QQ", entry, 32)
            found.append(Place(number, start, last, entry[56:128].decode("utf-16-le", "replace").partition("\0")[0]))
    return sorted(found, key=lambda place: place.start)


def named(table: Table, name: str) -> Place:
    """Return the partition of this name. Raises DeviceError."""
    place = next((place for place in places(table) if place.name == name), None)
    if place is None:
        raise DeviceError(f"there is no partition named {name}: nothing is changed")
    return place


def plan(table: Table, sectors: int, name: str) -> Place | None:
    """Return how the partition of this name lies once it has grown on a disk of so many sectors; None: not worth it.

    A change that a power cut ended is begun again. Raises DeviceError where the partition is not there or not the last.
    """
    place, found = named(table, name), places(table)
    if place != found[-1]:
        raise DeviceError(f"partition {name} is not the last on the disk, so it cannot grow: {found[-1].name} is")
    if found[0].start < SPARE + _LIST_SECTORS:
        raise DeviceError(f"partition {found[0].name} begins too early: there is no room to change the table safely")
    last = sectors - 1 - _LIST_SECTORS - 1  # the second table lies behind
    last = (last + 1) // 2048 * 2048 - 1  # partitions end at a MiB, as they begin
    if last - place.last < WORTH and table.list_at == USUAL:
        return None
    return replace(place, last=max(last, place.last))


def grow(disk: Disk, table: Table, place: Place) -> None:
    """Write the table with this new end of a partition. Raises DeviceError."""
    end = disk.sectors - 1
    new = replace(table.with_end(place.number, place.last), other=end, last=end - _LIST_SECTORS - 1)
    second = replace(new, at=end, other=1, list_at=end - _LIST_SECTORS)
    disk.write(second.list_at, new.entries)
    disk.write(end, second.header())
    disk.flush()
    for list_at in (USUAL,) if table.list_at == SPARE else (SPARE, USUAL):  # never where the one that counts lies
        disk.write(list_at, new.entries)
        disk.flush()
        disk.write(1, replace(new, list_at=list_at).header())
        disk.flush()
