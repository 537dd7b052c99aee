"""What happens to a request from outside (:rfc:`3261#section-8.2`): refused, given to its call, or a new call.

Refusals outside a dialog are stateless (8.2.7): the same request gets the same answer each time, and a flood of them
leaves nothing behind. Only what the application must decide on gets a transaction, and those are capped.
"""

from collections.abc import Callable
from dataclasses import replace

from offhook.sip.answer_mode import AnswerMode
from offhook.sip.calls.called import CalledSide
from offhook.sip.calls.calling import CallingSide
from offhook.sip.calls.dialog import DialogId
from offhook.sip.calls.features import invite_refusal
from offhook.sip.calls.replaces import replaced_call
from offhook.sip.core import ALLOW, SUPPORTED, Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import Body, Flow, IncomingCall, RequestReceived, Transport
from offhook.sip.identity import caller_identity
from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import SipUri, TelUri
from offhook.sip.policy.gate import Gate, Verdict
from offhook.sip.registrations.account import Account, contact_value
from offhook.sip.responses import Refusal, bare_reply, body_of, reply, set_body, unacceptable_body
from offhook.sip.transactions.reply_path import ReplyPath
from offhook.sip.transactions.server_transaction import ServerTransaction

KNOWN = frozenset((*ALLOW, "REGISTER", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH"))
MAX_PENDING = 256


class UserAgentServer:
    """Takes every request that comes in."""

    def __init__(self, core: Core, accounts: dict[str, Account], calls: dict[str, CallingSide | CalledSide]) -> None:
        self._core = core
        self._accounts = accounts
        self._calls = calls
        self._pending: dict[str, ServerTransaction] = {}
        self.closing = False
        self.gate = Gate(core, accounts)
        self._count = 0
        self._keys = 0

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request; what is wrong with it is answered with the status of the RemoteError that it raises."""
        path = ReplyPath(self._core, request, flow)
        try:
            match self.gate.verdict(request, flow):
                case Verdict.TAKE:
                    self._take(request, flow, path, now)
                case Verdict.GREET:
                    path.send(bytes(bare_reply(self._core, request, 200)))
                case Verdict.REFUSE:
                    path.send(bytes(bare_reply(self._core, request, 403)))
                case Verdict.IGNORE:
                    pass
        except RemoteError as error:
            if request.method != "ACK" and error.status:
                strange = not self.gate.is_trusted(flow.remote[0])
                path.send(bytes(path.refusal(error.status, error.reason, strange)))

    def _take(self, request: Request, flow: Flow, path: ReplyPath, now: float) -> None:
        known = self._core.transactions.server_of(request)
        if request.method == "ACK":
            self._on_ack(request, known, now)
        elif known is not None:
            known.receive(request, now)
        elif request.method == "CANCEL":
            self._on_cancel(request, path, now)
        else:
            refusal = self._refusal(request)
            if refusal is not None:
                self._refuse(request, refusal, path)
            elif request.to.tag:
                self._in_dialog(request, flow, path, now)
            else:
                self._outside(request, flow, path, now)

    def _on_ack(self, request: Request, known: ServerTransaction | None, now: float) -> None:
        if known is not None:
            known.receive(request, now)
            return
        dialog = self._core.dialogs.get(DialogId.of_request(request))
        if dialog is not None:
            dialog.on_ack(request, now)

    def _on_cancel(self, cancel: Request, path: ReplyPath, now: float) -> None:
        invite = self._core.transactions.cancelled_by(cancel)
        if invite is None:
            self._refuse(cancel, Refusal(481), path)
            return
        path.send(bytes(reply(self._core, cancel, 200, "", invite.tag)))
        if invite.on_cancel is not None:
            invite.on_cancel(cancel, now)

    def _refusal(self, request: Request) -> Refusal | None:
        """Inspect method, loops, Request-URI and Require, in the order of :rfc:`3261#section-8.2`."""
        core = self._core
        if request.method not in core.allowed:
            return Refusal(405 if request.method in KNOWN else 501, "", (("Allow", ", ".join(core.allowed)),))
        if request.to.tag:
            if core.dialog_of(request) is None:
                return Refusal(481)
        else:
            if core.transactions.is_merged(request) or core.transactions.is_loop(request):
                return Refusal(482)
            if not isinstance(request.uri, SipUri | TelUri) and not core.settings.any_user:
                return Refusal(416)
        unknown = [tag for tag in request.require if tag.lower() not in SUPPORTED]
        if unknown:
            return Refusal(420, "", (("Unsupported", ", ".join(unknown)),))
        return None

    def _refuse(self, request: Request, refusal: Refusal, path: ReplyPath) -> None:
        response = reply(self._core, request, refusal.status, refusal.reason)
        for name, value in refusal.headers:
            response.headers.add(name, value)
        path.send(bytes(response))

    def _in_dialog(self, request: Request, flow: Flow, path: ReplyPath, now: float) -> None:
        dialog = self._core.dialog_of(request)
        # A flood with a live dialog's tags still cannot fill the memory; twice the cap leaves room for real ones.
        if dialog is not None and len(self._core.transactions) < 2 * self._core.settings.max_transactions:
            dialog.on_request(request, self._core.transactions.accept(request, flow, path.send), now)

    def _outside(self, request: Request, flow: Flow, path: ReplyPath, now: float) -> None:
        if request.method == "OPTIONS":
            self._on_options(request, flow, path)
        elif request.method in self._core.settings.deliver:
            self._deliver(request, flow, path, now)
        elif request.method == "INVITE":
            self._on_invite(request, flow, path, now)
        elif request.method in self._core.outside:
            self._on_other(request, flow, path, now)
        else:
            self._refuse(request, Refusal(481), path)

    def _on_other(self, request: Request, flow: Flow, path: ReplyPath, now: float) -> None:
        mine, account = self._user_of(request, flow)
        if not mine or self._core.transactions.full:
            refusal = Refusal(503, "", (("Retry-After", "5"),)) if mine else Refusal(404)
            self._refuse(request, refusal, path)
            return
        transaction = self._core.transactions.accept(request, flow, path.send)
        self._core.outside[request.method](request, flow, account, transaction, now)

    def _on_options(self, request: Request, flow: Flow, path: ReplyPath) -> None:
        """Answer as an INVITE to that user would be (:rfc:`3261#section-11.2`); without a user it asks the phone."""
        if getattr(request.uri, "user", "") and not self._user_of(request, flow)[0]:
            self._refuse(request, Refusal(404), path)
            return
        response = reply(self._core, request, 200)
        self._core.describe(response)
        response.headers.set("Accept", ", ".join(self._core.settings.accept))
        response.headers.set("Supported", ", ".join(SUPPORTED))
        path.send(bytes(response))

    def _deliver(self, request: Request, flow: Flow, path: ReplyPath, now: float) -> None:
        if self._core.transactions.full or len(self._pending) >= MAX_PENDING:
            self._refuse(request, Refusal(503, "", (("Retry-After", "5"),)), path)
            return
        transaction = self._core.transactions.accept(request, flow, path.send)
        self._keys += 1
        key = f"r{self._keys}"
        self._pending[key] = transaction
        ended = transaction.on_end

        def forget() -> None:
            self._pending.pop(key, None)
            if ended is not None:
                ended()

        transaction.on_end = forget
        # A non-INVITE request is over for the client by then (RFC 4320): an answer would only be noise.
        self._core.timers.start(now + self._core.settings.timers.give_up, lambda t: self._too_late(key, t))
        self._core.emit(RequestReceived(key, request, flow))

    def _too_late(self, key: str, now: float) -> None:
        transaction = self._pending.get(key)
        if transaction is not None:
            transaction.abandon(now)

    def respond(
        self, key: str, status: int, reason: str, headers: tuple[tuple[str, str], ...], body: Body | None, now: float
    ) -> None:
        """Answer a delivered request."""
        transaction = self._pending.get(key)
        if transaction is None:
            return
        response = reply(self._core, transaction.request, status, reason)
        self._core.describe(response)
        for name, value in headers:
            response.headers.add(name, value)
        if status >= 200:
            del self._pending[key]
        transaction.respond(set_body(response, body), now)

    def _on_invite(self, request: Request, flow: Flow, path: ReplyPath, now: float) -> None:
        mine, account = self._user_of(request, flow)
        refusal = None if mine else Refusal(404)
        refusal = refusal or unacceptable_body(self._core, request) or invite_refusal(account, request)
        may_auto = self.gate.may_auto_answer(account, flow)
        if refusal is None and AnswerMode.of(request).is_refused(may_auto):
            refusal = Refusal(403, "Answer Mode Not Allowed")
        if refusal is None and (self._core.transactions.full or self.closing):
            refusal = Refusal(503, "", (("Retry-After", "10"),))
        if refusal is None and len(self._calls) >= self._core.settings.max_calls:
            refusal = Refusal(486)
        replaced = replaced_call(self._core, self._calls, request) if refusal is None else None
        if isinstance(replaced, Refusal):
            refusal, replaced = replaced, None
        if refusal is not None:
            self._refuse(request, refusal, path)
            return
        transaction = self._core.transactions.accept(request, flow, path.send)
        self._count += 1
        handle = f"i{self._count}"
        try:
            call = CalledSide(self._core, handle, account, transaction, self._contact_for(request, account))
        except RemoteError:
            transaction.abandon(now)
            raise
        self._calls[handle] = call
        call.start(now)
        name = account.name if account is not None else None
        caller = caller_identity(request, trusted=account is not None and account.is_server(flow.remote[0]))
        if caller.auto_answer and not may_auto:
            caller = replace(caller, auto_answer=False)
        body = body_of(request)
        self._core.emit(IncomingCall(handle, name, request.from_, body, request, flow, caller, replaced))

    def _user_of(self, request: Request, flow: Flow) -> tuple[bool, Account | None]:
        """Return whether the Request-URI means us, and by which account: the one whose server calls, if any does."""
        uri = request.uri
        user = uri.user if isinstance(uri, SipUri) else uri.digits if isinstance(uri, TelUri) else None
        ours = [account for account in self._accounts.values() if user is not None and user == account.user]
        ours.sort(key=lambda account: not account.is_server(flow.remote[0]))
        return (True, ours[0]) if ours else (self._core.settings.any_user, None)

    def _contact_for(self, request: Request, account: Account | None) -> Callable[[Transport, str], str]:
        if account is not None:
            return account.contact
        user = request.uri.user if isinstance(request.uri, SipUri) and request.uri.user else ""
        local_address = self._core.local_address
        return lambda transport, remote_ip: contact_value(user, local_address(transport, remote_ip), transport)
