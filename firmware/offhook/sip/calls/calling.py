"""An outgoing call until it is up: INVITE, early dialogs, forks, CANCEL (:rfc:`3261#section-13.2`).

Each To tag is a dialog of its own. The first 2xx makes the call; any further one, and any that comes after the call
was given up, is acknowledged and ended with BYE. After :meth:`CallingSide.hang_up` the application hears nothing more.
"""

from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.session import Session
from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import Body, CallAccepted, CallProgress, CallRefused, CallTrying
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Response
from offhook.sip.messages.uri import Uri
from offhook.sip.registrations.account import Account
from offhook.sip.responses import body_of, printable, set_body
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction

MAX_FORKS = 16


class CallingSide:
    """One call that was placed here."""

    def __init__(self, core: Core, handle: str, account: Account) -> None:
        self.session: Session | None = None
        self.over = False
        self._core = core
        self._handle = handle
        self._account = account
        self._forks: dict[str, Session] = {}
        self._invite: ClientRequest | None = None
        self._given_up = False
        self._cseq = int(core.fraction() * 0x7FFF) + 1

    def start(
        self, target: Uri, body: Body | None, headers: tuple[tuple[str, str], ...], stream_first: bool, now: float
    ) -> None:
        """Send the INVITE."""
        core, account = self._core, self._account
        call_id = core.token(16)
        request = account.request("INVITE", target, NameAddr(None, target, ()), call_id, self._cseq)
        for name, value in headers:
            request.headers.add(name, value)
        self._invite = ClientRequest(
            core,
            set_body(request, body),
            account.hop,
            self,
            self._next_cseq,
            account=account,
            contact=account.contact,
            stream_first=stream_first,
            on_heard=self._hear,
        )
        self._invite.start(now)

    def _next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def hang_up(self, now: float) -> None:
        """Give the call up: CANCEL before the answer, BYE after it."""
        if self.session is not None:
            self.session.hang_up(now)
        elif self._invite is not None and not self._given_up:
            self._given_up = True
            self._invite.cancel(now)

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Above 100 the application hears it."""
        if response.status > 100 and not self._given_up and not self.over:
            body, fork = body_of(response), response.to.tag or ""
            self._core.emit(CallProgress(self._handle, response.status, printable(response.reason), body, fork))

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """The answer: a 2xx (each one, repetitions and forks included) or the refusal."""
        if 200 <= response.status < 300:
            self._on_success(attempt, response, now)
        else:
            self._refuse(response.status, response.reason, response)

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """An attempt that was given up for another was answered after all."""
        self._on_success(attempt, response, now, stray=True)

    def on_failed(self, reason: str, now: float) -> None:
        """Nothing answered."""
        self._refuse(0, reason, None)

    def _hear(self) -> None:
        if not self._given_up:
            self._core.emit(CallTrying(self._handle))

    def _on_success(self, attempt: ClientTransaction, response: Response, now: float, stray: bool = False) -> None:
        tag = f"{attempt.request.via.branch}/{response.to.tag or ''}"
        known = self._forks.get(tag)
        if known is not None:
            known.acknowledge(attempt.request, now)
            return
        if len(self._forks) >= MAX_FORKS:
            return
        wanted = not stray and self.session is None and not self._given_up and not self.over
        try:
            dialog = Dialog.from_response(attempt.request, response)
        except RemoteError as error:
            self._refuse(error.status, str(error), response)
            return
        session = Session(self._core, self._handle if wanted else None, dialog, self._account, self._account.contact)
        self._forks[tag] = session
        session.acknowledge(attempt.request, now)
        if not wanted:
            session.hang_up(now)
            if self._given_up and self.session is None:
                self._end()
            return
        self.session = session
        session.on_over = self._end
        self._core.emit(CallAccepted(self._handle, body_of(response), response))

    def _refuse(self, status: int, reason: str, response: Response | None) -> None:
        if self.session is None and not self.over and not self._given_up:
            self._core.emit(CallRefused(self._handle, status, printable(reason), response))
        if self.session is None:
            self._end()

    def _end(self) -> None:
        self.over = True
