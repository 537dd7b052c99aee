"""One dialog of a subscription: a forked SUBSCRIBE may make several (:rfc:`6665#section-4.4.1`)."""

from typing import Protocol

from offhook.sip.calls.dialog import Dialog
from offhook.sip.calls.dialog_sender import DialogSender
from offhook.sip.core import Core
from offhook.sip.messages.message import Request
from offhook.sip.registrations.account import Account
from offhook.sip.responses import respond_to
from offhook.sip.subscriptions.upkeep import Upkeep
from offhook.sip.transactions.server_transaction import ServerTransaction


class WatchOwner(Protocol):
    """Whose dialog it is."""

    def on_notify(self, watch: "Watch", request: Request, transaction: ServerTransaction, now: float) -> None:
        """A NOTIFY of the dialog, in order, to be answered."""

    def on_watch_over(self, watch: "Watch", status: int, reason: str, retry_after: int | None, now: float) -> None:
        """The dialog could not be kept up, or was given up as asked."""


class Watch:
    """A dialog that NOTIFYs come in, kept up until it ends."""

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        account: Account,
        headers: tuple[tuple[str, str], ...],
        wanted: int,
        owner: WatchOwner,
    ) -> None:
        self.dialog = dialog
        self.told_expires = False
        self.upkeep = Upkeep(core, DialogSender(core, dialog, account), headers, wanted, self._over)
        self._core = core
        self._owner = owner
        core.dialogs[dialog.id] = self

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a request of the dialog: NOTIFY, and nothing else."""
        if not self.dialog.in_order(request):
            respond_to(self._core, transaction, 500, "CSeq Out of Order", now)
        elif request.method != "NOTIFY":
            respond_to(self._core, transaction, 405, "", now, (("Allow", "NOTIFY"),))
        else:
            self.dialog.refresh_target(request)
            self._owner.on_notify(self, request, transaction, now)

    def on_ack(self, request: Request, now: float) -> None:
        """There is no INVITE in this dialog."""

    def close(self) -> None:
        """Forget the dialog: NOTIFYs that still come get 481."""
        self.upkeep.stop()
        if self._core.dialogs.get(self.dialog.id) is self:
            del self._core.dialogs[self.dialog.id]

    def _over(self, status: int, reason: str, retry_after: int | None, now: float) -> None:
        self.close()
        self._owner.on_watch_over(self, status, reason, retry_after, now)
