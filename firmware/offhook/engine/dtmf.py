"""Keys that are pressed during a call: as telephone events in its sound (:rfc:`4733`), else in SIP INFO."""

from offhook.engine.leg import Leg
from offhook.engine.shell import EndpointShell
from offhook.sip.calls.info import Dtmf

SHORTEST_MS = 80
LONGEST_MS = 5000


class DtmfKeys:
    """Sends keys by the way that a call's media was agreed on (:attr:`MediaSession.dtmf_by_info`).

    An INFO tells how long the key was held, so it is sent when the key is let go.
    """

    def __init__(self, shell: EndpointShell) -> None:
        self._shell = shell
        self._pressed: dict[tuple[str, str], float] = {}

    def press(self, leg: Leg, digit: str) -> None:
        """A key goes down."""
        if leg.session is None:
            return
        if leg.session.dtmf_by_info:
            self._pressed[leg.handle, digit] = self._shell.now()
        else:
            leg.session.start_dtmf(digit)

    def release(self, leg: Leg, digit: str) -> None:
        """The key comes up; one that went down in another call, or not at all, is no fault."""
        if leg.session is None:
            return
        pressed = self._pressed.pop((leg.handle, digit), None)
        if pressed is None:
            leg.session.stop_dtmf(digit)
            return
        now = self._shell.now()
        duration = min(max(int((now - pressed) * 1000), SHORTEST_MS), LONGEST_MS)
        self._shell.endpoint.info(leg.handle, Dtmf(digit, duration).body(), now)
        self._shell.pump()

    def forget(self, leg: Leg) -> None:
        """A call is over."""
        self._pressed = {key: at for key, at in self._pressed.items() if key[0] != leg.handle}
