"""Mounting what is needed for as long as it is needed (mount(8)); root only."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offhook.errors import DeviceError

BY_NAME = Path("/dev/disk/by-partlabel")
_LIMIT_S = 60.0
# As it is mounted, not as fstab says: where that names a partition which a unit cannot see, and has nofail, mount(8)
# does nothing and reports success.
_REMOUNT = ("mount", "--options-source", "mtab", "-o")


@contextmanager
def mounted(device: Path, *, read_only: bool) -> Iterator[Path]:
    """Mount a partition at a folder of its own while the block runs. Raises DeviceError."""
    with tempfile.TemporaryDirectory(prefix="offhook-mount-") as folder:
        _run("mount", "-o", "ro" if read_only else "rw", str(device), folder)
        try:
            yield Path(folder)
        finally:
            _run("umount", folder)


@contextmanager
def writable(folder: Path) -> Iterator[Path]:
    """Let a mounted folder be written to while the block runs, where it is mounted read-only. Raises DeviceError."""
    try:
        locked = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError as error:
        raise DeviceError(f"{folder} is not there ({error.strerror}): is the boot partition mounted?") from error
    if not locked:
        yield folder
        return
    _run(*_REMOUNT, "remount,rw", str(folder))
    try:
        yield folder
    finally:
        _run(*_REMOUNT, "remount,ro", str(folder))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr.strip().splitlines() if isinstance(error, subprocess.CalledProcessError) else []
        raise DeviceError(f"`{' '.join(command)}` failed ({said[-1] if said else error}): look at the card") from error
