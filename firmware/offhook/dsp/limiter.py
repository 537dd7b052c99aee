"""The acoustic limiter before the ear: nothing louder than the ceiling ever reaches the receiver capsule.

Its gain looks at a whole period before that is played, falls as fast as the sound rises (within the period, ahead of
the peak) and comes back slowly, so that it neither clips nor pumps. It adds no delay.
"""

import sys
from typing import cast

import numpy as np
from numpy.typing import NDArray

from offhook.dsp.level import FULL_SCALE, gain

Samples = NDArray[np.int16]
_INT16 = np.dtype(np.int16)
_BLOCK_S = 0.00125  # the gain's shape within a period is made of lines of this length
_HIGH_OCTETS = slice(1 if sys.byteorder == "little" else 0, None, 2)  # of int16 samples


class Limiter:
    """State of one ear."""

    def __init__(self, ceiling_dbfs: float, rate: int, release_s: float = 0.3) -> None:
        """``ceiling_dbfs`` is the highest peak, relative to full scale; the gain comes back within ``release_s``."""
        self.ceiling = FULL_SCALE * gain(min(ceiling_dbfs, 0.0))
        self._block = max(1, int(rate * _BLOCK_S))
        self._recovery = float(np.exp(-self._block / (release_s * rate)))
        self._gain = 1.0
        # The high octets of samples that are safely below the ceiling, as two's complement.
        high = int(self.ceiling) >> 8
        self._soft = bytes(octet & 0xFF for octet in range(-high, high))

    def process(self, samples: NDArray[np.int16] | NDArray[np.float32]) -> Samples:
        """Return a period of int16 samples, none above the ceiling; float samples may exceed the int16 range."""
        if self._gain >= 0.9999:
            self._gain = 1.0
            if samples.dtype == _INT16 and self._is_soft(cast(Samples, samples)):
                return cast(Samples, samples)
            if float(np.max(samples)) <= self.ceiling and float(np.min(samples)) >= -self.ceiling:
                return np.rint(samples).astype(np.int16)
        return self._limit(samples)

    def _is_soft(self, samples: Samples) -> bool:
        """Return whether no sample can be above the ceiling; for the usual period, in a tenth of max()'s time."""
        return not samples.tobytes()[_HIGH_OCTETS].translate(None, self._soft)

    def _limit(self, samples: NDArray[np.int16] | NDArray[np.float32]) -> Samples:
        size = self._block
        wide = samples.astype(np.float32)
        count = -(-len(wide) // size)
        padded = np.zeros(count * size, np.float32)
        padded[: len(wide)] = np.abs(wide)
        peaks = padded.reshape(count, size).max(axis=1)
        allowed = np.minimum(1.0, self.ceiling / np.maximum(peaks, 1.0))
        # A corner of the gain's line belongs to the blocks on both sides of it: it must satisfy the lower of the two.
        corners = np.empty(count + 1)
        corners[0] = min(self._gain, allowed[0])
        for index in range(1, count + 1):
            ahead = allowed[index] if index < count else 1.0
            risen = 1.0 - (1.0 - corners[index - 1]) * self._recovery
            corners[index] = min(risen, allowed[index - 1], ahead)
        curve = np.interp(np.arange(count * size) / size, np.arange(count + 1), corners)[: len(wide)]
        self._gain = float(corners[-1])
        limited = np.rint(wide * curve)
        return np.clip(limited, -self.ceiling, self.ceiling).astype(np.int16)
