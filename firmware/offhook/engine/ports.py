"""What the engine asks of the outer ring: the protocols that real and simulated hardware implement."""

from collections.abc import Callable
from typing import Literal, Protocol

from offhook.engine.observations import Observation
from offhook.phone.events import Event
from offhook.power.reading import PowerReading

LampState = Literal["on", "off", "blink"]


class BoardListener(Protocol):
    """What a board tells the phone; called in the event loop's thread only."""

    def phone_event(self, event: Event, t: float) -> None:
        """Hook or key event, debounced; ``t`` is the edge's own time on CLOCK_MONOTONIC, in seconds."""

    def button(self, name: str, t: float) -> None:
        """A further input that the board file names (``volume_up`` ...) was pressed."""


class Board(Protocol):
    """A handset's body: hook switch, keys, ringer, lamps, power."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What of it could not be used since the start, a line each."""

    def start(self, listener: BoardListener) -> None:
        """Begin to report; a handset that is off hook already is reported at once."""

    def set_ringer(self, on: bool, cadence_ms: tuple[int, ...]) -> None:
        """Ring with on/off times in milliseconds until told to stop."""

    def set_lamp(self, name: str, state: LampState) -> None:
        """Set a lamp; a lamp that the board does not have is ignored."""

    def read_power(self) -> PowerReading:
        """Take a reading of supply and gauge; may block (the caller uses a thread). Raises DeviceError."""

    def power_off(self) -> None:
        """Switch the device off in an orderly way; a simulated board only says so. Raises DeviceError."""

    def close(self) -> None:
        """Release every pin."""


class Observer(Protocol):
    """Somebody who watches the phone: board socket, control socket, page, journal."""

    def note(self, observation: Observation) -> None:
        """Take one observation; must not block."""


Clock = Callable[[], float]
