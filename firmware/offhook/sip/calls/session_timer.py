"""Session timers (:rfc:`4028`): a call that nobody refreshes ends, so that none hangs when its other side is gone.

Terms are agreed in each INVITE, re-INVITE and UPDATE anew. Who refreshes does so after half the interval; whoever hears
nothing ends the call a third of it, at most 32 s, before it is over.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from offhook.sip.messages.message import Request, Response
from offhook.sip.responses import Refusal
from offhook.sip.settings import AccountSettings
from offhook.sip.transactions.timers import Timer, TimerQueue

TAG = "timer"
MIN_SE = 90
MAX_SE = 2**31 - 1
FLOOR = 20  # Whatever the other side says: nobody has us send requests as fast as he likes.
RETRY = 10.0
_SECONDS = re.compile(r"\s*0*([0-9]{1,10})\s*(?:;|\Z)")
_REFRESHER = re.compile(r";\s*refresher\s*=\s*(uac|uas)\s*(?:;|\Z)", re.IGNORECASE)

Headers = tuple[tuple[str, str], ...]


def session_expires(message: Request | Response) -> tuple[int, str] | None:
    """Return interval in seconds and refresher ("uac", "uas", ""), None where there is none or it cannot be read."""
    text = message.headers.get("Session-Expires") or ""
    found = _SECONDS.match(text)
    if found is None:
        return None
    refresher = _REFRESHER.search(text)
    return min(int(found[1]), MAX_SE), refresher[1].lower() if refresher is not None else ""


def min_se(message: Request | Response) -> int:
    """Return Min-SE in seconds; 90 where there is none (section 5)."""
    found = _SECONDS.match(message.headers.get("Min-SE") or "")
    return max(min(int(found[1]), MAX_SE), MIN_SE) if found is not None else MIN_SE


def knows_timers(message: Request | Response) -> bool:
    """True where the sender says that it supports session timers."""
    return TAG in (tag.lower() for tag in (*message.supported, *message.require))


@dataclass(frozen=True, slots=True)
class Terms:
    """What we ask for (``interval``, None: nothing) and the least that we take, in seconds."""

    interval: int | None
    minimum: int

    @classmethod
    def of(cls, settings: AccountSettings | None) -> "Terms":
        """Read an account's; without one nothing is asked for."""
        if settings is None:
            return cls(None, MIN_SE)
        interval = settings.session_expires
        return cls(max(interval, settings.min_se) if interval is not None else None, settings.min_se)

    def raised(self, refusal: Response) -> "Terms | None":
        """Return the terms to ask for after a 422; None where it says nothing new (section 7.3)."""
        least = min_se(refusal)
        if "Min-SE" not in refusal.headers or self.interval is None or least <= self.interval:
            return None
        return replace(self, interval=least, minimum=least)

    def headers(self, refresher: str = "") -> Headers:
        """Return the headers of a request."""
        if self.interval is None:
            return ()
        least: Headers = (("Min-SE", str(self.minimum)),) if self.minimum > MIN_SE else ()
        role = f";refresher={refresher}" if refresher else ""
        return (("Session-Expires", f"{self.interval}{role}"), *least)

    def refusal(self, request: Request) -> Refusal | None:
        """Return the 422 for an interval that is too short, where the caller can raise it (section 9)."""
        asked = session_expires(request)
        if asked is None or asked[0] >= self.minimum or not knows_timers(request):
            return None
        return Refusal(422, "", (("Min-SE", str(self.minimum)),))


class SessionTimer:
    """The timer of one call. ``refresh`` and ``expired`` are called with the time when it comes."""

    def __init__(
        self, timers: TimerQueue, terms: Terms, refresh: Callable[[float], None], expired: Callable[[float], None]
    ) -> None:
        self.terms = terms
        self._timers = timers
        self._refresh = refresh
        self._expired = expired
        self._we_refresh = False
        self._running = False
        self._next: Timer | None = None
        self._end: Timer | None = None

    def ask(self) -> Headers:
        """Return the headers of a re-INVITE or UPDATE of ours: what is agreed stays, who refreshes goes on."""
        return self.terms.headers("uac" if self._we_refresh else "uas") if self._running else ()

    def raise_to(self, refusal: Response) -> bool:
        """Take a 422 to a refresh; False where another try is useless."""
        raised = self.terms.raised(refusal)
        self.terms = raised or self.terms
        return raised is not None

    def agreed(self, response: Response, now: float) -> None:
        """Take the 2xx to an INVITE, re-INVITE or UPDATE of ours; without Session-Expires the call never expires."""
        granted = session_expires(response)
        if granted is None:
            self.stop()
        else:
            self._start(granted[0], granted[1] != "uas", now)

    def grant(self, request: Request, response: Response, now: float) -> None:
        """Put the terms into our 2xx to ``request`` (section 9, table 2), and go by them."""
        asked, capable = session_expires(request), knows_timers(request)
        interval = self.terms.interval
        if asked is None and (interval is None or not capable):
            self.stop()
            return
        if asked is not None:
            seconds, refresher = asked
        else:
            seconds, refresher = max(interval or 0, min_se(request)), ""
        refresher = (refresher or ("uas" if self._we_refresh else "uac")) if capable else "uas"
        response.headers.set("Session-Expires", f"{seconds};refresher={refresher}")
        if capable:
            response.headers.add("Require", TAG)
        self._start(seconds, refresher == "uas", now)

    def failed(self, now: float) -> None:
        """A refresh of ours failed: it is tried again until the time is over."""
        if self._running:
            self._restart(now + RETRY)

    def stop(self) -> None:
        """The call is over, or does not expire."""
        self._running = self._we_refresh = False
        for timer in (self._next, self._end):
            if timer is not None:
                timer.cancel()

    def _start(self, seconds: int, we_refresh: bool, now: float) -> None:
        self.stop()
        seconds = max(seconds, FLOOR)
        self._running, self._we_refresh = True, we_refresh
        self.terms = replace(self.terms, interval=seconds)
        self._end = self._timers.start(now + seconds - min(32.0, seconds / 3), self._over)
        if we_refresh:
            self._restart(now + seconds / 2)

    def _restart(self, at: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._timers.start(at, self._refresh)

    def _over(self, now: float) -> None:
        self.stop()
        self._expired(now)
