"""The real data partition: e2fsck(8), mount(8), mke2fs(8) and e2label(8) on its device; root only."""

import os
import subprocess
import tempfile
from pathlib import Path

from offhook.device.data.datacheck import LABEL, TELLING, TOO_LARGE, TROUBLE, UNFINISHED, Said
from offhook.device.data.remade import NAME, encode
from offhook.errors import DeviceError

_ENGLISH = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_MOST_LINES = 8
_QUICK_S = 60.0
_MAKE_S = 900.0
_SUPERBLOCK = 1024
"""Bytes: where ext4's superblock is, and how long it is."""
_COPIES = tuple(8 * size * size + (1024 if size == 1024 else 0) for size in (1024 << power for power in range(7)))
"""Where e2fsck looks for a copy of it: at the start of the second group, for every size of blocks."""


class DataPartition:
    """Implements :class:`offhook.device.data.datacheck.DataDevice`."""

    def __init__(self, device: Path) -> None:
        self.device = device

    def label(self) -> str:
        done = _run("e2label", str(self.device))
        return done.stdout.strip() if done.returncode == 0 else ""

    def check(self, *, overwrite: bool) -> Said:
        if not overwrite:
            seen = run("e2fsck", "-f", "-n", str(self.device))
            # One that is larger than its partition is read beyond its end: no fault of the card's.
            if seen.names(TROUBLE) and not seen.names(TOO_LARGE):
                return Said(max(seen.status, 8), seen.lines)
        return run("e2fsck", "-f", "-y", str(self.device))

    def try_mount(self) -> Said:
        with tempfile.TemporaryDirectory(prefix="offhook-data-") as folder:
            said = run("mount", "-t", "ext4", "-o", "ro,nosuid,nodev,noexec", str(self.device), folder)
            if said.status == 0 and run("umount", folder).status != 0:
                raise DeviceError(f"{self.device} was mounted at {folder} and cannot be taken off: it is tried again")
        return said

    def make(self, reason: str) -> None:
        self._forget()
        with tempfile.TemporaryDirectory(prefix="offhook-data-") as folder:
            os.chmod(folder, 0o755)  # as the root of the file system will be
            record = Path(folder) / NAME
            record.write_bytes(encode(reason))
            record.chmod(0o644)
            options = ["-q", "-F", "-t", "ext4", "-b", "4096", "-m", "1", "-L", UNFINISHED, "-E", "nodiscard"]
            _must("mke2fs", *options, "-d", folder, str(self.device), limit=_MAKE_S)

    def finish(self) -> None:
        _must("e2label", str(self.device), LABEL)

    def _forget(self) -> None:
        """Take away what e2fsck would know the old file system by, its own superblock last.

        Else what a power cut leaves of both may be mended into one with the old label, which says nothing of its loss.
        """
        try:
            descriptor = os.open(self.device, os.O_WRONLY | os.O_CLOEXEC)
            try:
                length = os.lseek(descriptor, 0, os.SEEK_END)
                for places in (_COPIES, (_SUPERBLOCK,)):
                    for place in places:
                        if place + _SUPERBLOCK <= length:
                            os.pwrite(descriptor, bytes(_SUPERBLOCK), place)
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DeviceError(f"the data partition cannot be written ({error.strerror}): look at the card") from error


def run(*command: str) -> Said:
    """Run a program to its end, which may take as long as a card is slow. Raises DeviceError where it cannot start.

    Of what it says the telling lines are returned, or the last where there is none.
    """
    telling: list[str] = []
    last = ""
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_ENGLISH,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last = line.strip() or last
                if any(phrase in line for phrase in TELLING) and len(telling) < _MOST_LINES:
                    telling.append(line.strip())
    except OSError as error:
        raise _refused(command[0], error) from error
    return Said(process.returncode, tuple(telling) or ((last,) if last else ()))


def _must(*command: str, limit: float = _QUICK_S) -> None:
    done = _run(*command, limit=limit)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise _refused(command[0], said[-1])


def _run(*command: str, limit: float = _QUICK_S) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, env=_ENGLISH, timeout=limit)
    except (OSError, subprocess.SubprocessError) as error:
        raise _refused(command[0], error) from error


def _refused(program: str, reason: object) -> DeviceError:
    return DeviceError(f"{program} on the data partition failed ({reason}): look at the card")
