"""MESSAGE (:rfc:`3428`): a line of text from the account's own server, shown and counted."""

from offhook.sip.calls.session import Session
from offhook.sip.core import Core
from offhook.sip.events import Flow, MessageReceived
from offhook.sip.messages.message import Request
from offhook.sip.registrations.account import Account
from offhook.sip.responses import body_of, respond_to
from offhook.sip.transactions.server_transaction import ServerTransaction

ACCEPT = "text/plain"
MAX_TEXT = 2048


class Inbox:
    """Takes MESSAGE outside dialogs, and within calls."""

    def __init__(self, core: Core) -> None:
        self._core = core
        core.outside["MESSAGE"] = self.on_message
        core.methods["MESSAGE"] = self.on_message_in_call

    def on_message(
        self, request: Request, flow: Flow, account: Account | None, transaction: ServerTransaction, now: float
    ) -> None:
        """Take a MESSAGE for one of our users; who is no server of his gets 403."""
        if account is None or not account.is_server(flow.remote[0]):
            respond_to(self._core, transaction, 403, "", now)
        else:
            self._take(request, account.name, transaction, now)

    def on_message_in_call(
        self, session: Session, request: Request, transaction: ServerTransaction, now: float
    ) -> None:
        """Take a MESSAGE within a call."""
        self._take(request, session.account.name if session.account is not None else "", transaction, now)

    def _take(self, request: Request, account: str, transaction: ServerTransaction, now: float) -> None:
        body, kind = body_of(request), request.content_type
        encoding = (request.headers.get("Content-Encoding") or "identity").strip().lower()
        if body is None:
            respond_to(self._core, transaction, 200, "", now)
        elif kind is None or kind.name != ACCEPT or encoding != "identity":
            respond_to(self._core, transaction, 415, "", now, (("Accept", ACCEPT),))
        elif len(body.data) > MAX_TEXT:
            respond_to(self._core, transaction, 413, "Request Entity Too Large", now)
        else:
            respond_to(self._core, transaction, 200, "", now)
            self._core.emit(MessageReceived(account, request.from_, body))
