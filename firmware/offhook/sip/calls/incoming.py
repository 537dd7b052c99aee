"""Requests that come in within a dialog of a call, method by method."""

from typing import TYPE_CHECKING

from offhook.sip.calls.info import info_refusal
from offhook.sip.events import CallInfo
from offhook.sip.messages.message import Request
from offhook.sip.responses import Refusal, body_of, reason_text, reply, respond_to
from offhook.sip.transactions.server_transaction import ServerTransaction

if TYPE_CHECKING:
    from offhook.sip.calls.session import Session


class IncomingRequests:
    """Takes what the other side of one dialog asks; methods that are not in its table are in ``core.methods``."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._methods = {
            "BYE": self._on_bye,
            "INVITE": self._on_invite,
            "UPDATE": self._on_update,
            "PRACK": self._on_prack,
            "INFO": self._on_info,
            "OPTIONS": self._on_options,
        }

    def take(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a request other than ACK and CANCEL."""
        session = self._session
        core = session.core
        if not session.dialog.in_order(request):
            respond_to(core, transaction, 500, "CSeq Out of Order", now)
            return
        session.dialog.learn(request)
        own, further = self._methods.get(request.method), core.methods.get(request.method)
        if own is not None:
            own(request, transaction, now)
        elif further is not None:
            further(session, request, transaction, now)
        else:
            respond_to(core, transaction, 405, "", now, (("Allow", ", ".join(core.allowed)),))

    def _on_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        respond_to(self._session.core, transaction, 200, "", now)
        self._session.ended(reason_text(request), now)

    def _on_invite(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        self._session.see_request(request, transaction)
        self._session.reoffers.on_reinvite(request, transaction, now)

    def _on_update(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        self._session.see_request(request, transaction)
        self._session.reoffers.on_update(request, transaction, now)

    def _on_options(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        core = self._session.core
        response = reply(core, request, 200)
        self._session.describe(response)
        response.headers.set("Accept", ", ".join(core.settings.accept))
        transaction.respond(response, now)

    def _on_info(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        session = self._session
        refusal = info_refusal(request) if session.live else Refusal(481)
        if refusal is not None:
            respond_to(session.core, transaction, refusal.status, refusal.reason, now, refusal.headers)
            return
        respond_to(session.core, transaction, 200, "", now)
        body = body_of(request)
        if body is not None and session.handle is not None:
            session.core.emit(CallInfo(session.handle, body))

    def _on_prack(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        session = self._session
        response = session.reliable.acknowledge(request, now) if session.reliable is not None else None
        if response is None:
            respond_to(session.core, transaction, 481, "", now)
            return
        session.reoffers.on_prack(request, response, transaction, now)
        if session.on_prack is not None:
            session.on_prack(now)
