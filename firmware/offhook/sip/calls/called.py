"""An incoming call until it is up: 100, 180, 183, the answer, CANCEL (:rfc:`3261#section-13.3`).

Provisional responses are sent reliably (:rfc:`3262`) where the caller asks for it, and where one carries a session
description and he can take it. A 2xx waits for the PRACK of such a description, and then has none of its own.
"""

from dataclasses import dataclass

from offhook.sip.calls import reliable
from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.features import tags
from offhook.sip.calls.offeranswer import Phase, session_part
from offhook.sip.calls.reliable import ReliableResponses
from offhook.sip.calls.session import Contact, Session, Stage
from offhook.sip.core import Core
from offhook.sip.events import Body, CallOver
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.account import Account
from offhook.sip.responses import answered_elsewhere, body_of, reason_text, reply, respond_to, set_body
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

KEEP_RINGING = 60.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """The application has answered; the 2xx waits for a PRACK."""

    body: Body | None


class CalledSide:
    """One call that came in."""

    def __init__(
        self, core: Core, handle: str, account: Account | None, transaction: ServerTransaction, contact: Contact
    ) -> None:
        request = transaction.request
        self.over = False
        self._core = core
        self._handle = handle
        self._transaction = transaction
        self._contact = contact
        self._tag = core.token()
        dialog = Dialog.from_request(request, self._tag, int(core.fraction() * 0x7FFF))
        self.session = Session(core, handle, dialog, account, contact, Stage.EARLY)
        self.session.on_over = self._end
        self.session.on_early_end = lambda reason, now: self._gone(reason, now, False)
        self.session.on_prack = self._go_on
        self._reliable = self.session.reliable = ReliableResponses(core, transaction, self._never_acknowledged)
        mode = account.settings.reliable if account is not None else "supported"
        self._capable = reliable.TAG in tags(request) and mode != "off"
        self._always = reliable.TAG in (tag.lower() for tag in request.require) or mode == "required"
        self._answer: _Answer | None = None
        self._again: Timer | None = None
        self._expiry: Timer | None = None
        self._announced = 0
        offer = session_part(body_of(request))
        if offer is not None:
            self.session.offers.they_offer(offer)
        transaction.tag = self._tag
        transaction.on_cancel = self.on_cancel

    def start(self, now: float) -> None:
        """Say 100 at once, and mind the INVITE's Expires (:rfc:`3261#section-13.3.1`)."""
        respond_to(self._core, self._transaction, 100, "", now)
        expires = self._transaction.request.expires
        if expires is not None:
            self._expiry = self._core.timers.start(now + expires, self._expired)

    def ring(self, now: float) -> None:
        """Say 180, and again each minute, or proxies give up."""
        self._announce(180, None, now)

    def early_media(self, body: Body, now: float) -> None:
        """Say 183 with a session description: the answer, or the offer where the INVITE had none."""
        self._announce(183, body, now)

    def _announce(self, status: int, body: Body | None, now: float) -> None:
        if self._transaction.answered or self._answer is not None:
            return
        self._announced = status
        part = session_part(body)
        offers = self.session.offers
        response = self._response(status)
        if part is None or self._reliable.holds_back or offers.phase is Phase.OFFERED or offers.complete:
            self._provisional(response, self._always, now)
        elif self._capable:
            if offers.phase is Phase.OWING:
                offers.we_answer(part)
            else:
                offers.we_offer(part)
            self._provisional(set_body(response, body), True, now)
        elif offers.phase is Phase.OWING:
            self._provisional(set_body(response, body), False, now)
        else:
            self._provisional(response, False, now)  # An offer may not go where it could get lost.

    def _provisional(self, response: Response, reliably: bool, now: float) -> None:
        if reliably and self._capable:
            self._reliable.send(response, now)
        else:
            self._transaction.respond(response, now)
        if self._again is not None:
            self._again.cancel()
        self._again = self._core.timers.start(now + KEEP_RINGING, self._repeat)

    def _repeat(self, now: float) -> None:
        if not self._transaction.answered and self._answer is None:
            self._provisional(self._response(self._announced), self._always, now)

    def answer(self, body: Body | None, now: float) -> None:
        """Say 200; the call is up for us, and confirmed when the ACK comes."""
        if not self._transaction.answered and self._answer is None:
            self._answer = _Answer(body)
            self._go_on(now)

    def _go_on(self, now: float) -> None:
        """Send the 2xx, unless a PRACK or the answer to the offer in one is still to come."""
        session, answer = self.session, self._answer
        if answer is None or self._transaction.answered or self._reliable.holds_back or session.reoffers.owed:
            return
        self._stop_timers()
        response = self._response(200)
        offers, part, offered = session.offers, session_part(answer.body), False
        if offers.local is None and offers.phase is not Phase.OFFERED:
            if offers.phase is Phase.IDLE and part is not None:
                offers.we_offer(part)
                offered = True
            elif part is not None:
                offers.we_answer(part)
            set_body(response, answer.body)
        session.timer.grant(self._transaction.request, response, now)
        session.confirm()
        session.accept(self._transaction, response, now, offered)

    def accept_reoffer(self, body: Body | None, now: float) -> None:
        """Answer what the caller offers, in a PRACK or UPDATE or later."""
        self.session.accept_reoffer(body, now)

    def reject_reoffer(self, status: int, now: float) -> None:
        """Refuse it."""
        self.session.reject_reoffer(status, now)

    def reject(self, status: int, reason: str, now: float, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Refuse the call; nothing when it is answered or gone."""
        if self._transaction.answered:
            return
        self._stop_timers()
        response = reply(self._core, self._transaction.request, status, reason, self._tag)
        for name, value in headers:
            response.headers.add(name, value)
        self._transaction.respond(response, now)
        self.session.reoffers.stop(now)
        self.session.finish()

    def hang_up(self, now: float, reason: str = "") -> None:
        """BYE when the call is up, 486 while it rings."""
        if self.session.is_early:
            self.reject(486, "", now)
        else:
            self.session.hang_up(now, reason)

    def on_cancel(self, cancel: Request, now: float) -> None:
        """The caller gave up (:rfc:`3261#section-9.2`); a call that is answered already stands."""
        if not self._transaction.answered:
            self._gone(reason_text(cancel) or "cancelled", now, answered_elsewhere(cancel))

    def _never_acknowledged(self, now: float) -> None:
        """No PRACK for 64*T1 (:rfc:`3262#section-3`)."""
        self._gone("no PRACK came", now, False, 504)

    def _expired(self, now: float) -> None:
        self._gone("nobody answered within the caller's time", now, False)

    def _gone(self, reason: str, now: float, elsewhere: bool, status: int = 487) -> None:
        if not self.over and not self._transaction.answered:
            self._core.emit(CallOver(self._handle, reason, elsewhere))
            self.reject(status, "", now)

    def _response(self, status: int) -> Response:
        request, flow = self._transaction.request, self._transaction.flow
        response = reply(self._core, request, status, "", self._tag)
        for value in request.headers.get_all("Record-Route"):
            response.headers.add("Record-Route", value)
        response.headers.set("Contact", self._contact(flow.transport, flow.remote[0]))
        self.session.describe(response)
        return response

    def _stop_timers(self) -> None:
        self._reliable.stop()
        for timer in (self._again, self._expiry):
            if timer is not None:
                timer.cancel()

    def _end(self) -> None:
        self.over = True
