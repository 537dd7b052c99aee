"""A REFER that came in, and what we tell of it: the transferee's side (:rfc:`3515`, :rfc:`4488`).

::

    REFER -> TransferRequested -> refuse: 403, 603 ...
                               -> accept: 202, NOTIFY 100 -> the new call: NOTIFY 180 -> NOTIFY 200 or its failure

One NOTIFY is on its way at a time: news that is overtaken by newer news is not sent at all.
"""

from collections.abc import Callable, Container

from offhook.sip.calls.sipfrag import status_fragment
from offhook.sip.core import Core
from offhook.sip.events import CallAccepted, CallProgress, CallRefused, Event
from offhook.sip.messages.message import Response
from offhook.sip.responses import REASONS, reply, respond_to
from offhook.sip.subscriptions.state import EventType
from offhook.sip.subscriptions.upkeep import Sender
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

LASTS = 180


class Referred:
    """One transfer that we were asked for. ``sender`` sends in the REFER's dialog, ``tag`` is ours there.

    ``first``: the dialog had no REFER before, so that the Event needs no id. ``quiet``: no news is wanted.
    """

    def __init__(
        self,
        core: Core,
        transaction: ServerTransaction,
        sender: Sender,
        tag: str,
        contact: str,
        *,
        first: bool,
        quiet: bool,
        on_end: Callable[["Referred"], None],
    ) -> None:
        self.call: str | None = None
        self._core = core
        self._transaction = transaction
        self._sender = sender
        self._tag = tag
        self._contact = contact
        self._quiet = quiet
        self._on_end = on_end
        self._number = str(transaction.request.cseq.number)
        self._event = EventType("refer", "" if first else self._number)
        self._until = 0.0
        self._end: Timer | None = None
        self._sending: ClientRequest | None = None
        self._busy = False
        self._news: tuple[int, str] = (100, REASONS[100])
        self._why = ""
        self._placed = False
        self._unsent = False
        self._over = False

    @property
    def decided(self) -> bool:
        """True once it was accepted or refused."""
        return self._transaction.answered

    def is_meant(self, event: EventType) -> bool:
        """Whether a SUBSCRIBE with this Event is about this REFER."""
        return event.id in ("", self._number)

    def refuse(self, status: int, now: float) -> None:
        """Do not call; after :meth:`accept`: say that nothing came of it."""
        if not self.decided:
            respond_to(self._core, self._transaction, status, "", now)
            self.close()
        else:
            self.tell(status, REASONS.get(status, ""), now)

    def accept(self, call: str, now: float) -> None:
        """Say that ``call`` is being placed; its fate is told as it comes."""
        if self.decided or self._over:
            return
        self.call = call
        response = reply(self._core, self._transaction.request, 202, "Accepted", self._tag)
        self._core.describe(response)
        for value in self._transaction.request.headers.get_all("Record-Route"):
            response.headers.add("Record-Route", value)
        response.headers.set("Contact", self._contact)
        if self._quiet:
            response.headers.set("Refer-Sub", "false")
        self._transaction.respond(response, now)
        if self._quiet:
            self.close()
            return
        self._last(LASTS, now)
        self._unsent = True
        self._send(now)

    def watch(self, event: Event) -> tuple[int, str] | None:
        """Return what an event says of our call's fate."""
        match event:
            case CallProgress(call, status, reason) if call == self.call:
                return status, reason
            case CallAccepted(call, _, response) if call == self.call:
                return response.status, response.reason
            case CallRefused(call, status, reason) if call == self.call:
                return (status, reason) if status else (408, REASONS[408])
            case _:
                return None

    def is_orphan(self, calls: Container[str]) -> bool:
        """True once, when the call that was placed for it is gone without a word: it was given up here."""
        if self.call is None or self._over or self._news[0] >= 200:
            return False
        was, self._placed = self._placed, self.call in calls
        return was and not self._placed

    def tell(self, status: int, reason: str, now: float) -> None:
        """Tell how far the call has come; a final status is the last word."""
        if self._over or self._news[0] >= 200 or (status, reason) == self._news:
            return
        self._news = (status, reason)
        self._why = "noresource" if status >= 200 else ""
        self._unsent = True
        self._send(now)

    def on_subscribe(self, transaction: ServerTransaction, now: float) -> None:
        """The transferor wants to hear for longer, or no more (Expires 0)."""
        asked = transaction.request.expires
        seconds = min(LASTS if asked is None else asked, LASTS)
        headers = (("Expires", str(seconds)), ("Contact", self._contact))
        respond_to(self._core, transaction, 200, "", now, headers)
        if self._news[0] < 200:
            self._why = "" if seconds else "timeout"
            self._last(seconds, now)
            self._unsent = True
            self._send(now)

    def _last(self, seconds: int, now: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._until = now + seconds
        self._end = self._core.timers.start(self._until, self._timed_out) if seconds else None

    def _timed_out(self, now: float) -> None:
        self._why = "timeout"
        self._unsent = True
        self._send(now)

    def _send(self, now: float) -> None:
        if self._busy or not self._unsent or self._over:
            return
        self._unsent = False
        self._busy = True
        left = max(int(self._until - now), 1)
        state = f"terminated;reason={self._why}" if self._why else f"active;expires={left}"
        headers = (("Event", str(self._event)), ("Subscription-State", state))
        body = status_fragment(*self._news)
        self._sending = self._sender.send("NOTIFY", self, now, headers=headers, body=body, contact=True)

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: only the final response counts."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: cannot happen to a NOTIFY."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Go on with the next news; a NOTIFY that is refused ends the subscription (:rfc:`6665#section-4.2.2`)."""
        self._busy = False
        if response.status >= 300 or (self._why and not self._unsent):
            self.close()
        else:
            self._send(now)

    def on_failed(self, reason: str, now: float) -> None:
        """The transferor is gone; the call that he asked for goes on."""
        self._busy = False
        self.close()

    def close(self) -> None:
        """Nothing more is told."""
        if self._over:
            return
        self._over = True
        if self._end is not None:
            self._end.cancel()
        if self._sending is not None:
            self._sending.abandon()
        self._on_end(self)
