"""The caller's PRACKs in one early dialog (:rfc:`3262#section-4`)."""

from typing import TYPE_CHECKING

from offhook.sip.events import Body
from offhook.sip.messages.message import Request, Response
from offhook.sip.transactions.client_transaction import ClientTransaction

if TYPE_CHECKING:
    from offhook.sip.calls.session import Session


class Pracks:
    """Which reliable responses are new, and the PRACK for each. Owner of those requests."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._cseq = 0
        self._last = 0
        self._sent: tuple[Request, Body | None] | None = None
        self._busy = 0
        self._refused = False

    @property
    def open(self) -> bool:
        """True while a PRACK has no answer."""
        return self._busy > 0

    def is_new(self, invite: Request, rseq: int, now: float) -> bool:
        """Count a reliable response; False where it is a repetition, or where one before it is missing.

        A repetition says that its PRACK did not arrive: one that was refused (by reordering its CSeq may have been too
        low) is made again; one on its way is repeated by its own transaction.
        """
        if invite.cseq.number != self._cseq:
            self._cseq, self._last = invite.cseq.number, 0
        if self._last and rseq == self._last and self._refused and self._sent is not None:
            self.send(self._sent[0], now, self._sent[1])
        if self._last and rseq != self._last + 1:
            return False
        self._last, self._sent = rseq, None
        return True

    def send(self, invite: Request, now: float, body: Body | None = None) -> None:
        """Acknowledge the response that came last."""
        self._sent, self._refused = (invite, body), False
        self._busy += 1
        rack = f"{self._last} {invite.cseq.number} INVITE"
        self._session.send("PRACK", self, now, headers=(("RAck", rack),), body=body)

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A PRACK has nothing to show on the way."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Acknowledged, or refused."""
        if (attempt.request.headers.get("RAck") or "").split()[:1] == [str(self._last)]:
            self._refused = response.status >= 300
        self._end(now)

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to a PRACK."""

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered: a repeated response has it made again."""
        self._refused = True
        self._end(now)

    def _end(self, now: float) -> None:
        self._busy -= 1
        self._session.reoffers.go_on(now)
