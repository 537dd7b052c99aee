"""A pin of gpiozero on a line of the kernel's GPIO character device, through libgpiod."""

import contextlib
import errno
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gpiod import EdgeEvent, LineRequest, LineSettings
from gpiod.line import Bias, Direction, Edge, Value
from gpiozero.exc import (
    PinFixedPull,
    PinInvalidBounce,
    PinInvalidEdges,
    PinInvalidFunction,
    PinInvalidPull,
    PinSetInput,
)
from gpiozero.pins.pi import PiPin

if TYPE_CHECKING:
    from offhook.hardware.gpiodpins import GpiodFactory

_log = logging.getLogger(__name__)

EVENTS = 64
"""Edges of one line that the kernel keeps while nobody reads; its own 16 are fewer than a worn contact makes."""

_MOST_READS = 16
"""Reads at once: a wire that hums must not keep others from the line; what is left is read in the next turn."""

_BIAS = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "floating": Bias.DISABLED}
_EDGES = {"both": Edge.BOTH, "rising": Edge.RISING, "falling": Edge.FALLING, "none": Edge.NONE}
_GONE = (errno.ENODEV, errno.ENXIO, errno.EIO)


class GpiodPin(PiPin):  # type: ignore[misc]  # gpiozero is not typed
    """One line, requested for as long as the pin is open.

    The pull is kept while the pin is an output and is there again when it becomes an input, as in the chip itself.
    Edges carry the kernel's stamp, in seconds of CLOCK_MONOTONIC. A line whose chip was removed keeps its last level,
    with one line in the log: a phone without one of its parts lives on.
    """

    def __init__(self, factory: "GpiodFactory", info: Any) -> None:
        """Opens the pin as an input without pull. Raises OSError: EBUSY where another program or overlay has it."""
        super().__init__(factory, info)
        self._lock = threading.Lock()
        self._function = "input"
        self._pull: str = info.pull or "floating"
        self._edges = "both"
        self._bounce: float | None = None
        self._level = False
        self._lost = False
        self._request: LineRequest | None = factory.chip.request_lines(
            {self._number: self._settings()}, consumer="offhook", event_buffer_size=EVENTS
        )

    @property
    def bcm(self) -> int:
        """The line's number on the chip, which is the pin's in the board file."""
        return int(self._number)

    def close(self) -> None:
        """Make the pin an input without pull, as the chip wakes up, and let go of its line."""
        if self._request is None:
            return
        self.when_changed = None
        with self._lock:
            request, self._request = self._request, None
            with contextlib.suppress(OSError):
                request.reconfigure_lines({self._number: LineSettings(Direction.INPUT, bias=Bias.DISABLED)})
            request.release()
        self.factory.closed(self)

    def output_with_state(self, state: bool) -> None:
        """Become an output that begins with a level: nothing in between reaches the wire."""
        with self._lock:
            self._function, self._level = "output", bool(state)
            self._configure()

    def input_with_pull(self, pull: str) -> None:
        """Become an input with a pull, at once."""
        self._check_pull(pull)
        with self._lock:
            self._function, self._pull = "input", pull
            self._configure()

    # -- what gpiozero's properties call --------------------------------------------------------------------------

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value not in ("input", "output"):
            raise PinInvalidFunction(f'invalid function "{value}" for pin {self!r}')
        with self._lock:
            if value == "output" and self._function == "input":
                self._level = False
            self._function = value
            self._configure()

    def _get_state(self) -> bool:
        with self._lock:
            if self._request is not None and not self._lost:
                with self._losing():
                    self._level = self._request.get_value(self._number) is Value.ACTIVE
            return self._level

    def _set_state(self, value: float) -> None:
        if self._function == "input":
            raise PinSetInput(f"cannot set state of pin {self!r}")
        with self._lock:
            self._level = bool(value)
            if self._request is not None and not self._lost:
                with self._losing():
                    self._request.set_value(self._number, Value(self._level))

    def _get_pull(self) -> str:
        return self._pull if self._function == "input" else "floating"

    def _set_pull(self, value: str) -> None:
        if self._function != "input":
            raise PinFixedPull(f"cannot set pull on non-input pin {self!r}")
        self.input_with_pull(value)

    def _check_pull(self, pull: str) -> None:
        if pull not in _BIAS:
            raise PinInvalidPull(f'invalid pull "{pull}" for pin {self!r}')
        if self.info.pull not in (pull, ""):
            raise PinFixedPull(f"{self!r} has a physical pull-{self.info.pull} resistor")

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        if value is not None and value < 0:
            raise PinInvalidBounce("bounce must be 0 or greater")
        with self._lock:
            if value != self._bounce:
                self._bounce = value
                self._configure()

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        if value not in _EDGES:
            raise PinInvalidEdges(f'invalid edge specification "{value}" for pin {self!r}')
        with self._lock:
            if value != self._edges:
                self._edges = value
                self._configure()

    # -- edges ----------------------------------------------------------------------------------------------------

    def _enable_event_detect(self) -> None:
        with self._lock:
            if self._request is not None and not self._lost:
                self.factory.reader.watch(self._request.fd, self)
                self._configure()

    def _disable_event_detect(self) -> None:
        with self._lock:
            if self._request is not None:
                self.factory.reader.forget(self._request.fd)
                self._configure(listening=False)
                if not self._lost:
                    self._drain()  # the kernel keeps what it has: it must not be taken for news later

    def read_edges(self) -> None:
        """Pass on what the kernel has kept; the reader's thread calls this. Raises OSError where the line is lost."""
        with self._lock:
            events = self._drain()
        for event in events:
            method = self._get_when_changed()
            if method is None:
                self.when_changed = None
                return
            method(event.timestamp_ns / 1e9, event.event_type is EdgeEvent.Type.RISING_EDGE)

    def lose(self, reason: str) -> None:
        """See :class:`offhook.hardware.edges.EdgeSource`."""
        if not self._lost:
            self._lost = True
            _log.error("%r is lost (%s): it stays as it is until the phone restarts", self, reason)

    def _drain(self) -> list[EdgeEvent]:
        events: list[EdgeEvent] = []
        for _ in range(_MOST_READS):
            if self._request is None or not self._request.wait_edge_events(0):
                break
            events += self._request.read_edge_events(EVENTS)
        return events

    # -- the line -------------------------------------------------------------------------------------------------

    def _settings(self, listening: bool = True) -> LineSettings:
        """How the line is to be; edges are asked for while somebody is called at them."""
        if self._function == "output":
            return LineSettings(Direction.OUTPUT, output_value=Value(self._level))
        settings = LineSettings(Direction.INPUT, bias=_BIAS[self._pull])
        if listening and self._when_changed is not None:
            settings.edge_detection = _EDGES[self._edges]
            settings.debounce_period = timedelta(seconds=self._bounce or 0.0)
        return settings

    def _configure(self, listening: bool = True) -> None:
        if self._request is not None and not self._lost:
            with self._losing():
                self._request.reconfigure_lines({self._number: self._settings(listening)})

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        """Take it, once and in one line, where the line's chip is no longer there."""
        try:
            yield
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self.lose(error.strerror or str(error))
