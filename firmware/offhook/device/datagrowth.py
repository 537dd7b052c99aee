"""The data partition takes what room the card has: table, kernel, file system, one after the other; root only.

Each step is done again at the next start where a power cut ended it. The file system grows while it is mounted.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from offhook.device.gpt import Growth, grow, plan, read_table
from offhook.device.slots import SECTOR
from offhook.errors import DeviceError

NAME = "data"
_LIMIT_S = 3600.0


class WholeDisk:
    """Implements :class:`offhook.device.gpt.Disk` on a block device, or a file; use as a context manager."""

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

    def __enter__(self) -> "WholeDisk":
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._file)


def grow_data(partition: Path, say: Callable[[str], object], sysfs: Path = Path("/sys/class/block")) -> None:
    """Grow the partition with this device, the kernel's idea of it, and its file system. Raises DeviceError."""
    device = partition.resolve()
    entry = (sysfs / device.name).resolve()
    disk = device.with_name(entry.parent.name)
    growth = grow_table(disk, say)
    if growth is not None:
        length = growth.sectors
        _run("resizepart", str(disk), str(growth.place.number), str(length))  # counts in sectors of 512 bytes
    _run("resize2fs", str(device))


def grow_table(path: Path, say: Callable[[str], object]) -> Growth | None:
    """Grow partition ``data`` in the table of a disk; return what was done. Raises DeviceError."""
    with WholeDisk(path) as disk:
        table = read_table(disk)
        growth = plan(table, disk.sectors, NAME)
        if growth is not None:
            grow(disk, table, growth)
            before, after = growth.place.last - growth.place.start + 1, growth.sectors
            say(f"partition {NAME}: {before * SECTOR // 2**20} MiB become {after * SECTOR // 2**20}")
    return growth


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr.strip().splitlines() if isinstance(error, subprocess.CalledProcessError) else []
        raise DeviceError(f"`{' '.join(command)}` failed ({said[-1] if said else error}): it is tried again") from error
