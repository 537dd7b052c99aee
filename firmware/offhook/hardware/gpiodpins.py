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
        self._revision = _known_revision()
        self._info: PiBoardInfo | None = None
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
        if self._revision is None:
            return "no Raspberry Pi's revision: its 40-pin header is assumed"
        return str(self.board_info.description)

    def _get_board_info(self) -> PiBoardInfo:
        if self._info is None:
            self._info = PiBoardInfo.from_revision(self._revision or _FORTY_PINS)
        return self._info


def _known_revision() -> int | None:
    try:
        revision = int(get_pi_revision())
        PiBoardInfo.from_revision(revision)
    except (PinUnknownPi, OSError, ValueError):
        return None
    return revision
