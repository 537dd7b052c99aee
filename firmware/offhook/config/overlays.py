"""Device tree overlays that a board may need, and the pins of the header that each takes.

A line is what stands after ``dtoverlay=`` in ``config.txt``: ``wm8960-soundcard`` or ``max98357a,sdmode-pin=5``. The
pins are those of the overlay's source, ``arch/arm/boot/dts/overlays/NAME-overlay.dts`` of the Raspberry Pi kernel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

I2C = (2, 3)
"""``&i2c1``, as ``dtparam=i2c_arm=on`` switches it on: data and clock."""
I2S = (18, 19, 20, 21)
"""``&i2s``: bit clock, frame clock, sound in, sound out."""
UART = (14, 15)
"""``enable_uart=1``: transmit and receive."""
SPI = (7, 8, 9, 10, 11)
"""``&spi0``: two chip selects, in, out, clock."""
LINE = re.compile(r"[a-z0-9][a-z0-9_-]*(,[a-z0-9_-]+(=[A-Za-z0-9_.:/-]+)?)*")
"""A name, then parameters after commas."""
LONGEST_LINE = 98
"""Characters of a line of ``config.txt`` that the firmware reads; it ignores the rest."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What one overlay takes.

    ``pins`` are BCM numbers that are always taken; ``movable`` are pins that a parameter moves, by its name;
    ``switches`` are parameters without which the named movable pin is taken, as ``no-sdmode`` frees ``sdmode-pin``.
    """

    pins: tuple[int, ...] = ()
    movable: Mapping[str, int] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)


OVERLAYS: Mapping[str, Overlay] = {
    "adau7002-simple": Overlay(I2S),
    "audioinjector-wm8731-audio": Overlay(I2C + I2S),
    "disable-bt": Overlay(),  # its UART comes to the header with enable_uart=1 only
    "disable-bt-pi5": Overlay(),
    "disable-wifi": Overlay(),
    "disable-wifi-pi5": Overlay(),
    "googlevoicehat-soundcard": Overlay((*I2S, 16)),
    "gpio-poweroff": Overlay(movable={"gpiopin": 26}),
    "gpio-shutdown": Overlay(movable={"gpio_pin": 3}),
    "hifiberry-dac": Overlay(I2S),
    "hifiberry-dacplus": Overlay(I2C + I2S),
    "hifiberry-dacplusadc": Overlay(I2C + I2S),
    "i2c-rtc": Overlay(I2C),
    "iqaudio-codec": Overlay(I2C + I2S),
    "max98357a": Overlay(I2S, movable={"sdmode-pin": 4}, switches={"no-sdmode": "sdmode-pin"}),
    "rpi-codeczero": Overlay(I2C + I2S),
    "w1-gpio": Overlay(movable={"gpiopin": 4}),
    "wm8960-soundcard": Overlay(I2C + I2S),
}


def overlay_name(line: str) -> str:
    """Return the overlay of a line, without its parameters."""
    return line.partition(",")[0]


def overlay_pins(line: str) -> frozenset[int] | None:
    """Return the BCM pins that a line takes; ``None`` where the overlay is not known here."""
    name, *parameters = line.split(",")
    overlay = OVERLAYS.get(name)
    if overlay is None:
        return None
    movable = dict(overlay.movable)
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key in movable and value.isdecimal():
            movable[key] = int(value)
        movable.pop(overlay.switches.get(key, ""), None)
    return frozenset(overlay.pins) | frozenset(movable.values())
