"""Who is told what becomes of a request: what :class:`~offhook.sip.transactions.client_request.ClientRequest` asks."""

from typing import Protocol

from offhook.sip.messages.message import Response
from offhook.sip.transactions.client_transaction import ClientTransaction


class RequestOwner(Protocol):
    """Who wants the request answered."""

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A provisional response, 100 included."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """The final response; of an INVITE each 2xx, repetitions and forks included."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """A 2xx to an INVITE whose attempt was given up."""

    def on_failed(self, reason: str, now: float) -> None:
        """No target answered; ``reason`` says what became of each."""


class Unheard:
    """Owner and transaction user of requests whose fate nobody waits for (CANCEL, the BYE of a stray fork)."""

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Not of interest."""

    def on_no_answer(self, transaction: ClientTransaction, now: float) -> None:
        """Not of interest."""

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Not of interest."""
