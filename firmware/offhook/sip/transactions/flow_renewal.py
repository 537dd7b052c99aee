"""What a 430 leads to where no other target is left: a registration over a new flow, for which the request waits.

:rfc:`5626#section-11.5`: the flow that the edge proxy knows of us is gone. The stream that carried it is closed, the
account registers anew (section 4.4), and the request is repeated: once, and not later than :data:`PATIENCE` seconds
after the 430, for somebody may be holding a handset to his ear. An emergency call waits no longer than it does for any
sign of life: it has other ways to try.
"""

from collections.abc import Callable

from offhook.sip.core import Core
from offhook.sip.events import CloseFlow, Target
from offhook.sip.registrations.account import Account
from offhook.sip.transactions.targets import place_of
from offhook.sip.transactions.timers import Timer

PATIENCE = 10.0
EMERGENCY_PATIENCE = 4.0

Ready = Callable[[bool, float], None]


class FlowRenewal:
    """One wait, for one request; a second one is not granted."""

    def __init__(self, core: Core, account: Account | None, method: str, emergency: bool = False) -> None:
        self._core = core
        self._patience = EMERGENCY_PATIENCE if emergency else PATIENCE
        self._account = account if method != "REGISTER" else None
        self._used = False
        self._ready: Ready | None = None
        self._timer: Timer | None = None

    @property
    def waiting(self) -> bool:
        """True from :meth:`begin` until the wait is over."""
        return self._ready is not None

    def helps(self, target: Target | None) -> bool:
        """True where the registration stands by the very flow that failed, and no wait was granted before."""
        flow = self._account.flow if self._account is not None else None
        known = flow is not None and target is not None and place_of(flow) == place_of(target)
        return known and not self._used

    def begin(self, target: Target, ready: Ready, now: float) -> None:
        """Close the flow and call ``ready(registered, now)`` once, when the registration was answered or time is up."""
        if self._account is None:
            return
        self._used = True
        self._ready = ready
        if target.transport != "udp":
            for flow in self._core.streams_to(target.transport, (target.ip, target.port)):
                self._core.emit(CloseFlow(flow))
        self._timer = self._core.timers.start(now + self._patience, lambda t: self._end(False, t))
        self._account.await_answer(self._answered)

    def stop(self) -> None:
        """Wait no longer, and tell nobody."""
        self._ready = None
        if self._timer is not None:
            self._timer.cancel()

    def _answered(self, now: float) -> None:
        self._end(self._account is not None and self._account.flow is not None, now)

    def _end(self, registered: bool, now: float) -> None:
        ready = self._ready
        self.stop()
        if ready is not None:
            ready(registered, now)
