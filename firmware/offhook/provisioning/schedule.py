"""When to ask the server: now and then with some chance in it, sooner but ever more rarely after a failure."""

from collections.abc import Callable

FIRST_WITHIN_S = 10.0
FIRST_RETRY_S = 30.0
SPREAD = 0.1


class PollSchedule:
    """``random`` returns numbers from 0 up to 1; ``next`` is when to ask."""

    def __init__(self, interval_s: float, random: Callable[[], float], now: float) -> None:
        self._interval_s = interval_s
        self._random = random
        self._failures = 0
        self.next = now + random() * min(FIRST_WITHIN_S, interval_s)

    def answered(self, now: float) -> None:
        """The server answered: ask again after the interval, a tenth more or less."""
        self._failures = 0
        self.next = now + self._spread(self._interval_s)

    def failed(self, now: float) -> None:
        """The server could not be reached: ask again after 30 s, 60 s ... up to the interval."""
        wait = min(self._interval_s, FIRST_RETRY_S * 2 ** min(self._failures, 16))
        self._failures += 1
        self.next = now + self._spread(wait)

    def hurry(self, now: float) -> None:
        """Somebody asked for it: ask at once."""
        self.next = now

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + SPREAD * (2 * self._random() - 1))
