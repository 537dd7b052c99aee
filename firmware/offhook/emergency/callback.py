"""The time after an emergency call in which the desk may call back, and nothing may take the phone away.

:rfc:`6881` (ED-68) asks for about 30 minutes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """``window`` in seconds, counted from the end of the last emergency call."""

    window: float = 1800.0


class CallbackWindow:
    """Keeps the window: whatever would restart or switch off the phone asks here."""

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
        return self._calling or self.remaining(now) > 0.0
