"""Other people's phones: whether they rest, ring or talk (:rfc:`4235`), for the status object."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.sip import events as sip
from offhook.sip.errors import RemoteError
from offhook.sip.subscriptions.dialog_info import DialogTable, Presence, Taken, parse_dialog_info

_log = logging.getLogger(__name__)
_STRONGEST_FIRST: tuple[Presence, ...] = ("busy", "ringing", "idle")
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(slots=True)
class _Watched:
    """One address; a subscription that forks has a table for each notifier."""

    uri: str
    account: str
    asked: bool = False
    error: str = ""
    tables: dict[str, DialogTable] = field(default_factory=dict)

    @property
    def presence(self) -> Presence:
        found = {table.presence for table in self.tables.values()}
        return next((presence for presence in _STRONGEST_FIRST if presence in found), "unknown")


class Watchlist:
    """All addresses that the config names under ``watch``, by account."""

    def __init__(self, shell: EndpointShell, targets: Mapping[str, Sequence[str]]) -> None:
        self._shell = shell
        rows = [_Watched(uri, account) for account, uris in targets.items() for uri in uris]
        self._rows = {f"watch:{number}": row for number, row in enumerate(rows)}

    def start(self, in_service: Callable[[str], bool]) -> None:
        """Subscribe by accounts that do not register; the others follow when they have."""
        for key, row in self._rows.items():
            if in_service(row.account):
                self._subscribe(key, row)

    def take(self, event: sip.Event) -> None:
        """Take an event of the endpoint; those of other packages are not looked at."""
        match event:
            case sip.Registered(account):
                for key, row in self._rows.items():
                    if row.account == account:
                        self._subscribe(key, row)
            case sip.Notified(key, _, "dialog") if key is not None and (found := self._rows.get(key)):
                self._told(key, found, event)
            case sip.SubscriptionEnded(key, status, reason, retry_in) if found := self._rows.get(key):
                found.error = f"{status} {reason}".strip() if status else reason
                found.tables.clear()
                found.asked = retry_in is not None
            case _:
                pass

    def to_json(self) -> list[Json]:
        """Return the ``watched`` list of the status object."""
        return [
            {
                "uri": row.uri,
                "account": row.account,
                "state": row.presence,
                "with": [dialog.remote for table in row.tables.values() for dialog in table.dialogs if dialog.remote],
                "last_error": row.error,
            }
            for row in self._rows.values()
        ]

    def _subscribe(self, key: str, row: _Watched) -> None:
        if row.asked:
            return
        try:
            self._shell.endpoint.subscribe(key, row.account, "dialog", row.uri, self._shell.now())
        except OffhookError as error:
            row.error = str(error)
            _log.error("watching by account %s: %s", row.account, error, extra={"account": row.account})
            return
        row.asked = True
        self._shell.pump()

    def _told(self, key: str, row: _Watched, event: sip.Notified) -> None:
        row.error = ""
        table = row.tables.setdefault(event.fork, DialogTable())
        if event.body is not None:
            try:
                taken = table.take(parse_dialog_info(event.body.data))
            except RemoteError as error:
                _log.warning("watching by account %s: %s", row.account, error, extra={"account": row.account})
                taken = Taken.MISSED
            if taken is Taken.MISSED and event.state != "terminated":
                self._shell.endpoint.renew_subscription(key, self._shell.now())
                self._shell.pump()
        if event.state == "terminated":
            del row.tables[event.fork]
