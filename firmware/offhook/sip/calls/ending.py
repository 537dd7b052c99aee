"""BYE: whatever comes of it, the session is over then (:rfc:`3261#section-15`)."""

from collections.abc import Callable

from offhook.sip.messages.message import Response
from offhook.sip.transactions.client_transaction import ClientTransaction


class Bye:
    """Owner of a session's BYE; ``finish`` lets the dialog go."""

    def __init__(self, finish: Callable[[], None]) -> None:
        self._finish = finish

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A BYE has nothing to show on the way."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Over, even where the other side knows nothing of the dialog (481)."""
        self._finish()

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to a BYE."""

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered: over all the same."""
        self._finish()
