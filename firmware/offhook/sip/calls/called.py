"""An incoming call until it is up: 100, 180, 183, the answer, CANCEL (:rfc:`3261#section-13.3`)."""

from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.session import Contact, Session
from offhook.sip.core import Core
from offhook.sip.events import Body, CallOver
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.account import Account
from offhook.sip.responses import answered_elsewhere, reason_text, reply, respond_to, set_body
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

KEEP_RINGING = 60.0


class CalledSide:
    """One call that came in."""

    def __init__(
        self, core: Core, handle: str, account: Account | None, transaction: ServerTransaction, contact: Contact
    ) -> None:
        request = transaction.request
        self.session: Session | None = None
        self.over = False
        self._core = core
        self._handle = handle
        self._account = account
        self._transaction = transaction
        self._contact = contact
        self._tag = core.token()
        self._dialog = Dialog.from_request(request, self._tag, int(core.fraction() * 0x7FFF))
        self._again: Timer | None = None
        self._expiry: Timer | None = None
        self._announced: Response | None = None
        core.dialogs[self._dialog.id] = self
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
        """Say 183 with a session description."""
        self._announce(183, body, now)

    def _announce(self, status: int, body: Body | None, now: float) -> None:
        if self._transaction.answered:
            return
        self._announced = set_body(self._response(status), body)
        self._repeat(now)

    def _repeat(self, now: float) -> None:
        if self._announced is None or self._transaction.answered:
            return
        self._transaction.respond(self._announced, now)
        if self._again is not None:
            self._again.cancel()
        self._again = self._core.timers.start(now + KEEP_RINGING, self._repeat)

    def answer(self, body: Body | None, now: float) -> None:
        """Say 200; the call is up for us, and confirmed when the ACK comes."""
        if self._transaction.answered:
            return
        self._stop_timers()
        response = set_body(self._response(200), body)
        self._core.dialogs.pop(self._dialog.id, None)
        self.session = Session(self._core, self._handle, self._dialog, self._account, self._contact)
        self.session.on_over = self._end
        self.session.accept(self._transaction, response, now)

    def reject(self, status: int, reason: str, now: float, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Refuse the call; nothing when it is answered or gone."""
        if self._transaction.answered:
            return
        self._stop_timers()
        response = reply(self._core, self._transaction.request, status, reason, self._tag)
        for name, value in headers:
            response.headers.add(name, value)
        self._transaction.respond(response, now)
        self._end()

    def hang_up(self, now: float) -> None:
        """BYE when the call is up, 486 while it rings."""
        if self.session is not None:
            self.session.hang_up(now)
        else:
            self.reject(486, "", now)

    def on_cancel(self, cancel: Request, now: float) -> None:
        """The caller gave up (:rfc:`3261#section-9.2`); a call that is answered already stands."""
        if not self._transaction.answered:
            self._gone(reason_text(cancel) or "cancelled", now, answered_elsewhere(cancel))

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a request in the early dialog; a BYE ends the call as CANCEL does."""
        if not self._dialog.in_order(request):
            respond_to(self._core, transaction, 500, "CSeq Out of Order", now)
        elif request.method == "BYE":
            respond_to(self._core, transaction, 200, "", now)
            self._gone(reason_text(request) or "the caller hung up", now, False)
        elif request.method == "INVITE":
            retry = (("Retry-After", str(int(self._core.fraction() * 10))),)
            respond_to(self._core, transaction, 500, "INVITE In Progress", now, retry)
        else:
            respond_to(self._core, transaction, 200, "", now)

    def on_ack(self, request: Request, now: float) -> None:
        """There is no 2xx yet that an ACK could be for."""

    def _expired(self, now: float) -> None:
        self._gone("nobody answered within the caller's time", now, False)

    def _gone(self, reason: str, now: float, elsewhere: bool) -> None:
        if not self.over and not self._transaction.answered:
            self.reject(487, "", now)
            self._core.emit(CallOver(self._handle, reason, elsewhere))

    def _response(self, status: int) -> Response:
        request, flow = self._transaction.request, self._transaction.flow
        response = reply(self._core, request, status, "", self._tag)
        for value in request.headers.get_all("Record-Route"):
            response.headers.add("Record-Route", value)
        response.headers.set("Contact", self._contact(flow.transport, flow.remote[0]))
        self._core.describe(response)
        return response

    def _stop_timers(self) -> None:
        for timer in (self._again, self._expiry):
            if timer is not None:
                timer.cancel()

    def _end(self) -> None:
        self.over = True
        if self._core.dialogs.get(self._dialog.id) is self:
            del self._core.dialogs[self._dialog.id]
