"""A handset's body on GPIO pins; the simulator runs the same on mock pins."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from gpiozero.pins import Factory

from offhook.engine.ports import BoardListener, LampState
from offhook.errors import DeviceError
from offhook.hardware.button import Button
from offhook.hardware.hook import Hook
from offhook.hardware.keypad import DirectKeypad, Keypad, MatrixKeypad
from offhook.hardware.mains import MainsLine
from offhook.hardware.outputs import Lamp, Ringer
from offhook.hardware.poweroff import power_off_by_systemd
from offhook.hardware.rotary import Rotary
from offhook.hardware.settings import BoardSettings, HookWiring
from offhook.phone.hookswitch import HookTiming
from offhook.power.reading import PowerReading

_log = logging.getLogger(__name__)


class Part(Protocol):
    """A piece of the board."""

    def close(self) -> None:
        """Release its pins."""


P = TypeVar("P", bound=Part)


class GpioBoard:
    """Implements :class:`offhook.engine.ports.Board`.

    A part whose pin is wrong is left out, with one line in the log and in :attr:`faults`: the phone lives on.
    """

    def __init__(
        self,
        settings: BoardSettings,
        factory: Factory,
        flash: tuple[float, float],
        read_power: Callable[[], PowerReading],
        power_off: Callable[[], None] = power_off_by_systemd,
    ) -> None:
        """``flash``: the national flash window, shortest and longest, in seconds."""
        self._settings = settings
        self._factory = factory
        self._flash = flash
        self._read_power = read_power
        self._power_off = power_off
        self._parts: list[Part] = []
        self._lamps: dict[str, Lamp] = {}
        self._ringer: Ringer | None = None
        self._mains: MainsLine | None = None
        self.keypad: Keypad | None = None
        self._faults: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """See :class:`offhook.engine.ports.Board`."""
        return self._faults

    def start(self, listener: BoardListener) -> None:
        """Open the pins and begin to report, in the running loop."""
        loop, settings, factory = asyncio.get_running_loop(), self._settings, self._factory
        for lamp in settings.lamps:
            if lamp.pin is not None:
                made = self._open(partial(Lamp, lamp.pin, factory, loop, active_high=lamp.active_high))
                if made is not None:
                    self._lamps[lamp.name] = made
        if settings.ringer is not None:
            self._ringer = self._open(partial(Ringer, settings.ringer, factory, loop))
        if settings.mains is not None:
            self._mains = self._open(partial(MainsLine, settings.mains, factory))
        for button in settings.buttons:
            self._open(partial(Button, button, factory, loop, listener.button))
        self.keypad = self._open(partial(self._make_keypad, loop, listener))
        if settings.hook is not None:
            timing = self._timing(settings.hook)
            self._open(partial(Hook, settings.hook, timing, factory, loop, listener.phone_event))
        else:
            self._fault("the board file names no hook switch: add 'hook: {pin: ...}', or the phone cannot be lifted")

    def set_ringer(self, on: bool, cadence_ms: tuple[int, ...]) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        if self._ringer is not None:
            self._ringer.set(on, cadence_ms)

    def set_lamp(self, name: str, state: LampState) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        if name in self._lamps:
            self._lamps[name].set(state)

    def read_power(self) -> PowerReading:
        """See :class:`offhook.engine.ports.Board`."""
        return self._read_power() if self._mains is None else self._mains.merged(self._read_power)

    def power_off(self) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        self._power_off()

    def close(self) -> None:
        """Release every pin."""
        while self._parts:
            self._parts.pop().close()
        self._lamps.clear()
        self._ringer = self._mains = self.keypad = None
        self._factory.close()

    def _open(self, make: Callable[[], P | None]) -> P | None:
        try:
            part = make()
        except DeviceError as error:
            self._fault(str(error))
            return None
        if part is not None:
            self._parts.append(part)
        return part

    def _fault(self, line: str) -> None:
        self._faults = (*self._faults, line)
        _log.error("%s", line)

    def _timing(self, hook: HookWiring) -> HookTiming:
        return HookTiming(hook.bounce, *self._flash)

    def _make_keypad(self, loop: asyncio.AbstractEventLoop, listener: BoardListener) -> Keypad | None:
        settings, factory, report = self._settings, self._factory, listener.phone_event
        match settings.keypad:
            case "4x4" | "4x3" if settings.matrix is not None:
                return MatrixKeypad(settings.matrix, factory, loop, report)
            case "direct" if settings.keys:
                return DirectKeypad(settings.keys, factory, loop, report)
            case "rotary" if settings.rotary is not None:
                return Rotary(settings.rotary, factory, loop, report)
            case "none":
                return None
        raise DeviceError(f"the board file names keypad {settings.keypad} but not its pins: add them")
