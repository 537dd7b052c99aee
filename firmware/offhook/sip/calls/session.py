"""One dialog of a call, from its first provisional response to its end: what both sides have in common.

Both kinds of call (:class:`~offhook.sip.calls.calling.CallingSide`, :class:`~offhook.sip.calls.called.CalledSide`)
end in one. A fork that lost gets one as well, without a handle: it is acknowledged and ended, and nobody hears of it.

What a dialog can do is in its parts: :class:`OfferAnswer` and :class:`Reoffers` (sessions), :class:`SessionTimer`,
:class:`ReliableResponses` and :class:`Pracks` (100rel), :class:`Infos`, :class:`ConnectedIdentity`. Requests that come
in are taken by :class:`IncomingRequests`.
"""

from collections.abc import Callable
from enum import Enum

from offhook.sip.calls.accepted import AcceptedInvite
from offhook.sip.calls.acknowledgements import Acknowledgements
from offhook.sip.calls.connected import ConnectedIdentity
from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.dialog_sender import DialogSender
from offhook.sip.calls.ending import Bye
from offhook.sip.calls.features import limit_features
from offhook.sip.calls.incoming import IncomingRequests
from offhook.sip.calls.info import Infos
from offhook.sip.calls.offeranswer import OfferAnswer, Phase, session_part
from offhook.sip.calls.offering import Wish
from offhook.sip.calls.own_identity import OwnIdentity
from offhook.sip.calls.pracks import Pracks
from offhook.sip.calls.reliable import ReliableResponses
from offhook.sip.calls.reoffers import Reoffers
from offhook.sip.calls.session_timer import SessionTimer, Terms
from offhook.sip.core import Core
from offhook.sip.events import Body, CallConfirmed, CallOver, Flow, PeerChanged, Transport
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.account import Account
from offhook.sip.responses import body_of, reply
from offhook.sip.transactions.server_transaction import ServerTransaction

Contact = Callable[[Transport, str], str]


class Stage(Enum):
    """EARLY: not answered yet. UP: the call stands. ENDING: BYE is due or on its way. OVER: nothing is left to do."""

    EARLY = "early"
    UP = "up"
    ENDING = "ending"
    OVER = "over"


