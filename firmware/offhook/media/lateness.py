"""How late the ticks of the media loop are, against the beat of the device."""

_BIN_S = 10e-6
_BINS = 5000
_DRIFT_S = 5e-6  # a tick; a card may be 500 ppm slow at 10 ms periods without seeming late


class Lateness:
    """A histogram of 10 us bins up to 50 ms. The earliest ticks tell where the beat is: the clock is the card's own."""

    def __init__(self, period: float) -> None:
        self._step = period + _DRIFT_S
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next tick is on the beat."""
        self._expected = float("inf")
        self._bins = [0] * _BINS
        self._count = 0
        self.worst = 0.0

    def restart(self) -> None:
        """Look for the beat anew: the card was started again."""
        self._expected = float("inf")

    def note(self, now: float) -> None:
        """Take the time at which a tick began, s."""
        late = now - self._expected
        if late < 0:
            self._expected, late = now, 0.0
        self._expected += self._step
        index = int(late / _BIN_S)
        self._bins[index if index < _BINS else -1] += 1
        self._count += 1
        if late > self.worst:
            self.worst = late

    def quantile(self, share: float) -> float:
        """Return the lateness in s that ``share`` of the ticks did not exceed."""
        spare = int(self._count * (1 - share))
        for index in range(min(int(self.worst / _BIN_S), _BINS - 1), -1, -1):
            spare -= self._bins[index]
            if spare < 0:
                return (index + 1) * _BIN_S
        return 0.0
