"""Two ends of a call as the media process runs them, joined by a wire in memory: no clock, card, socket or process."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from offhook.media import messages as msg
from offhook.media.line import MediaLine
from offhook.media.settings import Address, MediaSettings, StreamSettings
from tests.support.wire import Wire

Samples = NDArray[np.int16]
PERIOD = 80
_STREAM = 1


class LineEnd:
    """A line with one stream; its packets come from ``address``, its SSRC is ``first`` where that is given."""

    def __init__(self, address: Address, plan: StreamSettings, seed: int = 1, first: bytes = b"") -> None:
        self.address = address
        self.rtp, self.rtcp = Wire(), Wire()
        self.said: list[msg.FromMedia] = []
        self._random = np.random.default_rng(seed)
        self._first = first
        self.line = MediaLine(MediaSettings("NO"), self.said.append, self._draw, lambda: 1e9)
        self.line.set_active(True)
        self.line.start_stream(_STREAM, plan, self.rtp, self.rtcp, 0.0)

    def _draw(self, count: int) -> bytes:
        first, self._first = self._first, b""
        return first or self._random.bytes(count)

    def update(self, plan: StreamSettings) -> None:
        """Take a new offer and answer."""
        self.line.update_stream(_STREAM, plan)

    def stop(self, now: float) -> None:
        """End the stream."""
        self.line.stop_stream(_STREAM, now)

    @property
    def report(self) -> msg.StreamReport:
        """The last report."""
        return [message for message in self.said if isinstance(message, msg.StreamReport)][-1]


class LinePair:
    """Two ends; ``change(data)`` is what becomes of each RTP packet on its way: those that arrive."""

    def __init__(self, one: LineEnd, two: LineEnd) -> None:
        self.one, self.two = one, two
        self.now = 0.0
        self.change: Callable[[bytes], tuple[bytes, ...]] = lambda data: (data,)
        self.seen: list[bytes] = []

    def talk(self, seconds: float, loudness: int = 8000) -> tuple[Samples, Samples]:
        """Let both speak; return what each heard."""
        heard: tuple[list[Samples], list[Samples]] = ([], [])
        for _ in range(round(seconds * 100)):
            for end, far, ear in ((self.one, self.two, heard[0]), (self.two, self.one, heard[1])):
                tone = np.sin((self.now * 8000 + np.arange(PERIOD)) * 2 * np.pi * 500 / 8000)
                ear.append(end.line.tick((loudness * tone).astype(np.int16), PERIOD, self.now))
                self._carry(end, far)
            self.now += PERIOD / 8000
        return np.concatenate(heard[0]), np.concatenate(heard[1])

    def _carry(self, end: LineEnd, far: LineEnd) -> None:
        for data, _ in end.rtp.sent:
            self.seen.append(data)
            for changed in self.change(data):
                far.rtp.deliver(changed, end.address, self.now)
        for data, _ in end.rtcp.sent:
            self.seen.append(data)
            far.rtcp.deliver(data, (end.address[0], end.address[1] + 1), self.now)
        end.rtp.sent.clear()
        end.rtcp.sent.clear()


def loudness(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples.astype(float) ** 2))) if len(samples) else 0.0