class Session:
    """One dialog of a call; ``handle`` None: events are kept to ourselves.

    ``on_early_end(reason, now)``: BYE came before the answer. ``on_prack(now)``: a reliable response of ours was
    acknowledged. ``on_over()``: nothing is left to do. An emergency call is not ended by its session timer.
    """

    def __init__(
        self,
        core: Core,
        handle: str | None,
        dialog: Dialog,
        account: Account | None,
        contact: Contact,
        stage: Stage = Stage.UP,
        *,
        emergency: bool = False,
    ) -> None:
        self.core = core
        self.handle = handle
        self.dialog = dialog
        self.account = account
        self.stage = stage
        self.on_over: Callable[[], None] | None = None
        self.on_early_end: Callable[[str, float], None] | None = None
        self.on_prack: Callable[[float], None] | None = None
        self.reliable: ReliableResponses | None = None
        self.send = DialogSender(core, dialog, account, contact=contact, describe=self.describe, lenient=emergency).send
        self.offers = OfferAnswer()
        self.acks = Acknowledgements(core, dialog, account, emergency)
        self.pracks = Pracks(self)
        self.reoffers = Reoffers(self)
        settings = account.settings if account is not None else None
        self.timer = SessionTimer(core.timers, Terms.of(settings), self._refresh, self._expired)
        self._contact = contact
        self.emergency = emergency
        self._identity = ConnectedIdentity(dialog)
        self._own_identity = OwnIdentity(self)
        self._infos = Infos(self._send_info)
        self._unacked: AcceptedInvite | None = None
        self._ack_answers = False
        self._reason = ""
        self._retired = False
        self._incoming = IncomingRequests(self)
        core.dialogs[dialog.id] = self

    def contact(self, flow: Flow) -> str:
        """Return our Contact for a response that goes back by ``flow``."""
        return self._contact(flow.transport, flow.remote[0])

    @property
    def is_early(self) -> bool:
        """True before the answer."""
        return self.stage is Stage.EARLY

    @property
    def live(self) -> bool:
        """True until somebody ends it."""
        return self.stage in (Stage.EARLY, Stage.UP) and not self._retired

    @property
    def has_unacked(self) -> bool:
        """True while a 2xx of ours waits for its ACK."""
        return self._unacked is not None

    @property
    def has_open_prack(self) -> bool:
        """True while a reliable response, either way, is not settled."""
        return self.pracks.open or (self.reliable is not None and self.reliable.unacknowledged is not None)

    # -- requests of ours ---------------------------------------------------------------------------------------

    def describe(self, message: Request | Response) -> None:
        """Say what we can do, as far as the account lets us."""
        self.core.describe(message)
        limit_features(self.account.settings if self.account is not None else None, message)

    def success(self, transaction: ServerTransaction, now: float) -> Response:
        """Return the 200 to an INVITE or UPDATE of the dialog, with the session timer's terms."""
        response = reply(self.core, transaction.request, 200, "", self.dialog.id.local_tag)
        self.describe(response)
        response.headers.set("Contact", self.contact(transaction.flow))
        if not self.is_early:  # there is no session yet that could expire
            self.timer.grant(transaction.request, response, now)
        return response

    def reinvite(self, body: Body | None, now: float) -> None:
        """Offer a new session, now or in its turn (before the answer by UPDATE); None: have the other side offer."""
        if self.live:
            self.reoffers.want(Wish(body), now)

    def update(self, body: Body | None, now: float) -> None:
        """Offer a new session by UPDATE (:rfc:`3311`), by re-INVITE where the other side takes none."""
        if self.live:
            self.reoffers.want(Wish(body, by_update=True), now)

    def accept_reoffer(self, body: Body | None, now: float) -> None:
        """Answer the offer that waits; nothing when it has gone meanwhile."""
        self.reoffers.accept(body, now)

    def reject_reoffer(self, status: int, now: float) -> None:
        """Refuse the offer that waits; the session goes on as it was."""
        self.reoffers.reject(status, now)

    def info(self, body: Body, now: float) -> None:
        """Send an INFO, after those before it."""
        if self.live:
            self._infos.add(body, now)

    def _send_info(self, body: Body, now: float) -> None:
        self.send("INFO", self._infos, now, body=body)

    def _refresh(self, now: float) -> None:
        self.reoffers.want(Wish(None, by_update=True, refresh=True), now)

    # -- the callee's duties ------------------------------------------------------------------------------------

    def accept(self, transaction: ServerTransaction, response: Response, now: float, offers: bool = False) -> None:
        """Send a 2xx to an INVITE, and see that it is acknowledged; ``offers``: the ACK is to bring the answer."""
        transaction.on_ack = self.on_ack
        self._unacked = AcceptedInvite(self.core, transaction, response, self._never_acknowledged)
        self._ack_answers = offers
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
            return
        if self._ack_answers and self.offers.phase is Phase.OFFERED:
            answer = session_part(body_of(request))
            if answer is not None:
                self.offers.they_answer(answer)
            else:
                self.offers.withdrawn()
        if self.handle is not None:
            self.core.emit(CallConfirmed(self.handle, body_of(request)))
        self._own_identity.tell(now)
        self.reoffers.go_on(now)

    def _never_acknowledged(self, now: float) -> None:
        self._unacked = None
        if self.stage is Stage.UP:
            self._reason = 'SIP;cause=408;text="no ACK came"'
            self.tell_over("no ACK came")
        if self.stage is not Stage.OVER:
            self.stage = Stage.ENDING
            self._send_bye(now)

    # -- ending -------------------------------------------------------------------------------------------------

    def confirm(self) -> None:
        """The call is answered: from here on it is up."""
        if self.is_early:
            self.stage, self._retired = Stage.UP, False
            self.core.dialogs[self.dialog.id] = self

    def be_silent(self, now: float) -> None:
        """Tell the application nothing more, and ask it for nothing."""
        self.handle = None
        self._infos.stop()
        self.reoffers.stop(now)

    def retire(self, now: float) -> None:
        """An early dialog is not followed any further; a late 2xx may :meth:`confirm` it, only to be ended."""
        self.be_silent(now)
        self._retired = True
        if self.core.dialogs.get(self.dialog.id) is self:
            del self.core.dialogs[self.dialog.id]

    def hang_up(self, now: float, reason: str = "") -> None:
        """End the call; a callee may not send BYE before the ACK (:rfc:`3261#section-15`), so that waits.

        ``reason`` is the value of a Reason header (:rfc:`3326`).
        """
        if self.stage is not Stage.UP:
            return
        self._reason = reason
        self._stop(now)
        if self._unacked is None:
            self._send_bye(now)

    def lost(self, reason: str, now: float) -> None:
        """The other side has ended the call without a word; BYE all the same, for whoever may still think it up."""
        if self.stage is Stage.UP:
            self.tell_over(reason)
            self._stop(now)
            self._send_bye(now)

    def _expired(self, now: float) -> None:
        if self.stage is Stage.UP and not self.emergency:
            self.tell_over("nobody refreshed the call")
            self.hang_up(now, 'SIP;cause=408;text="Session timer expired"')

    def _stop(self, now: float) -> None:
        self.stage = Stage.ENDING
        self.timer.stop()
        self._infos.stop()
        self.reoffers.stop(now)

    def _send_bye(self, now: float) -> None:
        headers = (("Reason", self._reason),) if self._reason else ()
        self.send("BYE", Bye(self.finish), now, headers=headers)

    def finish(self) -> None:
        """Let the dialog go."""
        if self.stage is Stage.OVER:
            return
        self.stage = Stage.OVER
        self.timer.stop()
        if self._unacked is not None:
            self._unacked.stop()
            self._unacked = None
        if self.core.dialogs.get(self.dialog.id) is self:
            del self.core.dialogs[self.dialog.id]
        if self.on_over is not None:
            self.on_over()

    def tell_over(self, reason: str, elsewhere: bool = False) -> None:
        """Tell the application that the other side ended the call."""
        if self.handle is not None:
            self.core.emit(CallOver(self.handle, reason, elsewhere))

    # -- requests from the other side ---------------------------------------------------------------------------

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a request within the dialog."""
        self._incoming.take(request, transaction, now)

    def ended(self, reason: str, now: float) -> None:
        """The other side said BYE."""
        if self.is_early and self.on_early_end is not None:
            self.on_early_end(reason or "the caller hung up", now)
            return
        was_up = self.stage is Stage.UP
        self._stop(now)
        if was_up:
            self.tell_over(reason or "the other side hung up")
        self.finish()

    # -- who is there -------------------------------------------------------------------------------------------

    def see_request(self, request: Request, transaction: ServerTransaction) -> None:
        """Note who the other side is by a request of theirs."""
        if self.live:
            peer = self._identity.take_request(request, self._trusts(transaction.flow.remote[0]))
            if peer is not None and self.handle is not None:
                self.core.emit(PeerChanged(self.handle, peer))

    def see_response(self, response: Response, ip: str) -> None:
        """Note who the other side is by a 2xx that came from ``ip``."""
        peer = self._identity.take_response(response, self._trusts(ip))
        if peer is not None and self.handle is not None and self.live:
            self.core.emit(PeerChanged(self.handle, peer))

    def _trusts(self, ip: str) -> bool:
        return self.account is not None and self.account.is_server(ip)
