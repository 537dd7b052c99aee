"""How late packets come: a forgetting histogram of delays, one millisecond wide per bin.

NetEQ of WebRTC keeps such a histogram with bins of 20 ms (one packet), so that its target is never below 20 ms and
moves in steps of 20. On a LAN or a DSL line the 99th percentile is 1 to 12 ms: bins of one millisecond win the rest.

Delays are counted from the fastest packet of the last 4 to 8 s, so that clocks that run apart move histogram and all.
"""

_BINS = 600
_WINDOW = 200  # packets after which the fastest packet before them begins to be forgotten
_REUSE = 8  # packets in time after which a quantile is counted anew; one that was late makes it do so at once
_DEAR_MS = 100  # delay from which on it costs a conversation more than rare losses do (E-model, ITU-T G.107):
_DEAR = 1 / 3000  # each further ms must keep this much larger a share of the packets in time
_STEP_MS = 4.0  # a fastest packet that got slower by more than this within two windows is another path, not drift


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
        self._next = 1.0  # weight of the next observation: growing weights forget without touching the old ones
        self._total = 0.0
        self._top = 0
        self._known: dict[float, int] = {}  # bins of quantiles that were asked for
        self._least_known = _BINS
        self._since = 0  # packets since they were counted
        self._before = self._lately = float("inf")  # fastest packets of the window before and of this one
        self._base = 0.0
        self._count = 0

    @property
    def empty(self) -> bool:
        """Nothing was observed yet."""
        return self._total == 0.0

    @property
    def floor(self) -> float:
        """Transit time of the fastest packet of late."""
        return self._base

    def observe(self, transit: float) -> None:
        """Take one packet's transit time in milliseconds."""
        self._track(transit)
        index = min(int(transit - self._base), _BINS - 1)
        self._weights[index] += self._next
        self._total += self._next
        self._top = max(self._top, index)
        self._since += 1
        if self._since >= _REUSE or index > self._least_known:
            self._recount()
        self._next *= self._growth
        if self._next > 1e9:
            self._rescale()

    def quantile(self, share: float) -> float:
        """Return the transit time that ``share`` of the packets did not exceed (upper edge of the bin).

        Beyond 100 ms a smaller share will do: one stall of the path shall not be paid for with seconds of delay.
        """
        index = self._known.get(share)
        if index is None:
            index = self._known[share] = self._count_down(1.0 - share)
            self._least_known = min(index, self._least_known)
        return self._base + index + 1

    def _recount(self) -> None:
        self._known.clear()
        self._least_known = _BINS
        self._since = 0

    def _count_down(self, spare: float) -> int:
        """Return the highest bin that is needed where this share of the packets may be later."""
        index, weights = self._top, self._weights
        late = 0.0
        while index > 0:
            late += weights[index]
            if late > self._total * (spare + max(0, index - _DEAR_MS) * _DEAR):
                break
            index -= 1
        return index

    def _track(self, transit: float) -> None:
        """Follow the fastest packet."""
        if self._count == _WINDOW:
            self._before, self._lately = self._lately, transit
            self._count = 0
            slower = min(self._before, transit) - self._base
            if slower > _STEP_MS:
                self._shift(int(slower))
        self._count += 1
        self._lately = min(self._lately, transit)
        self._base = min(self._before, self._lately)

    def _shift(self, count: int) -> None:
        """The path got slower by ``count`` ms: what was that late is not late any more."""
        count = min(count, _BINS - 1)
        self._weights = [sum(self._weights[: count + 1]), *self._weights[count + 1 :], *([0.0] * count)]
        self._top = max(0, self._top - count)
        self._recount()

    def _rescale(self) -> None:
        self._weights = [weight / self._next if weight > self._next * 1e-9 else 0.0 for weight in self._weights]
        self._total = sum(self._weights)
        self._next = 1.0
        self._top = max((i for i, weight in enumerate(self._weights) if weight), default=0)
