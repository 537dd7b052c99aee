"""The device's fstab(5): partitions by the names that the image gives them, mended at a start, binds from data only."""

from collections.abc import Iterator
from pathlib import Path

from imagebuild.lint.fault import Fault
from imagebuild.lint.genimage import PARTITIONS

_COMMON = frozenset(PARTITIONS["partition"]) & frozenset(PARTITIONS["prefix"])

DATA_CHECK = "x-systemd.requires=offhook-data-check.service"
"""What mends the data partition in place of systemd-fsck."""


def fstab_faults(path: Path) -> Iterator[Fault]:
    """What is wrong with the fstab in ``path``."""
    name = f"overlay/etc/{path.name}"
    if not path.is_file():
        yield Fault(name, 0, "is not there")
        return
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        if len(fields) != 6:
            yield Fault(name, number, f"has {len(fields)} fields, not 6")
            continue
        source, target, kind, options, _, turn = fields
        if source.startswith("PARTLABEL="):
            if source.partition("=")[2] not in _COMMON:
                yield Fault(name, number, f"there is no partition {source.partition('=')[2]} in both schemes")
            mended = turn != "0" or (target == "/data" and DATA_CHECK in options.split(","))
            if not mended:
                yield Fault(name, number, f"{target} is not mended at a start: write 2, a cut leaves {kind} unclean")
        elif "bind" in options.split(","):
            if source != f"/data{target}":
                yield Fault(name, number, f"{target} is bound from {source}, and its place is /data{target}")
        elif kind != "tmpfs":
            yield Fault(name, number, f"{source} is neither a partition by its name, nor a bind, nor a tmpfs")
