"""The disk that power cuts are tried on: FAT and ext4 as a device has them, and a place for marks."""

import os
import subprocess
from pathlib import Path

from imagebuild.writelog import SECTOR

MIB = 1024 * 1024
FAT, DATA, MARKS = (1, 40), (41, 24), (65, 1)
"""Partitions: first MiB and length in MiB."""
SIZE = 67 * MIB
SECTORS = {"fat": range(FAT[0] * MIB // SECTOR, sum(FAT) * MIB // SECTOR)}
SECTORS["data"] = range(DATA[0] * MIB // SECTOR, sum(DATA) * MIB // SECTOR)
MARKS_SECTOR = MARKS[0] * MIB // SECTOR
FOLDERS = ("firstboot", "partition", "prefix", "fat-anew")


def run(*command: str | Path, stdin: bytes = b"", good: tuple[int, ...] = (0,)) -> bytes:
    """Run a program of the host; what it said if it failed is the error."""
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, check=False)
    assert done.returncode in good, f"{command[0]}: {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def make(path: Path, files: dict[str, bytes]) -> None:
    """Make the disk; ``files`` are put onto its FAT partition."""
    with path.open("wb") as disk:
        disk.truncate(SIZE)
    table = "".join(f"start={start}MiB, size={size}MiB\n" for start, size in (FAT, DATA, MARKS))
    run("sfdisk", "--quiet", path, stdin=f"label: gpt\n{table}".encode())
    run("mkfs.vfat", "-F", "32", "-s", "1", f"--offset={FAT[0] * MIB // SECTOR}", path, str(FAT[1] * 1024))
    fat = f"{path}@@{FAT[0]}M"
    for folder in FOLDERS:
        run("mmd", "-i", fat, f"::{folder}")
    for name, content in files.items():
        run("mcopy", "-i", fat, "-", f"::{name}", stdin=content)
    options = f"offset={DATA[0] * MIB},lazy_itable_init=0,lazy_journal_init=0,nodiscard"
    run("mke2fs", "-q", "-F", "-t", "ext4", "-E", options, path, f"{DATA[1]}M")


def copy_fat(disk: Path, scratch: Path, into: Path) -> None:
    """Mend FAT as systemd-fsck does at a start, and copy its files into the new folder ``into``.

    ``scratch`` is the name of a file for a copy of the partition: ``disk`` is not changed.
    """
    _copy(disk, FAT, scratch)
    run("fsck.vfat", "-a", scratch, good=(0, 1))
    into.mkdir()
    run("mcopy", "-s", "-n", "-m", "-i", scratch, "::*", into)


def copy_data(disk: Path, scratch: Path, into: Path) -> None:
    """The same for ext4: a start replays its journal."""
    _copy(disk, DATA, scratch)
    run("e2fsck", "-fp", scratch, good=(0, 1))
    into.mkdir()
    run("debugfs", "-R", f"rdump / {into}", scratch)


def _copy(disk: Path, partition: tuple[int, int], scratch: Path) -> None:
    start, size = partition
    with disk.open("rb") as source, scratch.open("wb") as copy:
        source.seek(start * MIB)
        for _ in range(size):
            block = source.read(MIB)
            copy.seek(MIB, os.SEEK_CUR) if block.count(0) == MIB else copy.write(block)
        copy.truncate(size * MIB)
