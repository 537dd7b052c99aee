"""Where emergency calls may go: on a simulated board to stub desks only, so that no test and no demo reaches help."""

import ipaddress
import logging
from collections.abc import Collection, Sequence

from offhook.errors import OffhookError
from offhook.sip.settings import AccountSettings

_log = logging.getLogger(__name__)
# What networks far beyond one country route to help (3GPP TS 22.101 section 10.1): no test calls them by accident.
_ROUTED_WIDELY = frozenset({"000", "112", "911", "999"})
_DIGITS = frozenset("0123456789*#")


class NoDeskError(OffhookError):
    """A text cannot be the place of a stub desk."""


def desk_place(text: str) -> str:
    """Return ``text`` where it is ``IP:PORT`` (``[IPv6]:PORT``) of a private network; raises :class:`NoDeskError`."""
    host, _, port = text.rpartition(":")
    try:
        ip = ipaddress.ip_address(host[1:-1] if host[:1] + host[-1:] == "[]" else host)
    except ValueError:
        ip = None
    if ip is None or (ip.version == 6) != host.startswith("[") or not (port.isascii() and port.isdigit()):
        raise NoDeskError(f"{text!r} is not IP:PORT: name a desk by its address, as 127.0.0.1:5060")
    if ip.is_global or ip.is_unspecified or ip.is_multicast or not 0 < int(port) < 65536:
        raise NoDeskError(f"{text!r} may be a real desk, or none: give a loopback address, or one of a test's network")
    return text


class EmergencyGuard:
    """``desks``: the only ``ip:port`` places that may be called, or None on a real board, where all accounts may."""

    def __init__(self, desks: tuple[str, ...] | None) -> None:
        self._desks = desks

    def usable(self, accounts: Sequence[AccountSettings]) -> tuple[AccountSettings, ...]:
        """Return the accounts that an emergency call may use, in order.

        On a simulated board an account is kept where its ``server`` is literally one of the desks: a name could
        resolve to anything. Where none is kept, the desks themselves stand in as accounts without registration.
        """
        if self._desks is None:
            return tuple(accounts)
        kept = tuple(account for account in accounts if account.server in self._desks)
        for account in accounts:
            if account not in kept:
                _log.warning(
                    "simulated board: an emergency call does not go to account %s; only to %s",
                    account.name,
                    ", ".join(self._desks) or "no desk (start with --emergency-desk IP:PORT)",
                    extra={"account": account.name},
                )
        return kept or tuple(self.desk_accounts())

    def bars(self, number: str, account: AccountSettings, numbers: Collection[str]) -> bool:
        """Whether an ordinary call to ``number`` may not be placed, because it could end at real help.

        ``numbers`` are the emergency numbers of the phone's country. Dialled, those are emergency calls and
        :meth:`usable` rules; this is for whatever gets past that.
        """
        if self._desks is None or account.server in self._desks:
            return False
        user = number.partition(":")[2].partition("@")[0] if number.startswith(("sip:", "sips:")) else number
        digits = "".join(char for char in user if char in _DIGITS)
        if digits not in _ROUTED_WIDELY and digits not in numbers:
            return False
        _log.warning(
            "simulated board: a call to %s does not go to account %s; only to a stub desk",
            digits,
            account.name,
            extra={"account": account.name},
        )
        return True

    def desk_accounts(self) -> list[AccountSettings]:
        """Return one account per desk, none on a real board."""
        return [
            AccountSettings(f"desk-{desk}", f"sip:phone@{desk.rpartition(':')[0]}", "phone", "", desk, "udp", False)
            for desk in self._desks or ()
        ]
