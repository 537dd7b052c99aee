"""Changing a file on FAT by one sector.

A rename on FAT is not atomic: two folder entries change, and a cut between them leaves no file at all. A sector is
written whole or not at all, so a file of at most 512 bytes is changed by writing over its content and nothing else.
"""

import os
from pathlib import Path
from typing import Protocol

from offhook.config.disk import sync_path
from offhook.device.slots import LENGTH, SECTOR
from offhook.errors import OffhookError


class SectorError(OffhookError):
    """The boot partition cannot be read or written."""


class SectorOperations(Protocol):
    """What is asked of the file system, by name. Each call raises :class:`SectorError` where the system refuses."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none."""

    def overwrite(self, name: str, data: bytes) -> None:
        """Write over the whole content with as many bytes."""

    def create(self, name: str, data: bytes) -> None:
        """Make a file that is not there, or has no content."""

    def sync(self, name: str) -> None:
        """Return when content and length are on the disk."""


def write_sector(files: SectorOperations, name: str, data: bytes) -> None:
    """Change a file so that at every moment its text is the old one or the new one.

    ``data`` is text of at most :data:`LENGTH` bytes; newlines fill it up to the length that the file has, so that only
    its sector changes. A file that is too short is refused: to grow is two writes, length and sector.
    One that is not there has no old text to keep, and is made. Raises SectorError.
    """
    text = data.rstrip(b"\n") + b"\n"
    if len(text) > LENGTH:
        raise SectorError(f"{name} would have {len(text)} bytes, and {LENGTH} are the most: make it shorter")
    old = files.read(name)
    if not old:
        files.create(name, text.ljust(LENGTH, b"\n"))
        files.sync(name)
        return
    if not len(text) <= len(old) <= SECTOR:
        raise SectorError(
            f"{name} has {len(old)} bytes, and {len(text)} to {SECTOR} are needed to change it in place: "
            "copy it anew from the image"
        )
    wanted = text.ljust(len(old), b"\n")
    if old != wanted:
        files.overwrite(name, wanted)
        files.sync(name)


class SectorDirectory:
    """A real folder on a FAT partition."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes | None:
        try:
            with (self.path / name).open("rb") as file:
                return file.read(SECTOR + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused("read", error) from error

    def overwrite(self, name: str, data: bytes) -> None:
        self._write(name, data, os.O_WRONLY)

    def create(self, name: str, data: bytes) -> None:
        self._write(name, data, os.O_WRONLY | os.O_CREAT)
        self._sync(self.path)

    def sync(self, name: str) -> None:
        self._sync(self.path / name)

    def _write(self, name: str, data: bytes, flags: int) -> None:
        try:
            descriptor = os.open(self.path / name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            try:
                if os.pwrite(descriptor, data, 0) != len(data):
                    raise SectorError(f"{self.path / name} was not written whole: check the card")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._refused("written", error) from error

    def _sync(self, path: Path) -> None:
        try:
            sync_path(path)
        except OSError as error:
            raise self._refused("written", error) from error

    def _refused(self, what: str, error: OSError) -> SectorError:
        return SectorError(f"{self.path} cannot be {what} ({error.strerror or error}): check the card")
