"""Paths with jitter, and a call played over them in virtual time.

The traces are FIFO queues with cross traffic, seeded. Their quantiles (ms of delay over the fastest packet) are about
those of the paths that they are named after: p50/p95/p99/max LAN 0/1/1/5, DSL 2/8/13/21, Wi-Fi 2/11/28/150, LTE
7/19/44/235.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from offhook.dsp.codecs import g711
from offhook.dsp.playout import Playout
from offhook.rtp.jitter import JitterBuffer, JitterSettings
from offhook.rtp.packet import RtpPacket

RATE = 8000
FRAME = 160
START = 0xFFFF_0000  # of the timestamps: they wrap after 8 s


def lan(noise: np.random.Generator, count: int) -> np.ndarray:
    return noise.gamma(1.0, 0.0002, count) + (noise.random(count) < 0.02) * noise.exponential(0.001, count)


def dsl(noise: np.random.Generator, count: int) -> np.ndarray:
    def bursts() -> Iterator[float]:
        queue = 0.0
        for _ in range(count):
            queue = max(0.0, queue - 0.02)
            if noise.random() < 0.25:
                queue += noise.exponential(0.006)
            queue = min(queue, 0.03)
            yield queue * 0.6

    return np.fromiter(bursts(), float, count) + noise.random(count) * 0.003


def wifi(noise: np.random.Generator, count: int) -> np.ndarray:
    def contention() -> Iterator[float]:
        queue = 0.0
        for _ in range(count):
            queue = max(0.0, queue - 0.02)
            if noise.random() < 0.15:
                queue += noise.exponential(0.006)
            if noise.random() < 0.002:
                queue += noise.uniform(0.04, 0.16)
            yield queue

    return np.fromiter(contention(), float, count) + noise.exponential(0.002, count)


def lte(noise: np.random.Generator, count: int) -> np.ndarray:
    def scheduling() -> Iterator[float]:
        queue = 0.0
        for _ in range(count):
            queue = max(0.0, queue - 0.02)
            if noise.random() < 0.0007:
                queue += noise.uniform(0.06, 0.25)
            if noise.random() < 0.1:
                queue += noise.exponential(0.012)
            yield queue

    return np.fromiter(scheduling(), float, count) + np.abs(noise.normal(0.006, 0.004, count))


PATHS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {"LAN": lan, "DSL": dsl, "Wi-Fi": wifi, "LTE": lte}


def trace(path: str, count: int, seed: int) -> np.ndarray:
    """Return the delay of each of ``count`` packets, in seconds."""
    return PATHS[path](np.random.default_rng(seed), count)


@dataclass
class Played:
    """What came of a call.

    Attributes:
        buffer: the jitter buffer, for its statistics.
        sound: what the ear heard.
        delays: ms between a sample's place on the fastest path and its period's beginning, for each period.
        concealed: share of the samples that were made up.
    """

    buffer: JitterBuffer
    sound: np.ndarray
    delays: np.ndarray = field(repr=False)
    concealed: float


def play(
    delays: np.ndarray,
    *,
    sound: np.ndarray | None = None,
    lost: np.ndarray | None = None,
    period: int = 80,
    frame: int = FRAME,
    ppm: float = 0.0,
    phase: float = 0.0,
    lateness: float = 0.0002,
    seed: int = 1,
    settings: JitterSettings | None = None,
) -> Played:
    """Play a call whose packets take ``delays``; ``ppm`` is how much slower the sender's clock is than ours."""
    noise = np.random.default_rng(seed)
    count = len(delays)
    coded = g711.encode_ulaw(np.zeros(count * frame, np.int16) if sound is None else sound[: count * frame])
    base = 0.05
    arrivals = sorted(
        (index * frame / RATE * (1 + ppm * 1e-6) + delays[index] + base, index)
        for index in range(count)
        if lost is None or not lost[index]
    )
    buffer = JitterBuffer(settings)
    playout = Playout(buffer, {0: g711.PCMU})
    heard, waits = [], []
    at, now = 0, phase
    while now < count * frame / RATE:
        wake = now + (noise.exponential(lateness) if lateness else 0.0)
        while at < len(arrivals) and arrivals[at][0] <= wake:
            arrival, index = arrivals[at]
            at += 1
            payload = coded[index * frame : (index + 1) * frame].tobytes()
            stamp = (START + index * frame) & 0xFFFFFFFF
            buffer.put(RtpPacket(0, index & 0xFFFF, stamp, 7, payload), arrival)
        heard.append(playout.read(period, wake))
        if buffer.statistics.played_samples:
            waits.append(buffer.delay_ms)
        now += period / RATE
    joined = np.concatenate(heard)
    return Played(buffer, joined, np.array(waits), playout.concealed / len(joined))
