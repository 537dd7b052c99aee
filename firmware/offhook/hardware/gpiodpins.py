"""gpiozero's pins over libgpiod: every kernel and Python has it, and machines without a Pi's revision too."""

import time
from typing import Any

import gpiod
from gpiozero.exc import PinInvalidPin, PinSPIUnsupported, PinUnknownPi
from gpiozero.pins import SPI
from gpiozero.pins.local import get_pi_revision
from gpiozero.pins.pi import PiBoardInfo, PiFactory

from offhook.hardware.chips import GpioChip
from offhook.hardware.edges import EdgeReader
from offhook.hardware.gpiodpin import GpiodPin

_FORTY_PINS = 0xA02082
"""A Raspberry Pi 3: every model since the B+ has its header."""


class GpiodFactory(PiFactory):  # type: ignore[misc]  # gpiozero is not typed
    """Opens pins on one chip, whose line N is GPIO N.

    Digital inputs, edges and outputs only: PWM and SPI are refused with gpiozero's own exceptions. A machine that does
    not say which Raspberry Pi it is has the 40-pin header.
    """

    def __init__(self, chip: GpioChip) -> None:
        """Raises OSError."""
        super().__init__()
        self._told = _what_the_machine_tells()
        self._info: PiBoardInfo = self._told or PiBoardInfo.from_revision(_FORTY_PINS)
        self.pin_class = GpiodPin
        self.chip = gpiod.Chip(str(chip.path))
        self.reader = EdgeReader()

    def close(self) -> None:
        """Let go of every line."""
        for pin in list(self.pins.values()):
            pin.close()
        self.reader.close()
        self.chip.close()

    def pin(self, name: Any) -> GpiodPin:
        """Return the pin with a name or BCM number. Raises PinInvalidPin, or OSError where it cannot be had."""
        if not self.chip:
            raise PinInvalidPin(f"{name} was asked for after the pins were closed")
        pin: GpiodPin = super().pin(name)
        return pin

    def closed(self, pin: GpiodPin) -> None:
        """Forget a pin that let go of its line; who asks for it again gets a new one."""
        self.pins.pop(pin.info, None)

    def spi(self, **spi_args: Any) -> SPI:
        """Raises PinSPIUnsupported."""
        raise PinSPIUnsupported("SPI is not there through libgpiod")

    def ticks(self) -> float:
        """Return the time in seconds of CLOCK_MONOTONIC, by which the kernel stamps edges."""
        return time.monotonic()

    def ticks_diff(self, later: float, earlier: float) -> float:
        """Return the seconds between two ticks."""
        return later - earlier

    @property
    def machine(self) -> str:
        """Which Raspberry Pi this is, or what is taken for granted where it does not say."""
        if self._told is None:
            return "no Raspberry Pi's revision: its 40-pin header is assumed"
        return str(self._told.description)


def _what_the_machine_tells() -> PiBoardInfo | None:
    try:
        return PiBoardInfo.from_revision(int(get_pi_revision()))
    except (PinUnknownPi, OSError, ValueError):
        return None
