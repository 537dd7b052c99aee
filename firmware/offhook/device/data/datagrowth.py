"""The data partition takes what room the card has: kernel, table, file system, one after the other; root only.

Each step is done again at the next start where a power cut ended it: what the kernel was told is forgotten by then, and
the file system never grows beyond the partition of the table. The kernel comes first because it may refuse, and because
udev takes the partition's name away where it looks while the two do not say the same. The file system grows while it is
mounted.
"""

import array
import fcntl
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from offhook.device.boot.slots import SECTOR
from offhook.device.data.gpt import Disk, Place, grow, named, plan, read_table
from offhook.errors import DeviceError

NAME = "data"
_BLKPG, _RESIZE = 0x1269, 3
"""``BLKPG`` and ``BLKPG_RESIZE_PARTITION`` of linux/blkpg.h; resizepart(8) is not on every Debian."""
_RESIZE_FS = 0x40086610
"""``EXT4_IOC_RESIZE_FS`` of linux/ext4.h: the number of blocks, 64 bits."""


class DiskInUse(Disk, Protocol):
    """A disk whose partitions the kernel has read already. Each call raises DeviceError."""

    def tell_kernel(self, place: Place) -> None:
        """Tell the kernel a partition's length while it is in use; at a start it reads the table itself."""


class WholeDisk:
    """Implements :class:`DiskInUse` on a block device, or a file; use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises DeviceError."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            self._sectors = os.lseek(self._file, 0, os.SEEK_END) // SECTOR
        except OSError as error:
            raise DeviceError(f"{path} cannot be opened ({error.strerror}): nothing is changed") from error

    @property
    def sectors(self) -> int:
        return self._sectors

    def read(self, sector: int, count: int) -> bytes:
        try:
            data = os.pread(self._file, count * SECTOR, sector * SECTOR)
        except OSError as error:
            raise DeviceError(f"the partition table cannot be read ({error.strerror}): check the card") from error
        if len(data) != count * SECTOR:
            raise DeviceError("the partition table lies beyond the end of the disk: nothing is changed")
        return data

    def write(self, sector: int, data: bytes) -> None:
        try:
            written = os.pwrite(self._file, data, sector * SECTOR)
        except OSError as error:
            raise DeviceError(f"the partition table cannot be written ({error.strerror}): check the card") from error
        if written != len(data):
            raise DeviceError("the partition table was not written whole: check the card")

    def flush(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            raise DeviceError(f"the partition table cannot be written ({error.strerror}): check the card") from error

    def tell_kernel(self, place: Place) -> None:
        partition = array.array(
            "B", struct.pack("@qqi64s64s", place.start * SECTOR, place.sectors * SECTOR, place.number, b"", b"")
        )
        address, _ = partition.buffer_info()
        try:
            fcntl.ioctl(self._file, _BLKPG, struct.pack("@iiiP", _RESIZE, 0, len(partition), address))
        except OSError as error:
            raise DeviceError(
                f"the kernel does not take the new length of partition {place.name} ({error.strerror}): "
                "it is tried again at the next start"
            ) from error

    def __enter__(self) -> "WholeDisk":
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._file)


def grow_data(
    folder: Path,
    say: Callable[[str], object],
    sysfs: Path = Path("/sys/dev/block"),
    devices: Path = Path("/dev"),
) -> None:
    """Grow the partition mounted at ``folder``. Raises DeviceError.

    It is found by its number: another disk may have a partition of this name.
    """
    try:
        number = os.stat(folder).st_dev
        partition = (sysfs / f"{os.major(number)}:{os.minor(number)}").resolve(strict=True)
        seen = tuple(int((partition / fact).read_text()) for fact in ("partition", "start", "size"))
    except (OSError, ValueError) as error:
        raise DeviceError(f"{folder} is no partition that is mounted ({error}): nothing is changed") from error
    with WholeDisk(devices / partition.parent.name) as disk:
        place = named(read_table(disk), NAME)
        if (place.number, place.start) != seen[:2]:
            raise DeviceError(f"the partition at {folder} is not the one named {NAME}: nothing is changed")
        place = grow_partition(disk, seen[2], say)
    grow_file_system(folder, place.sectors * SECTOR)


def grow_file_system(folder: Path, length: int) -> None:
    """Let the ext4 mounted at ``folder`` take ``length`` bytes; nothing happens where it does. Raises DeviceError.

    What resize2fs(8) does with one that is mounted. It looks for a place where it may write among all mounts of the
    partition, and may find one that is read-only within the unit.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _RESIZE_FS, struct.pack("@Q", length // os.fstatvfs(descriptor).f_frsize))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DeviceError(
            f"the file system of {folder} does not grow ({error.strerror}): it is tried again at the next start"
        ) from error


def grow_partition(disk: DiskInUse, known: int, say: Callable[[str], object]) -> Place:
    """Grow partition ``data`` where it can; return where it lies now. Raises DeviceError.

    ``known``: how many sectors the kernel gives it.
    """
    table = read_table(disk)
    before = named(table, NAME)
    after = plan(table, disk.sectors, NAME)
    place = after or before
    if place.sectors != known:
        disk.tell_kernel(place)
    if after is None:
        return before
    try:
        grow(disk, table, after)
    except DeviceError:
        with suppress(DeviceError):
            disk.tell_kernel(named(read_table(disk), NAME))
        raise
    say(f"partition {NAME}: {_mib(before)} MiB become {_mib(after)}")
    return after


def _mib(place: Place) -> int:
    return place.sectors * SECTOR // 2**20
