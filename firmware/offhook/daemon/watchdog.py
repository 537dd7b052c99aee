"""Feeds the service manager's watchdog, but only while both processes answer (sd_notify(3))."""

import asyncio
import logging
import os
from collections.abc import Callable

from offhook.daemon.journal import Notifier

_log = logging.getLogger(__name__)
_DEFAULT_PERIOD_S = 5.0


class Watchdog:
    """``healthy()`` says whether the media loop ticks; that this runs at all says that signalling does.

    A missing sound card is no reason to withhold the feed: the media loop then ticks by the clock.
    """

    def __init__(self, notify: Notifier, healthy: Callable[[], bool], status: Callable[[], str]) -> None:
        self._notify = notify
        self._healthy = healthy
        self._status = status
        self._last_status = ""
        self._was_healthy = True

    @staticmethod
    def period() -> float:
        """Return how often to feed, in seconds: six times in what the service manager asks for.

        Half of it, as sd_watchdog_enabled(3) has it, would let one bad moment, in which a media process that died is
        being replaced, end a call.
        """
        usec = os.environ.get("WATCHDOG_USEC", "")
        return int(usec) / 6e6 if usec.isdigit() and int(usec) > 0 else _DEFAULT_PERIOD_S

    async def run(self) -> None:
        """Feed for ever; cancel to stop."""
        period = self.period()
        while True:
            self.beat()
            await asyncio.sleep(period)

    def beat(self) -> None:
        """Feed once if all is well, and tell the status if it changed."""
        healthy = self._healthy()
        if healthy:
            self._notify("WATCHDOG=1")
        elif self._was_healthy:
            _log.error("the media process does not answer: the watchdog is not fed until it does")
        self._was_healthy = healthy
        status = self._status()
        if status != self._last_status:
            self._last_status = status
            self._notify(f"STATUS={status}")
