"""Loss concealment for 8 kHz speech: the last pitch period goes on, ever softer (after ITU-T G.711 appendix I).

::

    ... arrived arrived | lost: pitch periods of the past, joined by cross-fades | arrived ...
                        ^                                                        ^
           the step is bridged by a decaying                                cross-fade
           offset: no look-back delay, of which
           the appendix needs 3.75 ms

One period is repeated for the first 10 ms, then two, then three, so that it does not buzz; after 10 ms the level falls
by a fifth each 10 ms, and at 60 ms there is silence.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]

RATE = 8000
_HISTORY = 640
_WINDOW = 80  # samples that are compared in the search for the pitch, the last ones weighing most
_WEIGHTS = np.exp((np.arange(_WINDOW) - _WINDOW + 1) / 30).astype(np.float32)
_SHORTEST, _LONGEST = 20, 160  # pitch periods that are tried
_STEP = 80  # 10 ms: each brings one more period, and less level
_FALL = 0.2  # share of the level that each step takes off
_SILENT = 6 * _STEP
_JOIN_LEAST, _JOIN_MOST = 20, 80  # samples of cross-fade where speech returns


def _ramp(count: int) -> Floats:
    """Return a rising cross-fade weight without its end points."""
    return (np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)).astype(np.float32)


def _clip(samples: Floats) -> Samples:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


class Concealer:
    """State of one stream; it must see every sample that is played."""

    def __init__(self) -> None:
        self._recent: deque[Samples] = deque([np.zeros(_HISTORY, np.int16)])
        self._length = _HISTORY
        self._past: Floats = np.zeros(_HISTORY, np.float32)  # what was played before the loss began
        self._lost = 0  # samples made up since
        self._period = _LONGEST
        self._periods = 1
        self._loop = self._past[:0]
        self._position = 0
        self._bridge = self._past[:0]

    @property
    def active(self) -> bool:
        """The last samples were made up."""
        return self._lost > 0

    def good(self, samples: Samples) -> Samples:
        """Take samples that arrived and return them, cross-faded with the made-up ones if a loss ends here."""
        if not self._lost:
            self._remember(samples)
            return samples
        joined = samples.astype(np.float32)
        longer = 32 * max(0, -(-self._lost // _STEP) - 1)
        count = min(len(joined), max(_JOIN_LEAST, min(_JOIN_MOST, self._period // 4 + longer)))
        weight = _ramp(count)
        joined[:count] = joined[:count] * weight + self._make(count) * (1 - weight)
        self._lost = 0
        return self._remember(_clip(joined))

    def conceal(self, count: int) -> Samples:
        """Make up ``count`` samples."""
        if not self._lost:
            self._begin()
        made = self._make(count)
        self._lost += count
        return self._remember(_clip(made))

    def silence(self, count: int) -> Samples:
        """Return ``count`` samples of a pause that the sender makes: what there is dies away within 10 ms."""
        if not self._lost:
            self._begin()
        self._lost = max(self._lost, _SILENT - _STEP)
        return self.conceal(count)

    def past(self, count: int) -> Samples:
        """Return the last ``count`` samples that were played, up to 640."""
        if len(self._recent[-1]) < count:
            whole = np.concatenate(self._recent)[-_HISTORY:]
            self._recent.clear()
            self._recent.append(whole)
            self._length = len(whole)
        return self._recent[-1][-count:]

    def _remember(self, samples: Samples) -> Samples:
        self._recent.append(samples)
        self._length += len(samples)
        while self._length - len(self._recent[0]) >= _HISTORY:
            self._length -= len(self._recent.popleft())
        return samples

    def _begin(self) -> None:
        self._past = self.past(_HISTORY).astype(np.float32)
        self._period = _pitch(self._past)
        self._periods = 1
        self._loop = self._periods_of(1)
        self._position = 0
        quarter = self._period // 4
        step = self._past[-1] - self._past[-self._period - 1]
        self._bridge = (step * (1 - _ramp(quarter))).astype(np.float32)

    def _periods_of(self, count: int) -> Floats:
        """Return the last ``count`` pitch periods, the end faded into what was before them: they loop smoothly."""
        length, quarter = self._period * count, self._period // 4
        loop = self._past[-length:].copy()
        weight = _ramp(quarter)
        loop[-quarter:] = loop[-quarter:] * (1 - weight) + self._past[-length - quarter : -length] * weight
        return loop

    def _make(self, count: int) -> Floats:
        """Return the next ``count`` samples of the repetition."""
        begin = self._lost
        wanted = min(3, 1 + begin // _STEP)
        if wanted > self._periods and self._period * wanted + self._period // 4 <= _HISTORY:
            self._lengthen(wanted)
        indexes = np.arange(self._position, self._position + count)
        made = self._loop.take(indexes, mode="wrap")
        self._position = (self._position + count) % len(self._loop)
        if begin < len(self._bridge):
            rest = self._bridge[begin : begin + count]
            made[: len(rest)] += rest
        age = np.arange(begin - _STEP, begin - _STEP + count, dtype=np.float32)
        level = 1 - np.maximum(age, 0) * np.float32(_FALL / _STEP)
        level[age >= _SILENT - _STEP] = 0
        if begin < _SILENT <= begin + count:
            end = _SILENT - begin
            fade = min(end, 40)
            level[end - fade : end] *= 1 - _ramp(fade)
        return (made * level).astype(np.float32)

    def _lengthen(self, periods: int) -> None:
        """Go over to a loop of more periods at the same phase, with a cross-fade."""
        quarter = self._period // 4
        before = self._loop.take(np.arange(self._position, self._position + quarter), mode="wrap")
        phase = self._position % self._period
        self._loop, self._periods = self._periods_of(periods), periods
        self._position = phase
        weight = _ramp(quarter)
        self._loop[phase : phase + quarter] *= weight
        self._loop[phase : phase + quarter] += before * (1 - weight)


def _pitch(past: Floats) -> int:
    """Return the lag at which the last samples are most like earlier ones, 2.5 to 20 ms."""
    earlier = past[-_WINDOW - _LONGEST : -_SHORTEST]
    products = np.correlate(earlier, past[-_WINDOW:] * _WEIGHTS, "valid")
    energies = np.correlate(np.square(earlier), _WEIGHTS, "valid")
    return _LONGEST - int(np.argmax(products / np.sqrt(np.maximum(energies, 1e3))))
