"""Whether a pure tone is in a recording: how much of the sound is that tone, second by second."""

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.1
_SPAN_HZ = 25.0
_QUIET = 1e-3  # -60 dBFS
Sound = NDArray[np.float64]


def share(sound: Sound, rate: int, hz: float) -> NDArray[np.float64]:
    """For each tenth of a second, which part of its energy is within 25 Hz of ``hz``; 0 where it is silent.

    ``sound``: -1..1 at ``rate``.
    """
    size = int(rate * WINDOW_S)
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    shape = np.hanning(size)
    power = np.abs(np.fft.rfft(windows * shape, axis=1)) ** 2
    near = np.abs(np.fft.rfftfreq(size, 1 / rate) - hz) <= _SPAN_HZ
    total = power.sum(axis=1)
    loud = np.sqrt((windows**2).mean(axis=1)) >= _QUIET
    return np.where(loud, power[:, near].sum(axis=1) / np.maximum(total, 1e-12), 0.0)


def seconds_of(sound: Sound, rate: int, hz: float) -> float:
    """For how long the tone is what is heard; a gap or a click costs its own tenth of a second only."""
    return float((share(sound, rate, hz) > 0.7).sum() * WINDOW_S)


def onset(sound: Sound, rate: int, hz: float) -> float | None:
    """When the tone is heard first, in seconds from the start of the recording."""
    found = np.flatnonzero(share(sound, rate, hz) > 0.7)
    return float(found[0] * WINDOW_S) if len(found) else None


def tone(hz: float, seconds: float, rate: int, level: float = 0.2) -> Sound:
    """A sine of this amplitude."""
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
