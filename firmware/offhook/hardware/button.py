"""A further button on its pin."""

import asyncio
from collections.abc import Callable

from gpiozero.pins import Factory

from offhook.errors import DeviceError
from offhook.hardware.pins import EdgeInput
from offhook.hardware.settings import ButtonWiring
from offhook.phone.debounce import Debouncer


class Button:
    """A further button; reports its presses."""

    def __init__(
        self,
        wiring: ButtonWiring,
        factory: Factory,
        loop: asyncio.AbstractEventLoop,
        pressed: Callable[[str, float], None],
    ) -> None:
        """Raises DeviceError."""
        if wiring.pin is None:
            raise DeviceError(f"button {wiring.name} has no pin in the board file: add one")
        self._name = wiring.name
        self._loop = loop
        self._pressed = pressed
        self._contact = Debouncer()
        self._timer: asyncio.TimerHandle | None = None
        self._input = EdgeInput(wiring.pin, factory, loop, self._edge)

    def close(self) -> None:
        """Release the pin."""
        if self._timer is not None:
            self._timer.cancel()
        self._input.close()

    def _edge(self, closed: bool, t: float) -> None:
        for change in self._contact.edge(closed, t):
            if change.level:
                self._pressed(self._name, change.t)
        if self._timer is not None:
            self._timer.cancel()
        due = self._contact.deadline()
        self._timer = None if due is None else self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._edge(self._input.closed_now, self._loop.time())
