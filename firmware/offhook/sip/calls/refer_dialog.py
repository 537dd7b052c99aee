"""The dialog that a REFER outside any call makes: our NOTIFYs go out in it, a SUBSCRIBE to them may come in."""

from collections.abc import Callable

from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.dialog_sender import DialogSender
from offhook.sip.core import Core
from offhook.sip.messages.message import Request
from offhook.sip.registrations.account import Account
from offhook.sip.responses import respond_to
from offhook.sip.transactions.server_transaction import ServerTransaction

OnSubscribe = Callable[[Request, ServerTransaction, float], None]


class ReferDialog(DialogSender):
    """One such dialog, known to the endpoint until :meth:`close`."""

    def __init__(self, core: Core, dialog: Dialog, account: Account, on_subscribe: OnSubscribe) -> None:
        super().__init__(core, dialog, account)
        self._on_subscribe = on_subscribe
        core.dialogs[dialog.id] = self

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a request of the dialog: SUBSCRIBE, and nothing else."""
        if not self.dialog.in_order(request):
            respond_to(self._core, transaction, 500, "CSeq Out of Order", now)
        elif request.method != "SUBSCRIBE":
            respond_to(self._core, transaction, 405, "", now, (("Allow", "SUBSCRIBE"),))
        else:
            self.dialog.refresh_target(request)
            self._on_subscribe(request, transaction, now)

    def on_ack(self, request: Request, now: float) -> None:
        """There is no INVITE in this dialog."""

    def close(self) -> None:
        """Let the dialog go."""
        if self._core.dialogs.get(self.dialog.id) is self:
            del self._core.dialogs[self.dialog.id]
