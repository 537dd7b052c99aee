"""GPIO chips of the kernel, found by their labels.

A chip's number is no name: the header of a Raspberry Pi 5 was ``/dev/gpiochip4`` on one kernel and ``/dev/gpiochip0``
on the next, and port expanders and the chips of the board's own regulators and LEDs stand beside it. The label is the
driver's name.
"""

import fcntl
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from offhook.errors import DeviceError

HEADER_LABELS = ("pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1")
"""The chips behind the 40-pin header: Raspberry Pi 1 to 3 and Zero, 4, and 5."""
HEADER_LINES = 28

_CHIPINFO_IOCTL = 0x8044B401  # GPIO_GET_CHIPINFO_IOCTL of linux/gpio.h: _IOR(0xB4, 0x01, struct gpiochip_info)
_CHIPINFO = struct.Struct("32s32sI")
_DEVICE = re.compile(r"gpiochip(\d+)")


class GpioChip(Struct, frozen=True):
    """One chip: its device, the number in the device's name, its driver's label, how many lines it has."""

    path: Path
    number: int
    label: str
    lines: int


def describe(path: Path) -> tuple[str, int]:
    """Return label and lines of the chip behind a device. Raises OSError."""
    device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        answer = fcntl.ioctl(device, _CHIPINFO_IOCTL, bytes(_CHIPINFO.size))
    finally:
        os.close(device)
    _, label, lines = _CHIPINFO.unpack(answer)
    return label.partition(b"\0")[0].decode("utf-8", "replace"), lines


def find_chip(
    label: str | None = None,
    devices: Path = Path("/dev"),
    describe: Callable[[Path], tuple[str, int]] = describe,
) -> GpioChip:
    """Return the chip with a label (None: the one behind the header). Raises DeviceError, never guesses."""
    found: list[GpioChip] = []
    denied: list[Path] = []
    for path in sorted(devices.glob("gpiochip*")):
        match = _DEVICE.fullmatch(path.name)
        if match is None or path.is_symlink():  # an old number that still leads to the chip
            continue
        try:
            found.append(GpioChip(path, int(match[1]), *describe(path)))
        except PermissionError:
            denied.append(path)
        except OSError:
            continue
    wanted = HEADER_LABELS if label is None else (label,)
    chips = [chip for chip in found if chip.label in wanted]
    if len(chips) == 1 and chips[0].lines >= HEADER_LINES:
        return chips[0]
    raise DeviceError(_why_not(wanted, chips, found, denied, devices))


def _why_not(
    wanted: tuple[str, ...], chips: list[GpioChip], found: list[GpioChip], denied: list[Path], devices: Path
) -> str:
    names = " or ".join(wanted)
    if chips:
        which = ", ".join(f"{chip.path} with {chip.lines} lines" for chip in chips)
        return (
            f"which GPIO chip has the pins is not plain: {names} is {which}, and one with {HEADER_LINES} lines or more "
            "is needed: name it in the board file, 'gpio: {chip: LABEL}'"
        )
    if denied:
        which = ", ".join(map(str, denied))
        return f"{which} may not be opened: add the phone's user to the group gpio (usermod -aG gpio USER)"
    if found:
        others = ", ".join(f"{chip.path} is {chip.label}" for chip in found)
        return f"no GPIO chip is {names} ({others}): name the pins' chip in the board file, 'gpio: {{chip: LABEL}}'"
    return (
        f"{devices}/gpiochip0 does not exist: is this a Raspberry Pi? Elsewhere use a board file with 'kind: simulated'"
    )
