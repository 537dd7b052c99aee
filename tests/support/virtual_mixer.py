"""The mixer of the virtual card: its controls' values lie in a file that tests read and write."""

import re
import struct
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "card" / "virtual_mixer.c"
_CHANNELS = 2
CONTROLS = tuple(re.findall(r'^    \{"([^"]+)", SND_CTL', SOURCE.read_text(), re.MULTILINE))
"""Names of the kernel's kind, in the order of the file: an element's name and what it is."""


class VirtualMixer:
    """Values of every control; all begin as a card comes up that is muted: 0."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reset()

    def reset(self) -> None:
        """Be as after plugging in: silent. In place, since whoever has the mixer open has mapped the file."""
        empty = bytes(4 * _CHANNELS * len(CONTROLS))
        if not self.path.exists():
            self.path.write_bytes(empty)
        with self.path.open("r+b") as file:
            file.write(empty)

    def __getitem__(self, control: str) -> tuple[int, ...]:
        """Return the value of both channels; of a control with one only, the second is never used."""
        found: tuple[int, ...] = struct.unpack_from("<2i", self.path.read_bytes(), self._place(control))
        return found

    def __setitem__(self, control: str, value: tuple[int, int]) -> None:
        with self.path.open("r+b") as file:
            file.seek(self._place(control))
            file.write(struct.pack("<2i", *value))

    def _place(self, control: str) -> int:
        return 4 * _CHANNELS * CONTROLS.index(control)
