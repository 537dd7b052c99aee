"""A call that is up: its confirmed dialog, re-INVITEs both ways, and BYE.

Both kinds of call (:class:`~offhook.sip.calls.calling.CallingSide`, :class:`~offhook.sip.calls.called.CalledSide`)
end in one.
A fork that lost gets one as well, without a handle: it is acknowledged and ended, and nobody hears of it.
"""

from collections.abc import Callable
from enum import Enum

from offhook.sip.calls.accepted import AcceptedInvite
from offhook.sip.calls.dialog import Dialog
from offhook.sip.core import Core
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    Body,
    CallConfirmed,
    CallOver,
    CallReoffer,
    Flow,
    ReofferAccepted,
    ReofferRefused,
    Target,
    Transmit,
    Transport,
)
from offhook.sip.messages.headers import Via
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.account import Account
from offhook.sip.responses import body_of, reason_text, reply, respond_to, set_body, unacceptable_body
from offhook.sip.transactions.client_request import ClientRequest, RequestOwner
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.next_hop import Hop
from offhook.sip.transactions.server_transaction import ServerTransaction

Contact = Callable[[Transport, str], str]
CREDENTIALS = ("Authorization", "Proxy-Authorization")


class Stage(Enum):
    """UP: the call stands. ENDING: BYE is due or on its way. OVER: nothing is left to do."""

    UP = "up"
    ENDING = "ending"
    OVER = "over"


