"""A rotary dial on its pins."""

import asyncio

from gpiozero.pins import Factory

from offhook.hardware.pacer import Pacer, Report
from offhook.hardware.pins import EdgeInput
from offhook.hardware.settings import RotaryWiring
from offhook.phone.rotary import RotaryDial, RotaryTiming


class Rotary:
    """Reports each digit as KeyDown and KeyUp."""

    def __init__(self, wiring: RotaryWiring, factory: Factory, loop: asyncio.AbstractEventLoop, report: Report) -> None:
        """Raises DeviceError."""
        timing = RotaryTiming(bounce=wiring.bounce, order=wiring.order)
        self._normally_closed = wiring.normally_closed
        self._loop = loop
        self._dial = RotaryDial(timing, off_normal=wiring.off_normal is not None)
        self._pacer = Pacer(self._dial, loop, report, self._look)
        self._pulse = EdgeInput(wiring.pulse, factory, loop, self._pulse_edge)
        self._off_normal: EdgeInput | None = None
        if wiring.off_normal is not None:
            try:
                self._off_normal = EdgeInput(wiring.off_normal, factory, loop, self._off_normal_edge)
            except Exception:
                self._pulse.close()
                raise

    def close(self) -> None:
        """Release the pins."""
        self._pacer.close()
        self._pulse.close()
        if self._off_normal is not None:
            self._off_normal.close()

    def _pulse_edge(self, closed: bool, t: float) -> None:
        self._pacer.report(self._dial.pulse(closed != self._normally_closed, t))

    def _off_normal_edge(self, closed: bool, t: float) -> None:
        self._pacer.report(self._dial.off_normal(closed, t))

    def _look(self) -> None:
        now = self._loop.time()
        self._pulse_edge(self._pulse.closed_now, now)
        if self._off_normal is not None:
            self._off_normal_edge(self._off_normal.closed_now, now)
