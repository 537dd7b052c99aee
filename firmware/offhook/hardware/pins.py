"""The one kind of input and of output that the adapters use, whichever gpiozero factory drives the pins.

Callbacks of gpiozero come from threads of its own: an :class:`EdgeInput` stamps the edge, hops into the event loop with
it and does nothing else.
"""

import asyncio
import contextlib
import errno
from collections.abc import Callable, Iterator

from gpiozero import DigitalInputDevice, OutputDevice
from gpiozero.exc import GPIOPinInUse, GPIOZeroError, PinInvalidPin
from gpiozero.pins import Factory

from offhook.errors import DeviceError
from offhook.hardware.settings import Wire

OnEdge = Callable[[bool, float], None]

_OLDEST_STAMP = 1.0
_BUSY = "GPIO busy"  # so lgpio says it


class EdgeInput(DigitalInputDevice):  # type: ignore[misc]  # gpiozero is not typed
    """A contact from a pin to ground; :attr:`closed` tells its state, ``on_edge(closed, t)`` each change."""

    def __init__(self, wire: Wire, factory: Factory, loop: asyncio.AbstractEventLoop, on_edge: OnEdge) -> None:
        """Raises DeviceError. ``on_edge`` is called in ``loop``, ``t`` is on the loop's clock."""
        self._loop = loop
        self._on_edge: OnEdge | None = None
        with wired(wire):
            super().__init__(wire.bcm, pull_up=True, pin_factory=factory)
        self._on_edge = on_edge

    @property
    def closed_now(self) -> bool:
        """Whether the contact is closed at this moment."""
        return bool(self.is_active)

    def close(self) -> None:
        """Release the pin, and tell no more: lgpio goes on calling for a pin that was closed."""
        self._on_edge = None
        super().close()

    def _fire_events(self, ticks: float, new_active: bool) -> None:
        super()._fire_events(ticks, new_active)
        on_edge = self._on_edge
        if on_edge is None:
            return
        now = self._loop.time()
        # Kernels before 5.7 stamp edges with the time of day: such a stamp is no use.
        t = ticks if 0.0 <= now - ticks < _OLDEST_STAMP else now
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            self._loop.call_soon_threadsafe(on_edge, bool(new_active), t)


def open_output(wire: Wire, factory: Factory, *, active_high: bool = True) -> OutputDevice:
    """Open a pin as output, inactive. Raises DeviceError."""
    with wired(wire):
        return OutputDevice(wire.bcm, active_high=active_high, initial_value=False, pin_factory=factory)


@contextlib.contextmanager
def wired(wire: Wire) -> Iterator[None]:
    """Turn what goes wrong with a pin into a DeviceError that names the pin and its line in the board file."""
    try:
        yield
    except PinInvalidPin:
        raise DeviceError(f"{wire} is no pin of this board: give a BCM number, 2 to 27 on the 40-pin header") from None
    except GPIOPinInUse:
        raise DeviceError(f"{wire} is named twice in the board file: give each wire a pin of its own") from None
    except GPIOZeroError as error:
        raise DeviceError(f"{wire} cannot be used this way ({error}): choose another pin") from error
    except Exception as error:  # lgpio.error is no OSError, and is there only where lgpio is
        held = error.errno == errno.EBUSY if isinstance(error, OSError) else _BUSY in str(error)
        if type(error).__module__ != "lgpio" and not isinstance(error, OSError):
            raise
        if not held:
            raise DeviceError(f"{wire} cannot be used ({error}): choose another pin") from error
        raise DeviceError(
            f"{wire} is held by another program or overlay ({error}): see gpioinfo, free it or choose another"
        ) from error