class Session:
    """One confirmed dialog of a call; ``handle`` None: events are kept to ourselves."""

    def __init__(
        self, core: Core, handle: str | None, dialog: Dialog, account: Account | None, contact: Contact
    ) -> None:
        self.stage = Stage.UP
        self.dialog = dialog
        self.on_over: Callable[[], None] | None = None
        self._core = core
        self._handle = handle
        self._account = account
        self._contact = contact
        self._unacked: AcceptedInvite | None = None
        self._acks: dict[int, list[Transmit]] = {}
        self._offering: ClientRequest | None = None
        self._offer: Body | None = None
        self._offered: ServerTransaction | None = None
        core.dialogs[dialog.id] = self

    @property
    def account(self) -> Account | None:
        """The account that the call is by."""
        return self._account

    def contact(self, flow: Flow) -> str:
        """Return our Contact for a response that goes back by ``flow``."""
        return self._contact(flow.transport, flow.remote[0])

    # -- the caller's duties ------------------------------------------------------------------------------------

    def acknowledge(self, invite: Request, now: float) -> None:
        """Send the ACK for a 2xx to ``invite``, the same bytes each time it is repeated (13.2.2.4)."""
        number = invite.cseq.number
        known = self._acks.get(number)
        if known is not None:
            self._core.outbox.extend(known)
            return
        sent = self._acks[number] = []
        ack = self.dialog.request("ACK", number)
        for name in CREDENTIALS:
            for value in invite.headers.get_all(name):
                ack.headers.add(name, value)
        ack.headers.set("User-Agent", self._core.settings.user_agent)

        def located(targets: list[Target], reason: str, now: float) -> None:
            if targets:
                sent.append(self._ack_for(ack, targets[0]))
                self._core.outbox.extend(sent)

        try:
            self._core.hops.find(Hop.of_uri(self.dialog.next_hop), now, located)
        except LocalError:
            return  # A Contact that names no host: there is nowhere to send an ACK to.

    def _ack_for(self, ack: Request, target: Target) -> Transmit:
        host, port = self._core.local_address(target.transport, target.ip)
        via = Via(target.transport.upper(), host, port, (("rport", None), ("branch", self._core.branch())))
        ack.headers.prepend("Via", str(via))
        return Transmit(bytes(ack), target.transport, (target.ip, target.port))

    # -- the callee's duties ------------------------------------------------------------------------------------

    def accept(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a 2xx to an INVITE, and see that it is acknowledged."""
        transaction.on_ack = self.on_ack
        self._unacked = AcceptedInvite(self._core, transaction, response, self._never_acknowledged)
        self._unacked.start(now)

    def on_ack(self, request: Request, now: float) -> None:
        """Take the ACK for a 2xx of ours."""
        accepted = self._unacked
        if accepted is None or request.cseq.number != accepted.cseq:
            return
        accepted.stop()
        self._unacked = None
        if self.stage is Stage.ENDING:
            self._send_bye(now)
        elif self._handle is not None:
            self._core.emit(CallConfirmed(self._handle, body_of(request)))

    def _never_acknowledged(self, now: float) -> None:
        self._unacked = None
        if self.stage is Stage.UP:
            self._tell_over("no ACK came")
        if self.stage is not Stage.OVER:
            self.stage = Stage.ENDING
            self._send_bye(now)

    # -- ending -------------------------------------------------------------------------------------------------

    def hang_up(self, now: float) -> None:
        """End the call; a callee may not send BYE before the ACK (:rfc:`3261#section-15`), so that waits."""
        if self.stage is not Stage.UP:
            return
        self.stage = Stage.ENDING
        if self._offered is not None:
            respond_to(self._core, self._offered, 487, "Request Terminated", now)
            self._offered = None
        if self._unacked is None:
            self._send_bye(now)

    def _send_bye(self, now: float) -> None:
        bye = self.dialog.request("BYE", self.dialog.next_cseq())
        bye.headers.set("User-Agent", self._core.settings.user_agent)
        try:
            self._client(bye, _Bye(self)).start(now)
        except LocalError:
            self.finish()

    def finish(self) -> None:
        """Let the dialog go."""
        if self.stage is Stage.OVER:
            return
        self.stage = Stage.OVER
        if self._unacked is not None:
            self._unacked.stop()
            self._unacked = None
        if self._core.dialogs.get(self.dialog.id) is self:
            del self._core.dialogs[self.dialog.id]
        if self.on_over is not None:
            self.on_over()

    def _tell_over(self, reason: str, elsewhere: bool = False) -> None:
        if self._handle is not None:
            self._core.emit(CallOver(self._handle, reason, elsewhere))

    # -- requests from the other side ---------------------------------------------------------------------------

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a request within the dialog."""
        if not self.dialog.in_order(request):
            respond_to(self._core, transaction, 500, "CSeq Out of Order", now)
        elif request.method == "BYE":
            self._on_bye(request, transaction, now)
        elif request.method == "INVITE":
            self._on_reinvite(request, transaction, now)
        elif (method := self._core.methods.get(request.method)) is not None:
            method(self, request, transaction, now)
        else:
            respond_to(self._core, transaction, 200, "OK", now)

    def _on_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        respond_to(self._core, transaction, 200, "OK", now)
        if self._offered is not None:
            respond_to(self._core, self._offered, 487, "Request Terminated", now)
            self._offered = None
        if self.stage is Stage.UP:
            self._tell_over(reason_text(request) or "the other side hung up")
        self.finish()

    def _on_reinvite(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        refusal = unacceptable_body(self._core, request)
        if self.stage is not Stage.UP or self._handle is None:
            respond_to(self._core, transaction, 481, "Call/Transaction Does Not Exist", now)
        elif self._offered is not None:
            retry = str(int(self._core.fraction() * 10))
            respond_to(self._core, transaction, 500, "Re-INVITE In Progress", now, (("Retry-After", retry),))
        elif self._offering is not None or self._unacked is not None:
            respond_to(self._core, transaction, 491, "Request Pending", now)
        elif refusal is not None:
            respond_to(self._core, transaction, refusal.status, refusal.reason, now, refusal.headers)
        else:
            self._offered = transaction
            transaction.tag = self.dialog.id.local_tag
            transaction.on_cancel = lambda cancel, now: self._withdrawn(transaction, now)
            respond_to(self._core, transaction, 100, "Trying", now)
            self._core.emit(CallReoffer(self._handle, body_of(request)))

    def _withdrawn(self, transaction: ServerTransaction, now: float) -> None:
        """A CANCEL for a re-INVITE that is not answered yet."""
        if self._offered is transaction:
            self._offered = None
            respond_to(self._core, transaction, 487, "", now)

    def accept_reoffer(self, body: Body | None, now: float) -> None:
        """Answer the re-INVITE that waits; nothing when it has gone meanwhile."""
        transaction, self._offered = self._offered, None
        if transaction is None:
            return
        self.dialog.refresh_target(transaction.request)
        response = reply(self._core, transaction.request, 200)
        self._core.describe(response)
        flow = transaction.flow
        response.headers.set("Contact", self._contact(flow.transport, flow.remote[0]))
        self.accept(transaction, set_body(response, body), now)

    def reject_reoffer(self, status: int, now: float) -> None:
        """Refuse the re-INVITE that waits; the session goes on as it was."""
        transaction, self._offered = self._offered, None
        if transaction is not None:
            respond_to(self._core, transaction, status, "Not Acceptable Here" if status == 488 else "", now)

    # -- re-INVITE of ours --------------------------------------------------------------------------------------

    def reinvite(self, body: Body | None, now: float) -> None:
        """Offer a new session; waits its turn after a glare (:rfc:`3261#section-14.1`)."""
        self._offer = body
        if self.stage is not Stage.UP or self._offering is not None:
            return
        if self._offered is not None or self._unacked is not None:
            self._glare(now)
            return
        invite = self.dialog.request("INVITE", self.dialog.next_cseq())
        self._core.describe(invite)
        try:
            self._offering = self._client(set_body(invite, body), self, self._contact)
            self._offering.start(now)
        except LocalError:
            self._refused(503)

    def update(self, body: Body | None, now: float) -> None:
        """Offer a new session by UPDATE (:rfc:`3311`)."""
        self.reinvite(body, now)

    def info(self, body: Body, now: float) -> None:
        """Send an INFO."""
        self.send("INFO", _Forgotten(), now, body=body)

    def send(
        self,
        method: str,
        owner: RequestOwner,
        now: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        body: Body | None = None,
        contact: bool = False,
    ) -> ClientRequest | None:
        """Send a request of the dialog, ``contact``: with a Contact; None, after ``on_failed``: there is no way to."""
        request = self.dialog.request(method, self.dialog.next_cseq())
        self._core.describe(request)
        for name, value in headers:
            request.headers.add(name, value)
        try:
            client = self._client(set_body(request, body), owner, self._contact if contact else None)
            client.start(now)
        except LocalError as error:
            owner.on_failed(str(error), now)
            return None
        return client

    def _client(self, request: Request, owner: RequestOwner, contact: Contact | None = None) -> ClientRequest:
        hop = Hop.of_uri(self.dialog.next_hop)
        return ClientRequest(
            self._core, request, hop, owner, self.dialog.next_cseq, account=self._account, contact=contact
        )

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Nothing changes until the re-INVITE's final response."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the end of a re-INVITE of ours."""
        if 200 <= response.status < 300:
            fresh = attempt.request.cseq.number not in self._acks
            if fresh:
                self.dialog.refresh_target(response)
            self.acknowledge(attempt.request, now)
            if fresh and self._handle is not None and self.stage is Stage.UP:
                self._core.emit(ReofferAccepted(self._handle, body_of(response)))
            self._offering = None
        elif response.status == 491:
            self._offering = None
            self._glare(now)
        else:
            self._refused(response.status)
            if response.status == 481 and self.stage is Stage.UP:
                self._tell_over("the other side no longer knows the call")
                self.stage = Stage.ENDING
                self._send_bye(now)

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A re-INVITE that was given up for another target was answered after all."""
        self.acknowledge(attempt.request, now)

    def on_failed(self, reason: str, now: float) -> None:
        """The re-INVITE got no answer; media may well flow still, so the call stands."""
        self._refused(408)

    def _refused(self, status: int) -> None:
        self._offering = None
        if self._handle is not None and self.stage is Stage.UP:
            self._core.emit(ReofferRefused(self._handle, status))

    def _glare(self, now: float) -> None:
        """Both offered at once: who made the Call-ID waits 2.1-4 s, the other 0-2 s (14.1)."""
        fraction = self._core.fraction()
        wait = 2.1 + 1.9 * fraction if self.dialog.is_caller else 2.0 * fraction
        self._core.timers.start(now + wait, lambda t: self.reinvite(self._offer, t))


class _Bye:
    """Owner of a session's BYE: whatever comes of it, the session is over then."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A BYE has nothing to show on the way."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Over, even where the other side knows nothing of the dialog (481)."""
        self._session.finish()

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to a BYE."""

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered: over all the same."""
        self._session.finish()


class _Forgotten:
    """Owner of a request whose fate nobody waits for."""

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Not of interest."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Not of interest."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Not of interest."""

    def on_failed(self, reason: str, now: float) -> None:
        """Not of interest."""
