"""An outgoing call until it is up: INVITE, early dialogs, forks, CANCEL (:rfc:`3261#section-13.2`).

Each To tag is a dialog of its own, from its first provisional response on. The first 2xx makes the call; any further
one, and any that comes after the call was given up, is acknowledged and ended with BYE. After
:meth:`CallingSide.hang_up` the application hears nothing more.
"""

from offhook.sip.calls import reliable
from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.features import limit_features
from offhook.sip.calls.forks import Forks
from offhook.sip.calls.offeranswer import session_part
from offhook.sip.calls.redirect import Redirects, is_emergency
from offhook.sip.calls.session import Session, Stage
from offhook.sip.calls.session_timer import Terms
from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import Body, CallAccepted, CallProgress, CallRefused, CallTrying
from offhook.sip.identity import make_private
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.uri import Uri
from offhook.sip.registrations.account import Account
from offhook.sip.responses import body_of, printable, set_body
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction

MAX_RAISES = 3
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


class CallingSide:
    """One call that was placed here."""

    def __init__(self, core: Core, handle: str, account: Account) -> None:
        self.over = False
        self._core = core
        self._handle = handle
        self._account = account
        self._contact = account.contact
        self._winner: Session | None = None
        self._forks = Forks(self._open, None)
        self._invite: ClientRequest | None = None
        self._first: Request | None = None
        self._body: Body | None = None
        self._stream_first = False
        self._emergency = False
        self._redirects: Redirects | None = None
        self._terms = Terms.of(account.settings)
        self._raises = 0
        self._given_up = False
        self._cseq = int(core.fraction() * 0x7FFF) + 1

    @property
    def session(self) -> Session | None:
        """The dialog that is meant now: the answered one, else the early one whose media was heard last."""
        return self._winner or self._forks.followed

    def start(
        self, target: Uri, body: Body | None, headers: tuple[tuple[str, str], ...], stream_first: bool, now: float
    ) -> None:
        """Send the INVITE."""
        call_id = self._core.token(16)
        request = self._account.request("INVITE", target, NameAddr(None, target, ()), call_id, self._cseq)
        for name, value in headers:
            request.headers.add(name, value)
        self._emergency = is_emergency(target) or ("Priority", "emergency") in headers
        if self._account.settings.privacy and not self._emergency:  # help must be able to call back
            make_private(request, self._account.settings.display_name)
            self._contact = self._account.anonymous_contact
        self._redirects = Redirects(target, not self._emergency, self._may_call)
        self._first, self._body, self._stream_first = request, body, stream_first
        self._forks = Forks(self._open, body)
        self._send(request, now)

    def _send(self, request: Request, now: float) -> None:
        """Send the INVITE, or another one for the same call: other terms, another target."""
        account = self._account
        settings = account.settings
        limit_features(settings, request)
        # What might keep an emergency call from getting through is left out of it.
        if settings.reliable == "required" and not self._emergency and reliable.TAG not in request.require:
            request.headers.add("Require", reliable.TAG)
        for name, value in () if self._emergency else self._terms.headers():
            request.headers.set(name, value)
        self._invite = ClientRequest(
            self._core,
            set_body(request, self._body),
            account.hop_in_clear if self._stream_first else account.hop,
            self,
            self._next_cseq,
            account=account,
            contact=self._contact,
            stream_first=self._stream_first,
            on_heard=self._hear,
            lenient=self._emergency,
            instead=account.in_clear() if self._stream_first else None,
        )
        self._invite.start(now)

    def _may_call(self, target: Uri) -> bool:
        return self._core.may_redirect(str(target), self._account.name)

    def _again(self, target: Uri, now: float) -> None:
        """Send a further INVITE with the same Call-ID, From and To (:rfc:`3261#section-8.1.3.4`)."""
        if self._first is None:
            return
        headers = self._first.headers.copy()
        headers.set("CSeq", f"{self._next_cseq()} INVITE")
        for name in ("Content-Type", *(name for name, _ in (self._body.headers if self._body else ()))):
            headers.remove(name)
        self._first = Request("INVITE", target, headers, b"")
        self._send(self._first, now)

    def _next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def hang_up(self, now: float, reason: str = "") -> None:
        """Give the call up: CANCEL before the answer, BYE after it; ``reason`` is the value of a Reason header."""
        if self._winner is not None:
            self._winner.hang_up(now, reason)
        elif self._invite is not None and not self._given_up:
            self._given_up = True
            for session in self._forks:
                session.be_silent(now)
            self._invite.cancel(now, reason)

    def accept_reoffer(self, body: Body | None, now: float) -> None:
        """Answer what the other side offers, in whichever dialog it does."""
        if (session := self._owing()) is not None:
            session.accept_reoffer(body, now)

    def reject_reoffer(self, status: int, now: float) -> None:
        """Refuse it."""
        if (session := self._owing()) is not None:
            session.reject_reoffer(status, now)

    def _owing(self) -> Session | None:
        sessions = iter(self._forks) if self._winner is None else iter((self._winner,))
        return next((session for session in sessions if session.reoffers.owed is not None), None)

    # -- provisional responses ----------------------------------------------------------------------------------

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Above 100 the application hears it; a reliable one gets its PRACK."""
        if response.status <= 100 or self.over or self._winner is not None:
            return
        session, number = self._early(attempt, response), reliable.rseq_of(response)
        if session is not None and number is not None:
            if session.pracks.is_new(attempt.request, number, now):
                self._tell(session, response, True)
                self._forks.acknowledge(session, attempt.request, response, now)
        else:
            self._tell(session, response, False)

    def _early(self, attempt: ClientTransaction, response: Response) -> Session | None:
        """Return the early dialog of a response, None where it has no To tag or makes none."""
        if not response.to.tag:
            return None
        try:
            session = self._forks.of(attempt.request, response)
        except RemoteError:
            return None
        if session is not None:
            session.dialog.learn(response)
            session.dialog.refresh_target(response)
        return session

    def _open(self, invite: Request, response: Response) -> Session:
        """Make the dialog of a response."""
        dialog = Dialog.from_response(invite, response)
        handle = None if self._given_up else self._handle
        return Session(
            *(self._core, handle, dialog, self._account, self._contact, Stage.EARLY), emergency=self._emergency
        )

    def _tell(self, session: Session | None, response: Response, reliably: bool) -> None:
        """Pass a provisional response up, with the media that its dialog has."""
        body = self._forks.early_media(session, response, reliably)
        if not self._given_up:
            fork = response.to.tag or ""
            self._core.emit(CallProgress(self._handle, response.status, printable(response.reason), body, fork))

    # -- final responses ----------------------------------------------------------------------------------------

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """The answer: a 2xx (each one, repetitions and forks included) or the refusal."""
        if 200 <= response.status < 300:
            self._on_success(attempt, response, now, attempt.request.cseq.number != self._cseq)
        elif not self._tries_again(response, now):
            self._refuse(response.status, response.reason, response, now)

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """An attempt that was given up for another was answered after all."""
        self._on_success(attempt, response, now, stray=True)

    def on_failed(self, reason: str, now: float) -> None:
        """Nothing answered."""
        target = self._redirects.next() if self._redirects is not None and not self._given_up else None
        if target is not None:
            self._again(target, now)
        else:
            self._refuse(0, reason, None, now)

    def _tries_again(self, response: Response, now: float) -> bool:
        """Send a further INVITE where the refusal says how: 422 a longer interval, 3xx another target."""
        if self._given_up or self.over or self._winner is not None or self._redirects is None or self._first is None:
            return False
        if response.status == 422 and self._raises < MAX_RAISES and (raised := self._terms.raised(response)):
            self._terms = raised
            self._raises += 1
            self._again(self._first.uri, now)
            return True
        followed = self._redirects.take(response)
        target = self._redirects.next() if response.status < 600 else None
        if target is None:
            return False
        if followed:
            self._core.emit(CallProgress(self._handle, 181, "Call Is Being Forwarded", None))
        self._again(target, now)
        return True

    def _hear(self) -> None:
        if not self._given_up:
            self._core.emit(CallTrying(self._handle))

    def _on_success(self, attempt: ClientTransaction, response: Response, now: float, stray: bool = False) -> None:
        wanted = not stray and self._winner is None and not self._given_up and not self.over
        try:
            session = self._forks.of(attempt.request, response)
        except RemoteError as error:
            self._refuse(error.status, str(error), response, now)
            return
        if session is None:
            return
        if not session.is_early:
            session.acks.repeat(attempt.request)
            return
        session.handle = self._handle if wanted else None
        session.dialog.confirm(response)
        session.confirm()
        if wanted:
            self._win(session, attempt, response, now)
            return
        session.acks.send(attempt.request, now)
        session.hang_up(now, ELSEWHERE if self._winner is not None else "")
        if self._given_up and self._winner is None:
            self._end()

    def _win(self, session: Session, attempt: ClientTransaction, response: Response, now: float) -> None:
        """This dialog is the call; the other early ones are followed no further."""
        self._winner = session
        session.on_over = self._end
        self._forks.retire(now, session)
        session.timer.terms = self._terms
        session.timer.agreed(response, now)
        body = body_of(response)
        if body is not None and session_part(body) is not None and self._body is None and session.offers.local is None:
            self._core.emit(CallAccepted(self._handle, None, response))
            session.reoffers.owe_ack(attempt.request, body, now)
        else:
            told = self._forks.answer(session, body)
            session.acks.send(attempt.request, now)
            self._core.emit(CallAccepted(self._handle, told, response))
        session.see_response(response, attempt.transmit.remote[0])
        session.reoffers.go_on(now)

    def _refuse(self, status: int, reason: str, response: Response | None, now: float) -> None:
        if self._winner is None:
            if not self.over and not self._given_up:
                self._core.emit(CallRefused(self._handle, status, printable(reason), response))
            self._forks.retire(now)
            self._end()

    def _end(self) -> None:
        self.over = True
