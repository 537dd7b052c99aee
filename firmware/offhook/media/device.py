"""What the media loop asks of a sound device, be it a card or the clock."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
RATE = 8000


class AudioDevice(Protocol):
    """A microphone that beats time and an ear piece beside it; int16 mono at :data:`RATE`, whatever the hardware is.

    The loop polls :meth:`descriptors` until :meth:`deadline`, gives what poll said to :meth:`ready`, and while that is
    true calls :meth:`read`; for each frame that it gets, it writes :meth:`wanted` samples. Each call may raise
    :class:`offhook.errors.DeviceError`: then the device is gone and must be opened anew.
    """

    capture: str
    playback: str
    xruns: int
    changed: bool

    def descriptors(self) -> Sequence[tuple[int, int]]:
        """Return ``(fd, poll mask)`` pairs; they may have changed where :attr:`changed` is true."""

    def deadline(self) -> float | None:
        """Return when the next period is due by the clock, None where a descriptor says so."""

    def ready(self, events: Sequence[tuple[int, int]], now: float) -> bool:
        """Return whether a period can be read; ``events`` is what poll returned."""

    def read(self, now: float) -> Samples | None:
        """Return what the microphone heard in a period, or None until the next :meth:`ready`."""

    def wanted(self) -> int:
        """Return how many samples the ear needs now; about a period, more or less by the two clocks' difference."""

    def write(self, samples: Samples) -> None:
        """Hand samples to the ear."""

    def close(self) -> None:
        """Let go of the hardware at once; what is queued is not played."""
