"""A directory that survives power cuts: what is written is there whole, or not at all.

:class:`FileOperations` is the little that is asked of the file system; :class:`Directory` does it for real, and tests
cut it off after every single operation.
"""

import contextlib
import os
from pathlib import Path
from typing import Protocol

from offhook.errors import OffhookError


class StoreError(OffhookError):
    """The state directory cannot be read or written."""


class FileOperations(Protocol):
    """Plain files in one directory, by name. Each call raises :class:`StoreError` where the system refuses."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Make a file anew, readable by the owner only; it may still be lost or torn by a power cut."""

    def sync(self, name: str) -> None:
        """Return when the file's content is on the disk."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file over another; which of the two a power cut leaves is open."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no fault."""

    def sync_names(self) -> None:
        """Return when names and renames are on the disk."""

    def names(self) -> list[str]:
        """Return the names of all files."""


def write_atomically(files: FileOperations, name: str, data: bytes) -> None:
    """Write a file so that at every moment the old content or the new is there whole."""
    fresh = f"{name}.new"
    files.write(fresh, data)
    files.sync(fresh)
    files.rename(fresh, name)
    files.sync_names()


def sync_path(path: Path) -> None:
    """Return when a file's content, or a folder's names, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_names(folder: Path) -> list[str]:
    """Return the names of the files in a folder, sorted, links left out; none without a folder. Raises OSError."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


class Directory:
    """A real directory, made when it is first written to; the owner's only, or ``public``: everybody may read it."""

    def __init__(self, path: Path, *, public: bool = False) -> None:
        self.path = path
        self._folder_mode, self._file_mode = (0o755, 0o644) if public else (0o700, 0o600)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._refused("read", error) from error

    def write(self, name: str, data: bytes) -> None:
        try:
            self.path.mkdir(mode=self._folder_mode, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            descriptor = os.open(self.path / name, flags, self._file_mode)
            with open(descriptor, "wb") as file:
                file.write(data)
        except OSError as error:
            raise self._refused("written", error) from error

    def sync(self, name: str) -> None:
        self._sync(self.path / name)

    def rename(self, old: str, new: str) -> None:
        try:
            os.replace(self.path / old, self.path / new)
        except OSError as error:
            raise self._refused("written", error) from error

    def remove(self, name: str) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path / name)
        except OSError as error:
            raise self._refused("written", error) from error

    def sync_names(self) -> None:
        self._sync(self.path)

    def names(self) -> list[str]:
        try:
            return file_names(self.path)
        except OSError as error:
            raise self._refused("read", error) from error

    def _sync(self, path: Path) -> None:
        try:
            sync_path(path)
        except OSError as error:
            raise self._refused("written", error) from error

    def _refused(self, what: str, error: OSError) -> StoreError:
        reason = error.strerror or type(error).__name__
        return StoreError(
            f"state directory {self.path} cannot be {what} ({reason}): give offhook a directory of its own"
        )
