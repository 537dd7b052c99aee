"""Sends requests in a dialog: a call's, a subscription's, or that of a REFER from outside any call."""

from collections.abc import Callable

from offhook.sip.calls.dialog import Dialog
from offhook.sip.core import Core
from offhook.sip.errors import LocalError
from offhook.sip.events import Body, Transport
from offhook.sip.messages.message import Request
from offhook.sip.registrations.account import Account
from offhook.sip.responses import set_body
from offhook.sip.transactions.client_request import ClientRequest, RequestOwner
from offhook.sip.transactions.next_hop import Hop


class DialogSender:
    """A :class:`~offhook.sip.subscriptions.upkeep.Sender` for one dialog.

    ``contact`` and ``describe``: the Contact and what is said of ourselves, in place of the account's and the core's.
    ``lenient``: as in :class:`~offhook.sip.transactions.client_request.ClientRequest`.
    """

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        account: Account | None,
        *,
        contact: Callable[[Transport, str], str] | None = None,
        describe: Callable[[Request], None] | None = None,
        lenient: bool = False,
    ) -> None:
        self.dialog = dialog
        self._core = core
        self._account = account
        self._contact = contact or (account.contact if account is not None else None)
        self._describe = describe or core.describe
        self._lenient = lenient

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
        """Send a request, ``contact``: with a Contact; None, after ``on_failed``: there is no way to."""
        dialog = self.dialog
        request = dialog.request(method, dialog.next_cseq())
        self._describe(request)
        for name, value in headers:
            request.headers.add(name, value)
        try:
            client = ClientRequest(
                self._core,
                set_body(request, body),
                Hop.of_uri(dialog.next_hop),
                owner,
                dialog.next_cseq,
                account=self._account,
                contact=self._contact if contact else None,
                lenient=self._lenient,
            )
            client.start(now)
        except LocalError as error:
            owner.on_failed(str(error), now)
            return None
        return client
