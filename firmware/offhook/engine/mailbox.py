"""Voice mail that waits (:rfc:`3842`): subscribed to where the config says so, heard from servers that speak unasked.

::

    Registered -> SUBSCRIBE -> NOTIFY --+-> MessagesWaiting (stutter tone at the next lift), lamp, status
    NOTIFY from the server, unasked ----+
"""

import logging
from collections.abc import Callable, Mapping

from offhook.engine.observations import LampSeen, Observation
from offhook.engine.ports import Board
from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.phone import events as phone
from offhook.sip import events as sip
from offhook.sip.errors import RemoteError
from offhook.sip.subscriptions.message_summary import MessageSummary, parse_message_summary

_log = logging.getLogger(__name__)
PACKAGE = "message-summary"
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class Mailbox:
    """All mailboxes of one line. ``targets`` names the mailbox to subscribe to, by account."""

    def __init__(
        self,
        shell: EndpointShell,
        targets: Mapping[str, str],
        post: Callable[[phone.Event], None],
        board: Board,
        observe: Callable[[Observation], None],
    ) -> None:
        self._shell = shell
        self._targets = dict(targets)
        self._post = post
        self._board = board
        self._observe = observe
        self._asked: set[str] = set()
        self._known: dict[str, MessageSummary] = {}
        self._waiting = False

    def start(self, in_service: Callable[[str], bool]) -> None:
        """Subscribe by accounts that do not register; the others follow when they have."""
        for account in self._targets:
            if in_service(account):
                self._subscribe(account)

    def take(self, event: sip.Event) -> None:
        """Take an event of the endpoint; those of other packages are not looked at."""
        match event:
            case sip.Registered(account):
                self._subscribe(account)
            case sip.Notified(_, account, "message-summary", body) if body is not None:
                self._told(account, body.data)
            case sip.SubscriptionEnded(key, status, reason, retry_in) if key.startswith("mwi:"):
                self._ended(key.removeprefix("mwi:"), status, reason, retry_in)
            case _:
                pass

    def to_json(self) -> dict[str, Json]:
        """Return the ``mailbox`` part of the status object."""
        return {
            "waiting": self._waiting,
            "accounts": [
                {
                    "account": account,
                    "waiting": summary.waiting,
                    "new": summary.new,
                    "old": sum(count.old for count in summary.counts),
                    "urgent": sum(count.urgent_new for count in summary.counts),
                    "mailbox": summary.account,
                }
                for account, summary in self._known.items()
            ],
        }

    def _subscribe(self, account: str) -> None:
        if account not in self._targets or account in self._asked:
            return
        endpoint = self._shell.endpoint
        try:
            endpoint.subscribe(f"mwi:{account}", account, PACKAGE, self._targets[account], self._shell.now())
        except OffhookError as error:
            _log.error("the mailbox of account %s: %s", account, error, extra={"account": account})
            return
        self._asked.add(account)
        self._shell.pump()

    def _told(self, account: str, data: bytes) -> None:
        try:
            self._known[account] = parse_message_summary(data)
        except RemoteError as error:
            _log.warning("the mailbox of account %s: %s", account, error, extra={"account": account})
            return
        self._update()

    def _ended(self, account: str, status: int, reason: str, retry_in: float | None) -> None:
        why = f"{status} {reason}".strip() if status else reason
        again = "not asked again" if retry_in is None else f"asked again in {retry_in:.0f} s"
        _log.info("the mailbox of account %s: %s; %s", account, why, again, extra={"account": account})
        if retry_in is None:
            # Asked again at the next registration: that is how a server comes back that knows mailboxes.
            self._asked.discard(account)
            self._known.pop(account, None)
            self._update()

    def _update(self) -> None:
        waiting = any(summary.waiting for summary in self._known.values())
        if waiting is not self._waiting:
            self._waiting = waiting
            _log.info("messages %s", "wait" if waiting else "no longer wait")
            self._post(phone.MessagesWaiting(waiting))
            self._board.set_lamp("message", "on" if waiting else "off")
            self._observe(LampSeen("message", "on" if waiting else "off"))
