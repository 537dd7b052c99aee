"""A board listener that writes down what it is told, and boards for tests."""

import asyncio
from dataclasses import dataclass, field

from offhook.hardware.settings import BoardSettings, ButtonWiring, KeypadKind, LampWiring
from offhook.phone.events import Event, KeyDown, KeyUp
from offhook.sim.board import SimulatedBoard


@dataclass
class Notebook:
    """Implements :class:`offhook.engine.ports.BoardListener`."""

    events: list[Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def phone_event(self, event: Event, t: float) -> None:
        """Write an event down."""
        self.events.append(event)
        self.times.append(t)

    def button(self, name: str, t: float) -> None:
        """Write a button down."""
        self.buttons.append(name)

    @property
    def keys(self) -> str:
        """The keys that went down; fails unless each came up before the next."""
        downs = "".join(event.key for event in self.events if isinstance(event, KeyDown))
        ups = "".join(event.key for event in self.events if isinstance(event, KeyUp))
        assert downs == ups
        return downs


def simulated(keypad: KeypadKind = "4x4", flash: tuple[float, float] = (0.3, 1.0)) -> SimulatedBoard:
    """Return a board as the least board file makes it, in the running loop."""
    settings = BoardSettings(
        kind="simulated",
        keypad=keypad,
        lamps=(LampWiring("line"), LampWiring("message"), LampWiring("battery")),
        buttons=(ButtonWiring("volume_up"), ButtonWiring("volume_down")),
    )
    return SimulatedBoard(settings, flash, asyncio.get_running_loop(), lambda: None)
