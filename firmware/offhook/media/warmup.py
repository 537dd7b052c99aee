"""A moment of a call with nobody, before the first: what runs for the first time is slow for the first time."""

import importlib
from collections import deque

import numpy as np

from offhook.media.line import MediaLine
from offhook.media.settings import Address, MediaSettings, StreamSettings

_NOWHERE = ("", 0)
_LOST = 7  # each so manieth packet, so that concealment is warm too
_LENGTH_MS = 300  # no line of code runs for the first time after that


class _Loop:
    """A channel that brings back what it is sent, with losses."""

    def __init__(self) -> None:
        self._packets: deque[bytes] = deque()
        self._count = 0
        self.now = 0.0

    def send(self, data: bytes, remote: Address) -> None:
        self._count += 1
        if self._count % _LOST:
            self._packets.append(data)

    def receive(self) -> list[tuple[bytes, Address, float]]:
        packets = [(data, _NOWHERE, self.now) for data in self._packets]
        self._packets.clear()
        return packets

    def close(self) -> None:
        self._packets.clear()


def warm_up(settings: MediaSettings) -> None:
    """Run every path of a call once, in some 10 ms of work: code, tables and memory are in place from then on."""
    line = MediaLine(settings, lambda message: None)
    rtp, rtcp = _Loop(), _Loop()
    line.set_active(True)
    line.play_tone("dial")
    line.start_stream(0, StreamSettings(_NOWHERE, "PCMU", 0), rtp, rtcp, 0.0)
    count = 8 * settings.period_ms
    mic = (1000 * np.sin(np.arange(count) / 3)).astype(np.int16)
    for tick in range(_LENGTH_MS // settings.period_ms):
        rtp.now = tick * settings.period_ms / 1000
        line.tick(mic, count, rtp.now)
    line.close(rtp.now)


def load_srtp() -> None:
    """Load what secured streams need, which takes too long within a call; once it is there this takes no time."""
    importlib.import_module("offhook.media.srtp")
