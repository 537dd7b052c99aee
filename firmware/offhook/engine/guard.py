"""Where emergency calls may go: on a simulated board to stub desks only, so that no test and no demo reaches help."""

import logging
from collections.abc import Sequence

from offhook.sip.settings import AccountSettings

_log = logging.getLogger(__name__)


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

    def desk_accounts(self) -> list[AccountSettings]:
        """Return one account per desk, none on a real board."""
        return [
            AccountSettings(f"desk-{desk}", f"sip:phone@{desk.rpartition(':')[0]}", "phone", "", desk, "udp", False)
            for desk in self._desks or ()
        ]
