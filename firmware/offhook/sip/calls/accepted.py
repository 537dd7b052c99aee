"""A 2xx to an INVITE, repeated until its ACK comes (:rfc:`3261#section-13.3.1.4`), over streams too."""

from collections.abc import Callable

from offhook.sip.core import Core
from offhook.sip.messages.message import Response
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer


class AcceptedInvite:
    """Sends the 2xx, again after T1, doubling up to T2; ``on_silence`` after 64*T1 without an ACK."""

    def __init__(
        self, core: Core, transaction: ServerTransaction, response: Response, on_silence: Callable[[float], None]
    ) -> None:
        self._core = core
        self._transaction = transaction
        self._response = response
        self._on_silence = on_silence
        self._interval = core.settings.timers.t1
        self._repeat: Timer | None = None
        self._end: Timer | None = None

    @property
    def cseq(self) -> int:
        """The number that the ACK must have."""
        return self._transaction.request.cseq.number

    def start(self, now: float) -> None:
        """Send it for the first time."""
        self._end = self._core.timers.start(now + self._core.settings.timers.give_up, self._silent)
        self._send(now)

    def stop(self) -> None:
        """The ACK came, or the dialog is over."""
        for timer in (self._repeat, self._end):
            if timer is not None:
                timer.cancel()

    def _send(self, now: float) -> None:
        self._transaction.respond(self._response, now)
        self._repeat = self._core.timers.start(now + self._interval, self._send)
        self._interval = min(2 * self._interval, self._core.settings.timers.t2)

    def _silent(self, now: float) -> None:
        self.stop()
        self._on_silence(now)
