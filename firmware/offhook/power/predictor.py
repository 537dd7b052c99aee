"""How long the battery lasts: a cautious figure from what the gauge has shown so far.

In this order: the fall of the charge over the last minutes, the current against the known capacity, and what the
settings say that a full battery lasts. Nothing known, nothing promised.
"""

from collections import deque

from offhook.power.reading import PowerReading
from offhook.power.settings import PowerSettings

_WINDOW = 3600.0  # seconds of history that count
_SHORTEST = 120.0  # below this, and below two percent of fall, a gauge's steps are noise
_SMALLEST_FALL = 2.0
_TAU = 600.0  # of the averaged current, seconds
_LEAST_DRAIN = 0.001  # ampere; less is a sensor's offset, not a phone


class RuntimePredictor:
    """Collects readings of one outage; :meth:`reset` when mains is back."""

    def __init__(self, settings: PowerSettings) -> None:
        self._settings = settings
        self._charge: deque[tuple[float, float]] = deque()
        self._amps: float | None = None
        self._amps_at = 0.0

    def reset(self) -> None:
        """Forget the outage."""
        self._charge.clear()
        self._amps = None

    def observe(self, reading: PowerReading, now: float) -> None:
        """Take one reading made on battery."""
        if reading.percent is not None:
            if not self._charge or reading.percent != self._charge[-1][1]:
                self._charge.append((now, reading.percent))
            while len(self._charge) > 2 and now - self._charge[1][0] > _WINDOW:
                self._charge.popleft()
        if reading.amps is not None:
            drain = max(0.0, -reading.amps)
            if self._amps is None:
                self._amps = drain
            else:
                share = min(1.0, (now - self._amps_at) / _TAU)
                self._amps += (drain - self._amps) * share
            self._amps_at = now

    def runtime(self, now: float) -> float | None:
        """Return the seconds left, at the least; None where nothing tells."""
        percent = self._charge[-1][1] if self._charge else None
        if percent is None:
            return None
        per_second = self._slope(now)
        amps = self._amps or 0.0
        if per_second is None and self._settings.capacity_mah and amps >= _LEAST_DRAIN:
            per_second = amps * 1000.0 / self._settings.capacity_mah * 100.0 / 3600.0
        if per_second is None and self._settings.full_runtime:
            per_second = 100.0 / self._settings.full_runtime
        if per_second is None:
            return None
        since = now - self._charge[-1][0]
        return max(0.0, percent / (per_second * self._settings.safety) - since)

    def _slope(self, now: float) -> float | None:
        """Return percent per second between the oldest and the newest step, None while there is too little of it.

        The first value of the outage is left out: the gauge may have stood on it for hours.
        """
        steps = list(self._charge)[1:] if len(self._charge) > 2 else []
        if not steps:
            return None
        fall = steps[0][1] - steps[-1][1]
        span = steps[-1][0] - steps[0][0]
        if span < _SHORTEST or fall < _SMALLEST_FALL:
            return None
        return fall / span
