"""The line on which a UPS, or a power supply's "power good", says whether mains is there."""

from collections.abc import Callable

from gpiozero import DigitalInputDevice
from gpiozero.pins import Factory
from msgspec.structs import replace

from offhook.errors import DeviceError
from offhook.hardware.pins import wired
from offhook.hardware.settings import MainsWiring
from offhook.power.reading import PowerReading


class MainsLine:
    """Looked at with each reading of the supply: the power machine waits for seconds before it believes an outage."""

    def __init__(self, wiring: MainsWiring, factory: Factory) -> None:
        """Raises DeviceError."""
        self._active_high = wiring.active_high
        with wired(wiring.pin):
            self._input = DigitalInputDevice(wiring.pin.bcm, pull_up=True, pin_factory=factory)

    @property
    def present(self) -> bool:
        """Whether mains feeds the device."""
        high = not self._input.is_active
        return high == self._active_high

    def merged(self, read: Callable[[], PowerReading]) -> PowerReading:
        """Return what ``read`` knows, but mains as the line tells it; a gauge that cannot be read costs no more."""
        try:
            reading = read()
        except DeviceError:
            reading = PowerReading(gauge_ok=False)
        return replace(reading, ac=self.present)

    def close(self) -> None:
        """Release the pin."""
        self._input.close()
