"""The time after an emergency call in which the desk may call back, and nothing may keep that call from ringing.

:rfc:`6881` (ED-68) asks for about 30 minutes; :rfc:`7090` names the marking of such calls. Who
calls is not looked at: a desk may call back from any number.
"""

from dataclasses import dataclass

PSAP_CALLBACK = "psap-callback"


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """``window`` in seconds, counted from the end of the last emergency call."""

    window: float = 1800.0


class CallbackWindow:
    """Keeps the window: calls, do-not-disturb, lock, quiet hours and shutdown ask here."""

    def __init__(self, settings: CallbackSettings | None = None) -> None:
        self._settings = settings or CallbackSettings()
        self._calling = False
        self._closes_at: float | None = None

    def call_started(self) -> None:
        """An emergency call is being placed."""
        self._calling = True

    def call_ended(self, now: float) -> None:
        """The emergency call, answered or not, is over: the window begins anew."""
        self._calling = False
        self._closes_at = now + self._settings.window

    def remaining(self, now: float) -> float:
        """Return the seconds left in the window, 0.0 where it is closed; while the call lasts, all of it."""
        if self._calling:
            return self._settings.window
        return max(0.0, self._closes_at - now) if self._closes_at is not None else 0.0

    def holds(self, now: float) -> bool:
        """Whether an emergency call is up or may be called back: no shutdown, restart or update now."""
        return self.remaining(now) > 0.0

    def rings_regardless(self, now: float) -> bool:
        """Whether an incoming call must ring whatever bars calls."""
        return not self._calling and self.holds(now)

    def is_marked_callback(self, priority: str | None, now: float) -> bool:
        """Whether ``Priority: psap-callback`` counts: outside the window it marks nothing (RFC 7090)."""
        return priority is not None and priority.strip().lower() == PSAP_CALLBACK and self.rings_regardless(now)
