"""Which accounts can place calls now, and why the others cannot."""

from collections.abc import Mapping
from dataclasses import dataclass

from offhook.sip.events import Event, Registered, RegistrationFailed, Unregistered
from offhook.sip.settings import AccountSettings

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(slots=True)
class _Row:
    settings: AccountSettings
    srtp: str
    registered: bool = False
    last_error: str = ""


class AccountBook:
    """One row per account. An account that does not register counts as in service.

    ``srtp`` says of accounts by name whether their calls are secured (``off``, ``optional``, ``required``).
    """

    def __init__(self, accounts: tuple[AccountSettings, ...], srtp: Mapping[str, str] | None = None) -> None:
        modes = srtp or {}
        self._rows = {account.name: _Row(account, modes.get(account.name, "off")) for account in accounts}

    def take(self, event: Event) -> tuple[str, str, str] | None:
        """Take an event; return (account, state, reason) where it changed a row's standing."""
        match event:
            case Registered(name) if row := self._rows.get(name):
                changed = not row.registered
                row.registered, row.last_error = True, ""
                return (name, "registered", "") if changed else None
            case RegistrationFailed(name, status, reason) if row := self._rows.get(name):
                before = (row.registered, row.last_error)
                row.registered = False
                row.last_error = (f"{status} {reason}".strip() if status else reason) or "no answer"
                return (name, "failed", row.last_error) if before != (False, row.last_error) else None
            case Unregistered(name) if row := self._rows.get(name):
                row.registered = False
                return (name, "unregistered", "")
            case _:
                return None

    def in_service(self, name: str) -> bool:
        """Return whether calls can be placed with this account."""
        row = self._rows.get(name)
        return row is not None and (row.registered or not row.settings.register)

    def any_in_service(self) -> bool:
        """Return whether any account can place calls."""
        return any(self.in_service(name) for name in self._rows)

    def all_registered(self) -> bool:
        """Return whether every account that shall register has done so."""
        return all(self.in_service(name) for name in self._rows)

    def keys_in_clear(self, name: str) -> bool:
        """Return whether keys of secured calls can be read on the way to an account's server: its SIP is not TLS."""
        row = self._rows.get(name)
        return row is None or row.settings.transport != "tls"

    def to_json(self) -> list[Json]:
        """Return the ``accounts`` list of the status object."""
        return [
            {
                "name": row.settings.name,
                "uri": row.settings.uri,
                "registered": row.registered,
                "in_service": self.in_service(row.settings.name),
                "server": row.settings.server,
                "last_error": row.last_error,
                "srtp": row.srtp,
                "keys_in_clear": row.srtp != "off" and self.keys_in_clear(row.settings.name),
            }
            for row in self._rows.values()
        ]
