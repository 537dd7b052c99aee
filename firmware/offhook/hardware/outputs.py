"""Lamps and ringer."""

import asyncio

from gpiozero.pins import Factory

from offhook.engine.ports import LampState
from offhook.hardware.pins import open_output
from offhook.hardware.settings import RingerWiring, Wire

_BLINK = 0.5


class Lamp:
    """A lamp that is on, off, or blinks once a second."""

    def __init__(self, pin: Wire, factory: Factory, loop: asyncio.AbstractEventLoop, *, active_high: bool) -> None:
        """Raises DeviceError."""
        self._loop = loop
        self._device = open_output(pin, factory, active_high=active_high)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def lit(self) -> bool:
        """Whether it gives light at this moment."""
        return bool(self._device.is_active)

    def set(self, state: LampState) -> None:
        """Set the lamp."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if state == "blink":
            self._blink()
        else:
            self._device.value = state == "on"

    def close(self) -> None:
        """Put it out and release the pin."""
        self.set("off")
        self._device.close()

    def _blink(self) -> None:
        self._device.toggle()
        self._timer = self._loop.call_later(_BLINK, self._blink)


class Ringer:
    """A bell driver: its pin is active during the on times of the cadence."""

    def __init__(self, wiring: RingerWiring, factory: Factory, loop: asyncio.AbstractEventLoop) -> None:
        """Raises DeviceError."""
        self._loop = loop
        self._device = open_output(wiring.pin, factory, active_high=wiring.active_high)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def sounding(self) -> bool:
        """Whether the bell is driven at this moment."""
        return bool(self._device.is_active)

    def set(self, on: bool, cadence_ms: tuple[int, ...]) -> None:
        """Ring by ``cadence_ms`` (on, off, on, off ...; without any: steadily) until switched off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._device.value = on
        if on and len(cadence_ms) > 1 and min(cadence_ms) > 0:
            self._step(cadence_ms, 0, self._loop.time())

    def close(self) -> None:
        """Silence it and release the pin."""
        self.set(False, ())
        self._device.close()

    def _step(self, cadence_ms: tuple[int, ...], index: int, due: float) -> None:
        # Each step is due by the one before, not by when the loop got round to it: the cadence does not drift.
        self._device.value = index % 2 == 0
        due += cadence_ms[index] / 1000
        following = (index + 1) % (len(cadence_ms) // 2 * 2)
        self._timer = self._loop.call_at(due, self._step, cadence_ms, following, due)
