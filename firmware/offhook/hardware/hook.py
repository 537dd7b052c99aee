"""The hook switch on its pin."""

import asyncio

from gpiozero.pins import Factory

from offhook.hardware.pacer import Pacer, Report
from offhook.hardware.pins import EdgeInput
from offhook.hardware.settings import HookWiring
from offhook.phone.hookswitch import HookSwitch, HookTiming


class Hook:
    """Reports HookLifted, HookReplaced and HookFlash; a handset that is off at the start is reported at once."""

    def __init__(
        self,
        wiring: HookWiring,
        timing: HookTiming,
        factory: Factory,
        loop: asyncio.AbstractEventLoop,
        report: Report,
    ) -> None:
        """Raises DeviceError."""
        self._normally_open = wiring.normally_open
        self._loop = loop
        self._switch = HookSwitch(timing)
        self._pacer = Pacer(self._switch, loop, report, self._look)
        self._contact = EdgeInput(wiring.pin, factory, loop, self._edge)
        self._edge(self._contact.closed_now, loop.time())

    def close(self) -> None:
        """Release the pin."""
        self._pacer.close()
        self._contact.close()

    def _edge(self, closed: bool, t: float) -> None:
        self._pacer.report(self._switch.edge(closed == self._normally_open, t))

    def _look(self) -> None:
        # An edge that was lost in a burst must not leave the phone off hook for ever.
        self._pacer.report(self._switch.edge(self._contact.closed_now == self._normally_open, self._loop.time()))
