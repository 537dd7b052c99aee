"""Changes of a session that stands, both ways: re-INVITE (:rfc:`3261#section-14`) and UPDATE (:rfc:`3311`).

One offer at a time. What we want while something else stands open waits for its turn, and of several that wait the
last is sent. What the other side wants then is refused with 491 or 500, as the two RFCs say.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from offhook.sip.calls.offeranswer import Phase, session_part
from offhook.sip.calls.offering import Offering, Wish
from offhook.sip.events import Body, CallReoffer, ReofferAccepted, ReofferRefused, ReofferStale
from offhook.sip.messages.message import Request, Response
from offhook.sip.responses import Refusal, body_of, reply, respond_to, set_body, unacceptable_body
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

if TYPE_CHECKING:
    from offhook.sip.calls.session import Session


@dataclass(frozen=True, slots=True)
class Owed:
    """What our application is to say to an offer: ``accept(body, now)`` or ``reject(status, now)``."""

    accept: Callable[[Body | None, float], None]
    reject: Callable[[int, float], None]
    transaction: ServerTransaction | None = None


class Reoffers:
    """The offers of one dialog after its first."""

    def __init__(self, session: "Session") -> None:
        self.owed: Owed | None = None
        self._session = session
        self._wish: Wish | None = None
        self._sent: Offering | None = None
        self._wait: Timer | None = None

    @property
    def is_sending(self) -> bool:
        """True while an offer or refresh of ours is on its way."""
        return self._sent is not None

    # -- ours ---------------------------------------------------------------------------------------------------

    def want(self, wish: Wish, now: float) -> None:
        """Send an offer now or in its turn; a refresh gives way to any offer, which refreshes as well."""
        if not (wish.refresh and (self._wish is not None or self._sent is not None)):
            self._wish = replace(wish, said=self._session.offers.said)
            self.go_on(now)

    def go_on(self, now: float) -> None:
        """Something ended: send what waits, if it may go."""
        wish = self._wish
        if wish is None or self._wait is not None or not self._session.live:
            return
        method = self._method(wish)
        if method is None:
            return
        self._wish = None
        if wish.is_stale(self._session.offers.said):
            if self._session.handle is not None:
                self._session.core.emit(ReofferStale(self._session.handle))
            return
        self._sent = Offering(self._session, self, wish, method)
        self._sent.start(now)

    def _method(self, wish: Wish) -> str | None:
        """Return by which request a wish can go out now, None where it has to wait (:rfc:`6337#section-2.3`)."""
        session = self._session
        offers, updates = session.offers, "UPDATE" in session.dialog.allows
        if self._sent is not None or self.owed is not None or offers.phase is not Phase.IDLE:
            return None
        if session.is_early:
            may = updates and offers.complete and wish.body is not None and not session.has_open_prack
            return "UPDATE" if may else None
        if session.has_unacked:
            return None
        return "UPDATE" if wish.by_update and updates and (wish.refresh or wish.body is not None) else "INVITE"

    def ended(self, again: Wish | None, after: float, now: float) -> None:
        """An offer of ours ended; ``again``: it is to be made once more, ``after`` seconds from now."""
        self._sent = None
        self._wish = self._wish or again
        if again is not None and after > 0:
            self._wait = self._session.core.timers.start(now + after, self._waited)
        self.go_on(now)

    def _waited(self, now: float) -> None:
        self._wait = None
        self.go_on(now)

    def refuse(self, wish: Wish, status: int) -> None:
        """Tell the application that its offer came to nothing."""
        session = self._session
        if session.handle is not None and session.live and not wish.refresh:
            session.core.emit(ReofferRefused(session.handle, status))

    # -- theirs -------------------------------------------------------------------------------------------------

    def on_reinvite(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a re-INVITE."""
        session = self._session
        refusal = self._reinvite_refusal(request)
        if refusal is not None:
            respond_to(session.core, transaction, refusal.status, refusal.reason, now, refusal.headers)
            return
        transaction.tag = session.dialog.id.local_tag
        respond_to(session.core, transaction, 100, "", now)
        self._owe(request, transaction, lambda body, now: self._accept_reinvite(transaction, body, now))
        transaction.on_cancel = lambda cancel, now: self._withdrawn(transaction, now)

    def _reinvite_refusal(self, request: Request) -> Refusal | None:
        session = self._session
        refusal = unacceptable_body(session.core, request) or session.timer.terms.refusal(request)
        if not session.live or session.handle is None:
            return Refusal(481)
        if self.owed is not None:
            return self._later()
        if session.is_early:
            return Refusal(491) if session.dialog.is_caller else self._later()
        if self._sent is not None or session.has_unacked or session.offers.phase is not Phase.IDLE:
            return Refusal(491)
        return refusal

    def on_update(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take an UPDATE: at once where it offers nothing, else by what the application says."""
        session = self._session
        offer = session_part(body_of(request))
        refusal = unacceptable_body(session.core, request) or session.timer.terms.refusal(request)
        if not session.live or session.handle is None:
            refusal = Refusal(481)
        elif offer is not None and session.offers.phase is Phase.OFFERED:
            refusal = Refusal(491)
        elif offer is not None and (self.owed is not None or session.offers.phase is Phase.OWING):
            refusal = self._later()
        if refusal is not None:
            respond_to(session.core, transaction, refusal.status, refusal.reason, now, refusal.headers)
        elif offer is None:
            self._accept_update(transaction, None, now)
        else:
            self._owe(request, transaction, lambda body, now: self._accept_update(transaction, body, now))

    def on_prack(self, request: Request, acknowledged: Response, transaction: ServerTransaction, now: float) -> None:
        """Take the PRACK of a reliable response: it may answer our offer, or offer anew (:rfc:`3262#section-5`)."""
        session, body = self._session, body_of(request)
        part = session_part(body)
        if body is not None and part is not None and session.offers.complete and session.handle is not None:
            self._owe(request, transaction, lambda body, now: self._accept_prack(transaction, body, now))
            return
        if acknowledged.body and session.offers.phase is Phase.OFFERED:
            if part is None:
                session.offers.withdrawn()  # There was no answer: our 2xx will offer once more.
            else:
                session.offers.they_answer(part)
                if session.handle is not None:
                    session.core.emit(ReofferAccepted(session.handle, body))
        respond_to(session.core, transaction, 200, "", now)
        self.go_on(now)

    def owe_ack(self, invite: Request, offer: Body, now: float) -> None:
        """A 2xx to an INVITE of ours without offer brought one: our answer goes into its ACK."""
        session = self._session

        def accept(body: Body | None, now: float) -> None:
            if body is not None:
                session.offers.we_answer(body)
            session.acks.send(invite, now, body)

        def reject(status: int, now: float) -> None:
            session.offers.withdrawn()
            session.acks.send(invite, now)

        session.acks.wait(invite)
        self.owe(offer, Owed(accept, reject))

    def owe(self, offer: Body, owed: Owed) -> None:
        """Ask the application for the answer to an offer."""
        session = self._session
        session.offers.they_offer(session_part(offer) or offer)
        self.owed = owed
        if session.handle is not None:
            session.core.emit(CallReoffer(session.handle, offer))

    def _owe(
        self, request: Request, transaction: ServerTransaction, accept: Callable[[Body | None, float], None]
    ) -> None:
        session, offer = self._session, body_of(request)
        owed = Owed(accept, lambda status, now: self._reject(transaction, status, now), transaction)
        if offer is not None and session_part(offer) is not None:
            self.owe(offer, owed)
        else:
            self.owed = owed
            session.core.emit(CallReoffer(session.handle or "", None))

    def accept(self, body: Body | None, now: float) -> None:
        """Answer what is owed; nothing where it has gone meanwhile."""
        owed, self.owed = self.owed, None
        if owed is not None:
            owed.accept(body, now)
            self._settled(now)

    def reject(self, status: int, now: float) -> None:
        """Refuse what is owed; the session goes on as it was."""
        owed, self.owed = self.owed, None
        if owed is not None:
            owed.reject(status, now)
            self._settled(now)

    def _settled(self, now: float) -> None:
        if self._session.is_early and self._session.on_prack is not None:
            self._session.on_prack(now)
        self.go_on(now)

    def stop(self, now: float) -> None:
        """The call ends: refuse what is owed, send nothing more."""
        owed, self.owed = self.owed, None
        self.forget()
        if owed is not None:
            owed.reject(487, now)

    def forget(self) -> None:
        """Send nothing more, owe nothing more."""
        self.owed = self._wish = None
        if self._wait is not None:
            self._wait.cancel()
            self._wait = None

    def _accept_reinvite(self, transaction: ServerTransaction, body: Body | None, now: float) -> None:
        session, part = self._session, session_part(body)
        session.dialog.refresh_target(transaction.request)
        offers = not self._answered(transaction, part) and part is not None
        if offers and part is not None:
            session.offers.we_offer(part)
        session.accept(transaction, set_body(session.success(transaction, now), body), now, offers)

    def _accept_update(self, transaction: ServerTransaction, body: Body | None, now: float) -> None:
        session = self._session
        session.dialog.refresh_target(transaction.request)
        self._answered(transaction, session_part(body))
        transaction.respond(set_body(session.success(transaction, now), body), now)

    def _accept_prack(self, transaction: ServerTransaction, body: Body | None, now: float) -> None:
        self._answered(transaction, session_part(body))
        transaction.respond(set_body(reply(self._session.core, transaction.request, 200), body), now)

    def _answered(self, transaction: ServerTransaction, part: Body | None) -> bool:
        """Close the exchange that a request opened; False where it offered nothing."""
        offers = self._session.offers
        if session_part(body_of(transaction.request)) is None:
            return False
        if part is not None:
            offers.we_answer(part)
        else:
            offers.withdrawn()
        return True

    def _reject(self, transaction: ServerTransaction, status: int, now: float) -> None:
        self._answered(transaction, None)
        respond_to(self._session.core, transaction, status, "", now)

    def _withdrawn(self, transaction: ServerTransaction, now: float) -> None:
        """A CANCEL for a re-INVITE that is not answered yet."""
        if self.owed is not None and self.owed.transaction is transaction:
            self.reject(487, now)

    def _later(self) -> Refusal:
        """500 with Retry-After of 0 to 10 s: something else is to be answered first."""
        return Refusal(500, "Request In Progress", (("Retry-After", str(int(self._session.core.fraction() * 10))),))
