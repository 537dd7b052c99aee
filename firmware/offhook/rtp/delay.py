"""How late packets come: a forgetting histogram of transit times, one millisecond wide per bin.

NetEQ of WebRTC keeps such a histogram with bins of 20 ms (one packet), so that its target is never below 20 ms and
moves in steps of 20. On a LAN or a DSL line the 99th percentile is 1 to 12 ms: bins of one millisecond win the rest.
"""

_BINS = 640
_HEADROOM = 80  # bins kept free below the fastest packet seen, for faster ones and for clock drift


class DelayEstimator:
    """Quantiles of transit time over the recent past.

    ``transit`` is arrival time minus media time, both in milliseconds; only differences matter, so the unknown offset
    between the two clocks does no harm.
    """

    def __init__(self, memory: float) -> None:
        """``memory`` is how many packets back an observation still counts 37 %."""
        self._growth = 1.0 + 1.0 / memory
        self.reset()

    def reset(self) -> None:
        """Forget everything (new source, other clock)."""
        self._weights = [0.0] * _BINS
        self._anchor = 0.0
        self._next = 1.0
        self._total = 0.0
        self._top = 0
        self._bottom = _BINS - 1

    @property
    def empty(self) -> bool:
        """Nothing was observed yet."""
        return self._total == 0.0

    def observe(self, transit: float) -> None:
        """Take one packet's transit time in milliseconds."""
        if self.empty:
            self._anchor = transit - _HEADROOM
        index = int(transit - self._anchor)
        if transit < self._anchor:
            index = self._shift_up(transit)
        elif index >= _BINS:
            index = self._shift_down(index)
        self._weights[index] += self._next
        self._total += self._next
        self._top = max(self._top, index)
        self._bottom = min(self._bottom, index)
        self._next *= self._growth
        if self._next > 1e9:
            self._rescale()

    def quantile(self, share: float) -> float:
        """Return the transit time that ``share`` of the packets did not exceed (upper edge of the bin)."""
        spare = (1.0 - share) * self._total
        index, weights = self._top, self._weights
        while index > 0 and spare >= weights[index]:
            spare -= weights[index]
            index -= 1
        return self._anchor + index + 1

    def floor(self) -> float:
        """Return the transit time of the fastest packets of late (lower edge of the bin)."""
        weights, least = self._weights, self._total * 0.002
        while self._bottom < self._top and weights[self._bottom] < least:
            self._bottom += 1
        return self._anchor + self._bottom

    def _shift_up(self, transit: float) -> int:
        """Make room below; bins that fall off the top are joined into the last."""
        count = min(int(self._anchor - transit) + 1 + _HEADROOM, _BINS - 1)
        lost = sum(self._weights[_BINS - count :])
        self._weights = [0.0] * count + self._weights[: _BINS - count]
        self._weights[-1] += lost
        self._anchor -= count
        self._top = min(self._top + count, _BINS - 1)
        self._bottom = min(self._bottom + count, _BINS - 1)
        return max(0, int(transit - self._anchor))

    def _shift_down(self, index: int) -> int:
        """Drop empty bins at the bottom, or clamp to the last bin."""
        room = next(i for i, weight in enumerate(self._weights) if weight > 1e-4 * self._total) - _HEADROOM
        if room > 0:
            self._weights = self._weights[room:] + [0.0] * room
            self._anchor += room
            self._top -= room
            self._bottom = max(0, self._bottom - room)
            index -= room
        return min(index, _BINS - 1)

    def _rescale(self) -> None:
        self._weights = [weight / self._next if weight > self._next * 1e-9 else 0.0 for weight in self._weights]
        self._total = sum(self._weights)
        self._next = 1.0
        self._top = max((i for i, weight in enumerate(self._weights) if weight), default=0)
