"""Lock files: names, versions and hashes as ``./dev lock`` writes them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagebuild.errors import BuildError

_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)")


@dataclass(frozen=True, slots=True)
class Locked:
    """One entry: ``text`` is as pip reads it, marker and hashes with it."""

    name: str
    version: str
    text: str


def read_lock(text: str) -> tuple[Locked, ...]:
    """Read a lock file. Raises BuildError for an entry without a version or a hash: nothing unknown is installed."""
    return tuple(_entries(text.splitlines()))


def _entries(lines: Iterable[str]) -> Iterator[Locked]:
    logical = ""
    for line in lines:
        bare = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if bare:
            logical += bare.removesuffix("\\")
        if not bare.endswith("\\") and logical.strip():
            yield _entry(logical.strip())
            logical = ""
    if logical.strip():
        yield _entry(logical.strip())


def _entry(logical: str) -> Locked:
    found = _NAME.match(logical)
    if found is None or "--hash=" not in logical:
        raise BuildError(
            f"the lock file has an entry without version or hash, {logical[:60]!r}: write it by ./dev lock"
        )
    return Locked(found[1].lower(), found[2], logical)
