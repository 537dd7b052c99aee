"""Reads and writes files on the FAT partitions of a disk, raw or qcow2, while no machine runs on it."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagebuild.command import run
from imagebuild.layout import DiskLayout, Partition


class FatFiles:
    """One disk. Partitions are taken out of a qcow2 file to be read, and put back when they were changed."""

    def __init__(self, disk: Path, disk_format: str, layout: DiskLayout) -> None:
        self._disk = disk
        self._format = disk_format
        self._layout = layout

    def read(self, number: int, path: str) -> bytes | None:
        """A file's content; None where there is no such file or partition."""
        with self._taken_out(number) as image:
            return None if image is None else type_file(image, path)

    @contextmanager
    def reader(self) -> Iterator["FatReader"]:
        """Read several files, taking each partition out once."""
        with tempfile.TemporaryDirectory(prefix="offhook-fat-") as folder:
            yield FatReader(self, Path(folder))

    def write(self, name: str, path: str, content: bytes) -> None:
        """Write a file on the partition ``name``, in place of what was there. Raises BuildError."""
        partition = self._layout.named(name)
        with self._taken_out(partition.number) as image:
            assert image is not None, name
            run(["mcopy", "-o", "-i", image, "-", f"::{path}"], stdin=content)
            self._put_back(partition, image)

    def take_out(self, number: int, into: Path) -> Path | None:
        """Copy a partition; None where there is none of this number, or it holds no FAT."""
        try:
            partition = self._layout.numbered(number)
        except KeyError:
            return None
        if partition.filesystem != "vfat":
            return None
        run(["qemu-img", "convert", "--image-opts", "-O", "raw", self._window(partition), into])
        return into

    @contextmanager
    def _taken_out(self, number: int) -> Iterator[Path | None]:
        with tempfile.TemporaryDirectory(prefix="offhook-fat-") as folder:
            yield self.take_out(number, Path(folder) / "fat")

    def _put_back(self, partition: Partition, image: Path) -> None:
        run(["qemu-img", "convert", "-n", "--target-image-opts", "-f", "raw", image, self._window(partition)])

    def _window(self, partition: Partition) -> str:
        """QEMU's name for one partition of the disk."""
        disk = f"file.driver={self._format},file.file.driver=file,file.file.filename={self._disk}"
        return f"driver=raw,offset={partition.offset},size={partition.length},{disk}"


class FatReader:
    """Reads files for the boot firmware."""

    def __init__(self, files: FatFiles, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self._images: dict[int, Path | None] = {}

    def read(self, number: int, path: str) -> bytes | None:
        """A file's content; None where there is no such file or partition."""
        if number not in self._images:
            self._images[number] = self._files.take_out(number, self._folder / str(number))
        image = self._images[number]
        return None if image is None else type_file(image, path)


def type_file(image: Path, path: str) -> bytes | None:
    """A file's content out of the image of a FAT file system; None where it is not."""
    done = subprocess.run(["mtype", "-i", image, f"::{path}"], capture_output=True)
    return done.stdout if done.returncode == 0 else None
