"""Knowing the servers of accounts that do not register, before they call.

An account that registers learns its server's addresses by doing so. One that does not would take its server for a
stranger until it calls out itself: so the name is asked for at the start, and again now and then.
"""

from collections.abc import Mapping

from offhook.sip.core import Core
from offhook.sip.events import Target
from offhook.sip.registrations.account import Account

AGAIN_S = 300.0
AFTER_FAILURE_S = 30.0


class Acquaintance:
    """Asks for the servers' addresses of those accounts in ``accounts`` that are given to :meth:`make`."""

    def __init__(self, core: Core, accounts: Mapping[str, Account]) -> None:
        self._core = core
        self._accounts = accounts
        self._known: set[Account] = set()

    def make(self, account: Account, now: float) -> None:
        """Ask for the addresses of an account's server from now on, where that has a name and only it may call."""
        if self._core.settings.accept_from == "any" or account in self._known or account.hop.numeric() is not None:
            return
        self._known.add(account)
        self._ask(account, now)

    def _ask(self, account: Account, now: float) -> None:
        if self._accounts.get(account.name) is not account:
            self._known.discard(account)
            return

        def found(targets: list[Target], _reason: str, then: float) -> None:
            account.note_servers(targets)
            self._core.timers.start(then + (AGAIN_S if targets else AFTER_FAILURE_S), lambda t: self._ask(account, t))

        self._core.hops.find(account.hop, now, found)
