"""A REFER of ours and what we hear of it: the transferor's side (:rfc:`3515`, :rfc:`5589`).

::

    REFER -> 2xx -> NOTIFY 100, 180 ... -> NOTIFY 200 or a failure: the last word
          -> failure, or no NOTIFY within 64*T1: the last word too
"""

from collections.abc import Callable

from offhook.sip.calls.refer import wants_no_news
from offhook.sip.calls.session import Session
from offhook.sip.calls.sipfrag import parse_status
from offhook.sip.core import Core
from offhook.sip.events import TransferProgress
from offhook.sip.messages.message import Request, Response
from offhook.sip.responses import body_of, printable, respond_to
from offhook.sip.subscriptions.state import EventType, SubscriptionState
from offhook.sip.subscriptions.upkeep import Upkeep
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

EXPIRES = 120


class Referring:
    """One transfer that we asked for in a call; ``on_end`` when nothing more will come of it."""

    def __init__(self, core: Core, call: str, session: Session, on_end: Callable[["Referring"], None]) -> None:
        self.session = session
        self._core = core
        self._call = call
        self._on_end = on_end
        self._request: ClientRequest | None = None
        self._number = 0
        self._upkeep: Upkeep | None = None
        self._patience: Timer | None = None
        self._told = False
        self._last = 0
        self._over = False

    def start(self, headers: tuple[tuple[str, str], ...], now: float) -> None:
        """Send the REFER."""
        self._request = self.session.send("REFER", self, now, headers=headers, contact=True)

    def is_meant(self, event: EventType) -> bool:
        """Whether a NOTIFY with this Event is about our REFER: its ``id`` is the REFER's CSeq (:rfc:`3515` 2.4.6)."""
        number = self._request.request.cseq.number if self._request is not None else self._number
        return event.id in ("", str(number), str(self._number))

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: only the final response counts."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: cannot happen to a REFER."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the answer to the REFER."""
        self._number = attempt.request.cseq.number
        if response.status >= 300:
            self._tell(response.status, printable(response.reason), True)
            self.end()
        elif wants_no_news(response):
            self._tell(response.status, "accepted without news of it", True)
            self.end()
        elif not self._told and self._upkeep is None:
            self._tell(100, "Trying", False)
            give_up = self._core.settings.timers.give_up
            self._patience = self._core.timers.start(now + give_up, lambda t: self._lost("no news came"))

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered the REFER."""
        self._lost(printable(reason))

    def on_notify(self, request: Request, transaction: ServerTransaction, state: SubscriptionState, now: float) -> None:
        """Take news; the transfer's fate is the status in the body, not that of the subscription."""
        respond_to(self._core, transaction, 200, "", now)
        if self._patience is not None:
            self._patience.cancel()
        fragment = parse_status(body_of(request))
        if fragment is not None:
            status, reason = fragment
            self._tell(status, reason, status >= 200 or state.terminated)
        elif state.terminated:
            self._tell(0, state.reason or "no word on how it went", True)
        if state.terminated:
            self.end()
        elif self._told:
            self._end_soon(now)
        else:
            self._keep(state.expires, now)

    def _keep(self, expires: int | None, now: float) -> None:
        if self._upkeep is None:
            number = self._request.request.cseq.number if self._request is not None else self._number
            event = (("Event", str(EventType("refer", str(number)))),)
            self._upkeep = Upkeep(self._core, self.session, event, EXPIRES, self._not_kept)
        self._upkeep.extend(EXPIRES if expires is None else expires, now)

    def _end_soon(self, now: float) -> None:
        """The last word is said; the NOTIFY that ends the subscription is answered still."""
        if self._upkeep is not None:
            self._upkeep.stop()
        self._patience = self._core.timers.start(now + self._core.settings.timers.give_up, lambda t: self.end())

    def _not_kept(self, status: int, reason: str, retry_after: int | None, now: float) -> None:
        self._lost(reason)

    def _lost(self, reason: str) -> None:
        self._tell(0, reason, True)
        self.end()

    def _tell(self, status: int, reason: str, final: bool) -> None:
        if not self._told and (final or status != self._last):
            self._told, self._last = final, status
            self._core.emit(TransferProgress(self._call, status, reason, final))

    def end(self) -> None:
        """Nothing more is wanted of it."""
        if self._over:
            return
        self._over = True
        if self._patience is not None:
            self._patience.cancel()
        if self._upkeep is not None:
            self._upkeep.stop()
        self._on_end(self)
