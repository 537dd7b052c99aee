"""The order of versions."""

import re


def newer(version: str, than: str) -> bool:
    """Return whether one version is after another: numbers by their value, ``1.0~rc1`` before ``1.0``."""
    return _key(version) > _key(than)


def _key(version: str) -> list[tuple[int, int, str]]:
    """Return what sorts as versions do: a tilde before the end, the end before letters, letters before numbers."""
    parts = re.findall(r"~|[0-9]{1,18}|[A-Za-z]+", version)
    return [*(_part(part) for part in parts), (1, 0, "")]


def _part(part: str) -> tuple[int, int, str]:
    if part == "~":
        return 0, 0, ""
    return (3, int(part), "") if part.isdigit() else (2, 0, part)
