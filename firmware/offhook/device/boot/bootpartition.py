"""The FAT partition that any PC can read: which file on it is meant, and writing there with care.

A rename on FAT is two writes, and a cut between them may leave no file. So a file is changed where it lies, at the same
length wherever that can be, which touches its own sectors and nothing else; a sector is written whole or not at all.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from offhook.config.disk import file_names, sync_path
from offhook.device.boot.slots import LENGTH, SECTOR
from offhook.errors import DeviceError, OffhookError

MOST_BYTES = 512 * 1024
"""What is read of a file at the most: UTF-16 takes two bytes for each of config.nodes.MAX_BYTES."""
_NAMES = frozenset({"offhook.yaml", "offhook.yml", "offhook.yaml.txt", "offhook.yml.txt"})
"""What people's editors make of the name; FAT does not tell capitals apart."""


class CardError(OffhookError):
    """The boot partition cannot be read or written."""


class Card(Protocol):
    """What is asked of the partition, by name. Each call raises :class:`CardError` where the system refuses."""

    def changing(self) -> AbstractContextManager[object]:
        """Return what is held open while the partition is written to: it may be mounted read-only otherwise."""

    def names(self) -> list[str]:
        """Return the names of all files; none where there is no such partition."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is none."""

    def overwrite(self, name: str, data: bytes) -> None:
        """Write over a file from its first byte on; it is never made anew nor cut short."""

    def write(self, name: str, data: bytes) -> None:
        """Make a file anew; a power cut may leave any part of it."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no fault."""

    def sync(self, name: str) -> None:
        """Return when content and length of a file are on the disk."""


def boot_files(card: Card) -> list[str]:
    """Return the names of the files that are a boot file by their name."""
    return [name for name in card.names() if name.casefold() in _NAMES]


def write_over(card: Card, name: str, new: bytes) -> None:
    """Change a file where it lies; ``new`` is not shorter than it."""
    if card.read(name) != new:
        card.overwrite(name, new)
        card.sync(name)


def write_sector(card: Card, name: str, data: bytes) -> None:
    """Change a file of one sector so that at every moment its text is the old one or the new one.

    ``data`` is text of at most :data:`LENGTH` bytes; newlines fill it up to the length that the file has, so that only
    its sector changes. A file that is too short is refused: to grow is two writes, length and sector.
    One that is not there has no old text to keep, and is made. Raises CardError.
    """
    text = data.rstrip(b"\n") + b"\n"
    if len(text) > LENGTH:
        raise CardError(f"{name} would have {len(text)} bytes, and {LENGTH} are the most: make it shorter")
    old = card.read(name)
    if not old:
        card.write(name, text.ljust(LENGTH, b"\n"))
        card.sync(name)
        return
    if not len(text) <= len(old) <= SECTOR:
        raise CardError(
            f"{name} has {len(old)} bytes, and {len(text)} to {SECTOR} are needed to change it in place: "
            "copy it anew from the image"
        )
    write_over(card, name, text.ljust(len(old), b"\n"))


def is_torn(found: bytes, old: bytes, new: bytes) -> bool:
    """Whether ``found`` is what a power cut may leave of :func:`write_over`: each sector the old one or the new one.

    Where the file has grown already, what stands in an old sector behind its old end is anything.
    """
    if len(found) not in (len(old), len(new)) or not found:
        return False
    return all(_is_either(found, old, new, start) for start in range(0, len(found), SECTOR))


def _is_either(found: bytes, old: bytes, new: bytes, start: int) -> bool:
    end = min(start + SECTOR, len(found))
    before = min(end, max(start, len(old)))
    return found[start:end] == new[start:end] or found[start:before] == old[start:before]


class BootPartition:
    """The real partition, mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def changing(self) -> Iterator[None]:
        from offhook.device.boot.mounts import writable  # starts other programs: not where nothing is new

        with ExitStack() as stack:
            try:
                stack.enter_context(writable(self.path))
            except DeviceError as error:
                raise CardError(str(error)) from error
            yield

    def names(self) -> list[str]:
        try:
            return file_names(self.path)
        except OSError as error:
            raise self._refused("read", error) from error

    def read(self, name: str) -> bytes | None:
        try:
            with (self.path / name).open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused("read", error) from error

    def overwrite(self, name: str, data: bytes) -> None:
        self._write(name, data, os.O_WRONLY)

    def write(self, name: str, data: bytes) -> None:
        self._write(name, data, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def remove(self, name: str) -> None:
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._refused("written", error) from error

    def sync(self, name: str) -> None:
        for path in (self.path / name, self.path):
            try:
                sync_path(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._refused("written", error) from error

    def _write(self, name: str, data: bytes, flags: int) -> None:
        try:
            descriptor = os.open(self.path / name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            with open(descriptor, "wb", buffering=0) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
        except OSError as error:
            raise self._refused("written", error) from error

    def _refused(self, what: str, error: OSError) -> CardError:
        reason = error.strerror or type(error).__name__
        return CardError(
            f"boot partition {self.path} cannot be {what} ({reason}): check the card and how it is mounted"
        )
