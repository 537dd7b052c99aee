"""One re-INVITE or UPDATE of ours until it is settled: accepted, refused, or made again."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from offhook.sip.calls.offeranswer import session_part
from offhook.sip.events import Body, ReofferAccepted
from offhook.sip.messages.message import Response
from offhook.sip.responses import body_of
from offhook.sip.transactions.client_transaction import ClientTransaction

if TYPE_CHECKING:
    from offhook.sip.calls.reoffers import Reoffers
    from offhook.sip.calls.session import Session

MAX_TRIES = 3
MAX_RETRY_AFTER = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """An offer that is to be made (``body`` None: the other side is to make one), or a refresh that changes nothing.

    ``by_update``: by UPDATE where the other side takes it. ``tries``: how often it was sent. ``said``: how many
    descriptions of ours had gone out when it was made, itself included.
    """

    body: Body | None
    by_update: bool = False
    refresh: bool = False
    tries: int = 0
    said: int = 0

    def is_stale(self, said: int) -> bool:
        """True where a description that was made later went out before it."""
        return self.body is not None and not self.refresh and said != self.said


class Offering:
    """Owner of one such request."""

    def __init__(self, session: "Session", reoffers: "Reoffers", wish: Wish, method: str) -> None:
        self._session = session
        self._reoffers = reoffers
        self._wish = wish
        self._method = method
        self._offer: Body | None = None
        self._done = False
        self._said = 0

    def start(self, now: float) -> None:
        """Send it. A refresh by re-INVITE says again what was agreed (:rfc:`4028#section-7.4`)."""
        session, body = self._session, self._wish.body
        if self._wish.refresh:
            body = session.offers.local if self._method == "INVITE" else None
        self._offer = session_part(body)
        if self._offer is not None:
            session.offers.we_offer(self._offer)
        self._said = session.offers.said
        session.send(self._method, self, now, headers=session.timer.ask(), body=body, contact=True)

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Nothing changes until the final response."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A re-INVITE that was given up for another target was answered after all."""
        self._session.acks.send(attempt.request, now)

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the answer or the refusal."""
        if self._session.acks.is_known(attempt.request):
            self._session.acks.repeat(attempt.request)
        elif 200 <= response.status < 300:
            self._succeed(attempt, response, now)
        elif not self._done:
            self._fail(response, now)

    def on_failed(self, reason: str, now: float) -> None:
        """No answer at all; media may well flow still, so the call stands."""
        self._withdraw()
        self._give_up(408, now)

    def _succeed(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        session = self._session
        session.dialog.learn(response)
        session.dialog.refresh_target(response)
        if session.live and not session.is_early:
            session.timer.agreed(response, now)
        session.see_response(response, attempt.transmit.remote[0])
        body = body_of(response)
        if self._method == "INVITE":
            if self._offer is None and body is not None and session_part(body) is not None and session.live:
                self._reoffers.owe_ack(attempt.request, body, now)
            else:
                session.acks.send(attempt.request, now)
        if not self._done:
            self._done = True
            self._close(body)
            self._reoffers.ended(None, 0.0, now)

    def _close(self, body: Body | None) -> None:
        """Take the answer to what we offered."""
        session = self._session
        if self._offer is None:
            return
        answer, before = session_part(body), session.offers.remote
        if answer is not None:
            session.offers.they_answer(answer)
        else:
            session.offers.withdrawn()
        unchanged = answer is None or (before is not None and answer.data == before.data)
        if session.handle is not None and session.live and not (self._wish.refresh and unchanged):
            session.core.emit(ReofferAccepted(session.handle, body))

    def _fail(self, response: Response, now: float) -> None:
        session, status = self._session, response.status
        again = replace(self._wish, tries=self._wish.tries + 1, said=self._said)
        self._withdraw()
        if status == 491:
            self._finish(again, self._glare(), now)
        elif again.tries < MAX_TRIES and status == 422 and session.timer.raise_to(response):
            self._finish(again, 0.0, now)
        elif status in (405, 501) and self._method == "UPDATE":
            session.dialog.allows -= {"UPDATE"}
            self._finish(again, 0.0, now)
        elif again.tries < MAX_TRIES and self._wait(response) is not None:
            self._finish(again, self._wait(response) or 0.1, now)
        else:
            self._give_up(status, now)
            if status == 481:
                session.lost("the other side no longer knows the call", now)

    def _wait(self, response: Response) -> float | None:
        """Return after how many seconds a 500 asks for another try (:rfc:`3311#section-5.1`), None: it does not."""
        after = response.retry_after
        return float(after) if response.status == 500 and after is not None and after <= MAX_RETRY_AFTER else None

    def _glare(self) -> float:
        """Both offered at once: who made the Call-ID waits 2.1-4 s, the other 0-2 s (:rfc:`3261#section-14.1`)."""
        fraction = self._session.core.fraction()
        return 2.1 + 1.9 * fraction if self._session.dialog.is_caller else 2.0 * fraction

    def _withdraw(self) -> None:
        if self._offer is not None and not self._done:
            self._session.offers.withdrawn()

    def _give_up(self, status: int, now: float) -> None:
        if self._done:
            return
        if self._wish.refresh:
            self._session.timer.failed(now)
        self._reoffers.refuse(self._wish, status)
        self._finish(None, 0.0, now)

    def _finish(self, again: Wish | None, after: float, now: float) -> None:
        self._done = True
        self._reoffers.ended(again, after, now)
