"""Where the partitions of a device lie, in the two schemes of ``image-build/README.md``: sizes in MiB, no I/O."""

from dataclasses import dataclass
from typing import Literal

Scheme = Literal["partition", "prefix"]
Slot = Literal["a", "b"]
SCHEMES: tuple[Scheme, ...] = ("partition", "prefix")
SLOTS: tuple[Slot, ...] = ("a", "b")
MIB = 1024 * 1024

_BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its name in the GPT, what is in it, where it begins and how long it is."""

    number: int
    name: str
    filesystem: Literal["vfat", "ext4"]
    start: int
    size: int

    @property
    def offset(self) -> int:
        """In bytes from the start of the disk."""
        return self.start * MIB

    @property
    def length(self) -> int:
        """In bytes."""
        return self.size * MIB


@dataclass(frozen=True, slots=True)
class DiskLayout:
    """The partitions of one disk in their order."""

    scheme: Scheme
    partitions: tuple[Partition, ...]

    @classmethod
    def of(cls, scheme: Scheme, *, root: int, data: int, boot: int = 64) -> "DiskLayout":
        """Lay them out: both roots with ``root`` MiB, ``data`` MiB for what is kept, ``boot`` MiB for each FAT."""
        names = [("bootcfg", boot), *((f"boot_{slot}", boot) for slot in SLOTS if scheme == "partition")]
        names += [(f"root_{slot}", root) for slot in SLOTS]
        names.append(("data", data))
        partitions: list[Partition] = []
        start = 1
        for number, (name, size) in enumerate(names, start=1):
            partitions.append(Partition(number, name, "vfat" if name.startswith("boot") else "ext4", start, size))
            start += size
        return cls(scheme, tuple(partitions))

    @property
    def size(self) -> int:
        """Of the whole disk, in bytes: the last MiB is for the second copy of the table."""
        last = self.partitions[-1]
        return (last.start + last.size + 1) * MIB

    def named(self, name: str) -> Partition:
        """The partition of this name; raises KeyError."""
        return {partition.name: partition for partition in self.partitions}[name]

    def numbered(self, number: int) -> Partition:
        """The partition with this number, counted from 1; raises KeyError."""
        return {partition.number: partition for partition in self.partitions}[number]

    def sfdisk_script(self) -> str:
        """What ``sfdisk`` reads."""
        lines = ["label: gpt"]
        for partition in self.partitions:
            kind = _BASIC_DATA if partition.filesystem == "vfat" else _LINUX
            lines.append(
                f"start={partition.start}MiB, size={partition.size}MiB, type={kind}, name={partition.name}",
            )
        return "\n".join(lines) + "\n"
