"""When a failed registration is tried again (:rfc:`5626#section-4.5`), and what may cut the wait short."""

from collections.abc import Callable

from offhook.sip.settings import BackOff

FORBIDDEN = 403
# A wrong password or user, but also what servers say while their database starts: slowly, yet within two minutes.
UNKNOWN = frozenset({401, 404, 407})
MAX_RETRY_AFTER = 3600
LEAST_GAP = 4.0
FRESH_S = 20.0
FRESH_TRIES = 4
STANDS = 120.0  # min-regtime of RFC 5626 section 4.5: what stood so long counts as a success


class RetryClock:
    """Counts failures of one account. ``fraction`` gives 0 <= x < 1."""

    def __init__(self, settings: BackOff, fraction: Callable[[], float]) -> None:
        self._settings = settings
        self._fraction = fraction
        self._failures = 0
        self._gap = LEAST_GAP
        self._wished_until = 0.0
        self._refused = False
        self._fresh_until = 0.0
        self._fresh_tries = 0
        self._short_lived = 0

    def network_changed(self, now: float) -> None:
        """Be quick for a while: a link that has just come up often has no way to the server in its first second."""
        self._fresh_until = now + FRESH_S
        self._fresh_tries = FRESH_TRIES
        self._short_lived = 0

    def succeeded(self) -> None:
        """The server took the registration: begin anew the next time."""
        self._failures = 0
        self._gap = LEAST_GAP
        self._wished_until = 0.0
        self._refused = False

    def failed(self, status: int, retry_after: int, now: float) -> float:
        """Return the seconds to wait: doubling, with jitter, at least what the server asked for."""
        if status == 0 and self._fresh_tries and now < self._fresh_until:
            self._fresh_tries -= 1
            return 2.0 ** (FRESH_TRIES - self._fresh_tries - 1) * (0.5 + 0.5 * self._fraction())
        upper = min(self._settings.limit, self._settings.base * float(1 << min(self._failures, 16)))
        self._refused = status == FORBIDDEN
        if self._refused:
            upper = self._settings.refused
        elif status in UNKNOWN:
            upper = self._settings.limit
        self._failures += 1
        wish = float(min(retry_after, MAX_RETRY_AFTER))
        self._wished_until = now + wish
        return max(upper * (0.5 + 0.5 * self._fraction()), wish)

    def broken(self, stood: float) -> float:
        """Return the seconds to wait after a stream broke that had carried the registration for ``stood`` seconds.

        One or two at first; doubling up to the longest wait while the server takes the registration and hangs up.
        """
        pause = min(self._settings.limit, 2.0 * float(1 << min(self._short_lived, 16)))
        self._short_lived = 0 if stood >= STANDS else self._short_lived + 1
        return pause * (0.25 + 0.75 * self._fraction())

    def may_hurry(self, sent: float, now: float) -> bool:
        """True when somebody who waits for the line may have it tried at once; what the server asked for is kept."""
        return now - sent >= LEAST_GAP and now >= self._wished_until

    def may_answer(self, sent: float, now: float) -> bool:
        """True when a packet from the server may have it tried at once.

        Each time that it does the next one must come twice as late, up to the longest wait: no storm of packets makes
        a storm of registrations. A server that refused us is not asked again because it speaks.
        """
        if self._refused or now < self._wished_until or now - sent < self._gap:
            return False
        self._gap = min(2 * self._gap, self._settings.limit)
        return True
