"""The simulated board: the real adapters on mock pins, and hands that lift, press, dial and pull the plug."""

import asyncio
from collections.abc import Callable

from offhook.engine.ports import BoardListener, LampState
from offhook.errors import DeviceError
from offhook.hardware.board import GpioBoard
from offhook.hardware.settings import BoardSettings
from offhook.phone.rotary import pulses_of
from offhook.power.reading import PowerReading
from offhook.sim.pins import WiredFactory
from offhook.sim.wiring import wire_up

_CHATTER = 0.001
_BREAK, _MAKE = 0.060, 0.040
_WIND_UP, _REST = 0.150, 0.400


class SimulatedBoard:
    """Implements :class:`offhook.engine.ports.Board`; the coroutines below are a person's hands.

    They raise DeviceError for what the board does not have, and leave every contact open when cancelled.
    """

    def __init__(
        self,
        settings: BoardSettings,
        flash: tuple[float, float],
        loop: asyncio.AbstractEventLoop,
        on_power_off: Callable[[], None],
        on_network: Callable[[bool], None] | None = None,
        *,
        lifted: bool = False,
    ) -> None:
        """``flash``: the national flash window in seconds. ``on_network``: where the simulator owns the link.

        ``lifted``: the handset is off the hook from the start.

        Raises DeviceError.
        """
        self.settings = wire_up(settings)
        self.pins = WiredFactory(loop.time)
        self.network_up = True
        self._flash = sum(flash) / 2
        self._power = PowerReading(ac=True, percent=100.0, volts=4.2, amps=0.0)
        self._on_network = on_network
        self._keys = self._key_switches()
        self._buttons = {button.name: button.pin for button in self.settings.buttons}
        self._rest()
        if lifted:
            self._set_hook(True)
        self.board = GpioBoard(self.settings, self.pins, flash, self._reading, on_power_off)

    # -- what the phone asks of a board ---------------------------------------------------------------------------

    @property
    def faults(self) -> tuple[str, ...]:
        """See :class:`offhook.engine.ports.Board`."""
        return self.board.faults

    def start(self, listener: BoardListener) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        self.board.start(listener)

    def set_ringer(self, on: bool, cadence_ms: tuple[int, ...]) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        self.board.set_ringer(on, cadence_ms)

    def set_lamp(self, name: str, state: LampState) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        self.board.set_lamp(name, state)

    def read_power(self) -> PowerReading:
        """See :class:`offhook.engine.ports.Board`."""
        return self.board.read_power()

    def power_off(self) -> None:
        """Say that the phone would switch off now; the host is never touched."""
        self.board.power_off()

    def close(self) -> None:
        """See :class:`offhook.engine.ports.Board`."""
        self.board.close()

    # -- what a person does ---------------------------------------------------------------------------------------

    async def lift(self, bounce: float = 0.0) -> None:
        """Lift the handset; the contact chatters for ``bounce`` seconds."""
        await self._move_hook(True, bounce)

    async def hang_up(self, bounce: float = 0.0) -> None:
        """Put the handset back."""
        await self._move_hook(False, bounce)

    async def flash(self, seconds: float | None = None) -> None:
        """Press the hook for a moment; None: for as long as the country's exchanges expect."""
        self._set_hook(False)
        try:
            await asyncio.sleep(self._flash if seconds is None else seconds)
        finally:
            self._set_hook(True)

    async def press(self, key: str, seconds: float) -> None:
        """Press a key for so long."""
        await self._hold(self._key(key), seconds)

    async def dial(self, keys: str, on: float, off: float) -> None:
        """Press keys one after the other; returns after the last release."""
        for key in keys:
            self._key(key)
        for n, key in enumerate(keys):
            if n:
                await asyncio.sleep(off)
            await self.press(key, on)

    async def press_button(self, name: str, seconds: float) -> None:
        """Press one of the board's further buttons."""
        pin = self._buttons.get(name)
        if pin is None:
            raise DeviceError(f"this board has no button {name!r}: it has {' '.join(self._buttons) or 'none'}")
        await self._hold(lambda closed: self.pins.ground(pin.bcm, closed), seconds)

    async def rotary(self, digit: int) -> None:
        """Turn the dial and let it run back; returns when it has come to rest."""
        wiring = self.settings.rotary
        if self.settings.keypad != "rotary" or wiring is None:
            raise DeviceError(f"this board has no rotary dial: its keypad is {self.settings.keypad}")
        pulse, at_rest, off_normal = wiring.pulse.bcm, wiring.normally_closed, wiring.off_normal
        try:
            if off_normal is not None:
                self.pins.ground(off_normal.bcm, True)
            await asyncio.sleep(_WIND_UP)
            for _ in range(pulses_of(digit, wiring.order)):
                self.pins.ground(pulse, not at_rest)
                await asyncio.sleep(_BREAK)
                self.pins.ground(pulse, at_rest)
                await asyncio.sleep(_MAKE)
        finally:
            self.pins.ground(pulse, at_rest)
            if off_normal is not None:
                self.pins.ground(off_normal.bcm, False)
        await asyncio.sleep(_REST)

    def set_power(
        self,
        *,
        ac: bool | None = None,
        percent: float | None = None,
        volts: float | None = None,
        amps: float | None = None,
        gauge_ok: bool | None = None,
    ) -> None:
        """Change what supply and gauge show; None leaves a value as it was."""
        was = self._power
        self._power = PowerReading(
            ac=was.ac if ac is None else ac,
            percent=was.percent if percent is None else percent,
            volts=was.volts if volts is None else volts,
            amps=was.amps if amps is None else amps,
            gauge_ok=was.gauge_ok if gauge_ok is None else gauge_ok,
        )

    def set_network(self, up: bool) -> None:
        """Plug or unplug the simulated link."""
        if self._on_network is None:
            raise DeviceError("the simulator does not own the network here: use the host's own link")
        self.network_up = up
        self._on_network(up)

    # -- contacts -------------------------------------------------------------------------------------------------

    def _reading(self) -> PowerReading:
        power = self._power
        return power if power.gauge_ok else PowerReading(ac=power.ac, gauge_ok=False)

    def _key_switches(self) -> dict[str, Callable[[bool], None]]:
        switches: dict[str, Callable[[bool], None]] = {}
        matrix = self.settings.matrix
        if self.settings.keypad in ("4x4", "4x3") and matrix is not None:
            for row, names in zip(matrix.rows, matrix.layout, strict=True):
                for column, name in zip(matrix.columns, names, strict=True):
                    switches[name] = self._contact(row.bcm, column.bcm)
        elif self.settings.keypad == "direct":
            for key in self.settings.keys:
                switches[key.key] = self._switch(key.pin.bcm)
        return switches

    def _key(self, key: str) -> Callable[[bool], None]:
        if key not in self._keys:
            has = " ".join(self._keys) or 'a rotary dial: {"do":"rotary"}'
            raise DeviceError(f"this board has no key {key!r}: it has {has}")
        return self._keys[key]

    def _contact(self, row: int, column: int) -> Callable[[bool], None]:
        return lambda closed: self.pins.join((row, column), closed)

    def _switch(self, bcm: int) -> Callable[[bool], None]:
        return lambda closed: self.pins.ground(bcm, closed)

    def _rest(self) -> None:
        """Put every contact into its position of rest."""
        self._set_hook(False)
        if self.settings.rotary is not None:
            self.pins.ground(self.settings.rotary.pulse.bcm, self.settings.rotary.normally_closed)

    def _set_hook(self, lifted: bool) -> None:
        hook = self.settings.hook
        assert hook is not None
        self.pins.ground(hook.pin.bcm, lifted == hook.normally_open)

    async def _move_hook(self, lifted: bool, bounce: float) -> None:
        self._set_hook(lifted)
        try:
            loop = asyncio.get_running_loop()
            end, at = loop.time() + bounce, lifted
            while loop.time() < end:
                await asyncio.sleep(_CHATTER)
                at = not at
                self._set_hook(at)
        finally:
            self._set_hook(lifted)

    async def _hold(self, switch: Callable[[bool], None], seconds: float) -> None:
        switch(True)
        try:
            await asyncio.sleep(seconds)
        finally:
            switch(False)
