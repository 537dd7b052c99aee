"""Writes a disk image without a loop device and without a mount: each file system is made at its place in the file."""

from collections.abc import Mapping
from pathlib import Path

from imagebuild.command import run
from imagebuild.layout import DiskLayout, Partition

_SECTOR = 512


class DiskImage:
    """A sparse file with a partition table and file systems."""

    def __init__(self, path: Path, layout: DiskLayout) -> None:
        self.path = path
        self.layout = layout

    def create(self) -> None:
        """Write the partition table to a new, empty file. Raises BuildError."""
        self.path.unlink(missing_ok=True)
        with self.path.open("wb") as file:
            file.truncate(self.layout.size)
        run(["sfdisk", "--quiet", self.path], stdin=self.layout.sfdisk_script())

    def make_fat(self, partition: Partition, files: Mapping[str, bytes | Path]) -> None:
        """Make a FAT file system that holds ``files``: their places in it, with contents or where to copy them from."""
        label = partition.name.upper().replace("_", "-")
        run(
            [
                *("mkfs.vfat", "-F", "32", "-s", "1", "-n", label, f"--offset={partition.offset // _SECTOR}"),
                *(self.path, str(partition.length // 1024)),
            ]
        )
        for folder in sorted({place.rsplit("/", 1)[0] for place in files if "/" in place}):
            run(["mmd", "-i", self._fat(partition), f"::{folder}"])
        for place, content in files.items():
            given, source = (content, "-") if isinstance(content, bytes) else (None, str(content))
            run(["mcopy", "-i", self._fat(partition), source, f"::{place}"], stdin=given)

    def make_ext4(self, partition: Partition, tree: Path | None = None) -> None:
        """Make an ext4 file system, with a copy of ``tree`` in it. Raises BuildError."""
        contents: list[str | Path] = ["-d", tree] if tree else []
        # Lazy: what is not written now would be written by the device at its first start.
        options = f"offset={partition.offset},lazy_itable_init=0,lazy_journal_init=0,nodiscard"
        command = ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "1", "-L", partition.name, "-E", options]
        run([*command, *contents, self.path, f"{partition.length // 1024}k"])

    def _fat(self, partition: Partition) -> str:
        return f"{self.path}@@{partition.offset}"
