"""genimage's templates: partitions by name and number, and placeholders that are filled in."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imagebuild.lint.fault import Fault

PARTITIONS: Mapping[str, tuple[str, ...]] = {
    "partition": ("bootcfg", "boot_a", "boot_b", "root_a", "root_b", "data"),
    "prefix": ("bootcfg", "root_a", "root_b", "data"),
}
"""Partitions of each scheme, in their order (image-build/README.md)."""
_PLACEHOLDER = re.compile(r"<[A-Z_]+>")


def template_faults(source: Path, scheme: str) -> Iterator[Fault]:
    """The template makes the scheme's partitions, and names no image or placeholder that is not there."""
    path = source / "image" / scheme / "genimage.cfg.in"
    name = str(path.relative_to(source))
    if not path.is_file():
        yield Fault(name, 0, "is not there")
        return
    text = path.read_text()
    partitions = tuple(re.findall(r"^\s+partition (\w+) \{", text, re.MULTILINE))
    if partitions != PARTITIONS[scheme]:
        yield Fault(name, 0, f"has the partitions {', '.join(partitions)}, not {', '.join(PARTITIONS[scheme])}")
    made = set(re.findall(r"^image (\S+) \{", text, re.MULTILINE))
    filled = set(_PLACEHOLDER.findall((source / "lib" / "stage.sh").read_text()))
    for number, line in enumerate(text.splitlines(), 1):
        used = re.search(r"image = (\S+)", line)
        if used and used[1] not in made:
            yield Fault(name, number, f"there is no image {used[1]}")
        for placeholder in _PLACEHOLDER.findall(line):
            if placeholder not in filled:
                yield Fault(name, number, f"{placeholder} is filled in by nobody")
    if text.count("{") != text.count("}"):
        yield Fault(name, 0, "a brace is open")
    table = re.search(r'partition-table-type = "(\w+)"', text)
    wanted = "hybrid" if scheme == "prefix" else "gpt"
    if table is None or table[1] != wanted:
        yield Fault(name, 0, f"the partition table must be {wanted}")
