"""Keeps one subscription in one dialog alive: SUBSCRIBE before it expires (:rfc:`6665#section-4.1.2`)."""

from collections.abc import Callable
from typing import Protocol

from offhook.sip.core import Core
from offhook.sip.events import Body
from offhook.sip.messages.message import Response
from offhook.sip.responses import printable
from offhook.sip.subscriptions.state import MAX_EXPIRES
from offhook.sip.transactions.client_request import ClientRequest, RequestOwner
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.timers import Timer

LEAST_REFRESH = 5.0
FAREWELL = 3.0
# Responses to a refresh that end the subscription (section 4.1.2.2 with RFC 5057); any other leaves it as it was.
GONE = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})

# status (0: none), reason, Retry-After in seconds if one was given, now
Over = Callable[[int, str, int | None, float], None]


class Sender(Protocol):
    """Sends requests of one dialog (:class:`~offhook.sip.calls.session.Session` does)."""

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
        """Send a request; None, after ``on_failed``: there is no way to."""


class Upkeep:
    """Refreshes at about nine tenths of the time that was granted; ``on_over`` when it cannot be kept.

    ``wanted`` seconds are asked for each time; ``headers`` go into each SUBSCRIBE (Event, Accept).
    """

    def __init__(
        self, core: Core, sender: Sender, headers: tuple[tuple[str, str], ...], wanted: int, on_over: Over
    ) -> None:
        self._core = core
        self._sender = sender
        self._headers = headers
        self._wanted = wanted
        self._on_over = on_over
        self._until = 0.0
        self._refresh: Timer | None = None
        self._end: Timer | None = None
        self._request: ClientRequest | None = None
        self._ending = False
        self._over = False

    def extend(self, seconds: int, now: float) -> None:
        """Take what the notifier grants from now on: its word in a NOTIFY, or in the answer to a SUBSCRIBE."""
        if self._ending or self._over:
            return
        self._disarm()
        self._until = now + seconds
        margin = min(max(0.1 * seconds, 40.0), 0.5 * seconds)
        self._refresh = self._core.timers.start(now + max(seconds - margin, LEAST_REFRESH), self.refresh)
        self._end = self._core.timers.start(self._until, self._expired)

    def refresh(self, now: float) -> None:
        """Ask for more time now; nothing while that is under way already."""
        if self._request is None and not self._ending and not self._over:
            self._send(self._wanted, now)

    def renew(self, now: float) -> None:
        """Ask for more time now, whatever is under way: it may be on its way into a network that is gone."""
        if self._request is not None and not self._ending:
            self._request.abandon()
            self._request = None
        self.refresh(now)

    def end(self, now: float) -> None:
        """Give the subscription up (Expires 0); ``on_over`` follows when the other side agrees, or 3 s later."""
        if self._ending or self._over:
            return
        self._disarm()
        self._ending = True
        if self._request is not None:
            self._request.abandon()
        self._end = self._core.timers.start(now + FAREWELL, lambda t: self._finish(0, "", None, t))
        self._send(0, now)

    def stop(self) -> None:
        """Do nothing more."""
        self._over = True
        self._disarm()
        if self._request is not None:
            self._request.abandon()
            self._request = None

    def _send(self, expires: int, now: float) -> None:
        headers = (*self._headers, ("Expires", str(expires)))
        self._request = self._sender.send("SUBSCRIBE", self, now, headers=headers, contact=True)

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: only the final response counts."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: cannot happen to a SUBSCRIBE."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the answer to a refresh."""
        self._request = None
        if self._over:
            return
        if self._ending:
            if response.status >= 300:
                self._finish(0, "", None, now)
        elif response.status < 300:
            granted = min(self._wanted if response.expires is None else response.expires, MAX_EXPIRES)
            if granted:
                self.extend(granted, now)
            else:
                self._finish(0, "timeout", None, now)
        elif response.status == 423 and self._lengthen(response):
            self._send(self._wanted, now)
        elif response.status in GONE:
            self._finish(response.status, printable(response.reason), response.retry_after, now)
        else:
            self._again(response.retry_after or 0, now)

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered: what was granted before still holds."""
        self._request = None
        if self._ending:
            self._finish(0, "", None, now)
        elif not self._over:
            self._again(0, now)

    def _lengthen(self, response: Response) -> bool:
        wanted = response.min_expires
        if wanted is None or not self._wanted < wanted <= MAX_EXPIRES:
            return False
        self._wanted = wanted
        return True

    def _again(self, retry_after: int, now: float) -> None:
        """Try the refresh again while the subscription lasts."""
        delay = max(min(30.0, 0.3 * (self._until - now)), LEAST_REFRESH, float(retry_after))
        if self._refresh is not None:
            self._refresh.cancel()
        self._refresh = self._core.timers.start(now + delay * (1 + 0.2 * self._core.fraction()), self.refresh)

    def _expired(self, now: float) -> None:
        self._finish(0, "expired", None, now)

    def _finish(self, status: int, reason: str, retry_after: int | None, now: float) -> None:
        if not self._over:
            self.stop()
            self._on_over(status, reason, retry_after, now)

    def _disarm(self) -> None:
        for timer in (self._refresh, self._end):
            if timer is not None:
                timer.cancel()
