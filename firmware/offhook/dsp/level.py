"""Levels: dBm0 and dBFS to amplitude and back, and a meter.

0 dBm0 is 3.14 dB below the level of a sine that fills the A-law range (ITU-T G.711, table 5 note); mu-law's 3.17
differs by less than anybody hears. dBFS is relative to a sine of full scale.
"""

from math import log10, sqrt

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32767.0
OVERLOAD_DBM0 = 3.14
SILENCE_DBFS = -100.0


def gain(decibels: float) -> float:
    """Return the factor of amplitude for a gain in decibels."""
    return float(10.0 ** (decibels / 20.0))


def amplitude(dbm0: float) -> float:
    """Return the peak of a sine at ``dbm0``, in int16 units."""
    return FULL_SCALE * gain(dbm0 - OVERLOAD_DBM0)


def dbm0(samples: NDArray[np.int16]) -> float:
    """Return the level of ``samples`` in dBm0."""
    return dbfs(samples) + OVERLOAD_DBM0


def dbfs(samples: NDArray[np.int16]) -> float:
    """Return the RMS level of ``samples`` relative to a full-scale sine, -100 for silence."""
    wide = samples.astype(np.float32)
    power = float(wide @ wide) / max(len(samples), 1)
    if power < 0.01:
        return SILENCE_DBFS
    return 20.0 * log10(sqrt(2.0 * power) / FULL_SCALE)


class Meter:
    """A level meter that rises at once and falls slowly, for status and voice activity."""

    def __init__(self, fall_db: float = 0.5) -> None:
        """``fall_db`` is how much it falls with each reading that is softer."""
        self._fall = fall_db
        self.value = SILENCE_DBFS

    def feed(self, samples: NDArray[np.int16]) -> float:
        """Take one period and return the reading in dBFS."""
        self.value = max(dbfs(samples), self.value - self._fall, SILENCE_DBFS)
        return self.value
