"""The board's lines in the boot firmware's own file: pure, from text to text.

``config.txt`` (scheme ``partition``, and an existing Raspberry Pi OS) or ``phone.txt`` (scheme ``prefix``) ends with a
part that belongs to the board file. It is replaced as a whole; what stands above it stays.
"""

from collections.abc import Iterable

MARK = "# The board's overlays: written from the board file, from this line to the end."
"""First line of the board's part."""


def with_overlays(text: str, overlays: Iterable[str]) -> str:
    """Return the file with ``dtoverlay=`` lines for ``overlays`` as its last part, and no other such part.

    The part begins with ``[all]``, so that no filter above it holds. The text keeps its kind of line end.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    kept: list[str] = []
    for line in text.split(end):
        if line.strip() == MARK:
            break
        kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    lines = [f"dtoverlay={overlay}" for overlay in overlays]
    return end.join([*kept, MARK, "[all]", *lines, ""])


def overlays_of(text: str) -> tuple[str, ...]:
    """Return what :func:`with_overlays` wrote; nothing where the part is missing."""
    _, found, part = text.replace("\r\n", "\n").partition(f"{MARK}\n")
    lines = part.splitlines() if found else []
    return tuple(line.removeprefix("dtoverlay=").strip() for line in lines if line.startswith("dtoverlay="))
