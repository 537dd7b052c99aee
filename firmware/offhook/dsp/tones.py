"""Sounds the tones of :mod:`offhook.dsp.tonespec`, exact to the sample.

Each element rises within 5 ms and dies within 5 ms after its end, so that it neither clicks nor loses length.
"""

from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from offhook.dsp.level import amplitude, gain
from offhook.dsp.tonespec import Element, Tone

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]

_EDGE_MS = 5
_DEPTH = 0.9  # of amplitude modulation
_LONGEST_READ = 4096


class ToneGenerator:
    """Plays one tone at one sampling rate, period by period, from tables that are made at the start."""

    def __init__(self, tone: Tone, rate: int) -> None:
        """``rate`` is samples a second: 8000, 16000, 48000, any whole kilohertz."""
        self._tone = tone
        self._rate = rate
        count = rate * _EDGE_MS // 1000
        rise = (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2
        self._rise: Floats = rise.astype(np.float32)
        self._tables = {
            (element.frequencies, element.modulation): _table(element, tone.dbm0, rate) for element in tone.elements
        }
        self._index = 0  # of the element
        self._at = 0  # samples played of it
        self._clock = 0  # samples played in all; the phase of every frequency
        self._tail: tuple[Samples, int, int] | None = None  # table, its clock's start, samples played of it
        self._ended = False
        self._fresh = True  # the element begins after another sound: it rises

    @property
    def done(self) -> bool:
        """Nothing but silence will come."""
        return self._ended and self._tail is None

    def stop(self) -> None:
        """Die away within 5 ms."""
        if not self._ended:
            self._leave()
            self._ended = True

    def read(self, count: int) -> Samples:
        """Return the next ``count`` samples."""
        out = np.zeros(count, np.int16)
        filled = 0
        while filled < count:
            filled += self._fill(out[filled : filled + _LONGEST_READ])
        if self._tone.rise_db:
            self._swell(out)
        return out

    def _fill(self, out: Samples) -> int:
        """Play into ``out`` up to the end of the element; return how many samples."""
        count = len(out)
        if not self._ended:
            element = self._tone.elements[self._index]
            if element.ms is not None:
                count = min(count, element.ms * self._rate // 1000 - self._at)
            if element.frequencies:
                self._sound(out[:count], element)
            self._at += count
        if self._tail is not None:
            self._fade(out[:count])
        self._clock += count
        if not self._ended and element.ms is not None and self._at >= element.ms * self._rate // 1000:
            self._advance(element)
        return count

    def _sound(self, out: Samples, element: Element) -> None:
        table = self._tables[element.frequencies, element.modulation]
        _copy(out, table, self._clock)
        if self._fresh and self._at < len(self._rise):
            rise = self._rise[self._at : self._at + len(out)]
            out[: len(rise)] = np.rint(out[: len(rise)] * rise)

    def _fade(self, out: Samples) -> None:
        """Add what is left of the sound that ended."""
        assert self._tail is not None
        table, begin, played = self._tail
        fall = self._rise[::-1][played : played + len(out)]
        rest = np.empty(len(fall), np.int16)
        _copy(rest, table, begin + played)
        out[: len(fall)] += np.rint(rest * fall).astype(np.int16)
        played += len(fall)
        self._tail = (table, begin, played) if played < len(self._rise) else None

    def _leave(self) -> None:
        element = self._tone.elements[self._index]
        if element.frequencies:
            table = self._tables[element.frequencies, element.modulation]
            self._tail = (table, self._clock, 0)

    def _advance(self, element: Element) -> None:
        elements = self._tone.elements
        index = self._index + 1
        if index == len(elements):
            index = next((i for i, candidate in enumerate(elements) if not candidate.once), index)
        self._at = 0
        if index == len(elements):
            self._leave()
            self._ended = True
            return
        same = (element.frequencies, element.modulation) == (elements[index].frequencies, elements[index].modulation)
        if not same:
            self._leave()
        self._fresh = not same
        self._index = index

    def _swell(self, out: Samples) -> None:
        length = self._tone.rise_s * self._rate
        begin = self._clock - len(out)
        if begin >= length:
            return
        softer = self._tone.rise_db
        first, last = (gain(-softer * max(0.0, 1 - at / length)) for at in (begin, self._clock))
        out[:] = np.rint(out * np.linspace(first, last, len(out), endpoint=False))


def _table(element: Element, dbm0: float, rate: int) -> Samples:
    """Return whole periods of an element's sound, and at least one read more."""
    parts = [*element.frequencies, *([element.modulation] if element.modulation else [])]
    length = rate // gcd(rate, *parts)
    t = np.arange(length) / rate
    wave = np.zeros(length)
    for frequency in element.frequencies:
        wave += np.sin(2 * np.pi * frequency * t)
    if element.modulation:
        # The power is that of the carrier alone.
        wave *= (1 + _DEPTH * np.cos(2 * np.pi * element.modulation * t)) / np.sqrt(1 + _DEPTH**2 / 2)
    samples: Samples = np.rint(np.clip(wave * amplitude(dbm0), -32767, 32767)).astype(np.int16)
    return np.tile(samples, ceil(_LONGEST_READ / length) + 1)[: length + _LONGEST_READ]


def _copy(out: Samples, table: Samples, clock: int) -> None:
    begin = clock % (len(table) - _LONGEST_READ)
    out[:] = table[begin : begin + len(out)]
