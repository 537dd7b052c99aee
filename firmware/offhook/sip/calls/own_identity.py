"""Says who answered, where that is somebody else than who was called (:rfc:`4916#section-3`).

A call for a group, or for a number that is diverted to us, has that in To. Once it is up, an UPDATE with our own
address in From tells the caller whom he talks to: where he can take that (``from-change``), and unless the account
keeps to itself who it is.
"""

from typing import TYPE_CHECKING

from offhook.sip.calls.connected import TAG
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Response
from offhook.sip.messages.uri import SipUri
from offhook.sip.transactions.client_transaction import ClientTransaction

if TYPE_CHECKING:
    from offhook.sip.calls.session import Session


class OwnIdentity:
    """Tells it once, for one dialog; who refuses to hear of it is addressed as before."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._before = session.dialog.local
        self._told = False

    def tell(self, now: float) -> None:
        """The call is up: say who answered, if that is news."""
        session, dialog = self._session, self._session.dialog
        account, called = session.account, dialog.local.uri
        if self._told or dialog.is_caller or account is None or account.settings.privacy or not session.live:
            return
        self._told = True
        is_other = isinstance(called, SipUri) and called.user != account.uri.user
        if not is_other or TAG not in dialog.supports or "UPDATE" not in dialog.allows:
            return
        name = NameAddr(account.settings.display_name, account.uri, ())
        dialog.local = name.with_tag(dialog.id.local_tag)
        # An UPDATE without terms would end the session timer that was agreed (RFC 4028 section 9).
        session.send("UPDATE", self, now, headers=session.timer.ask(), contact=True)

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """An UPDATE has nothing to show on the way."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Be addressed as before where it was refused."""
        session = self._session
        if response.status >= 300:
            session.dialog.local = self._before
        elif session.live:
            session.dialog.refresh_target(response)
            session.timer.agreed(response, now)

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to an UPDATE."""

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered: be addressed as before."""
        self._session.dialog.local = self._before
