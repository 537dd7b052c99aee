"""``python -m tests.bench.dsp [cost] [jitter] [loss]``: what signal processing costs and how well it does.

cost: microseconds per call, smallest of nine runs; jitter: delay and made-up sound on seeded paths, beside fixed
buffers and a model of NetEQ's delay manager; loss: PESQ of recorded prompts (needs asterisk-core-sounds-en-wav).
"""

import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from timeit import repeat

import numpy as np

from offhook.dsp.codecs import g711
from offhook.dsp.conceal import Concealer
from offhook.dsp.drift import lengthen, shorten
from offhook.dsp.limiter import Limiter
from offhook.dsp.playout import Playout
from offhook.dsp.regions import plan
from offhook.dsp.resample import Downsampler, Upsampler
from offhook.dsp.tones import ToneGenerator
from offhook.rtp.jitter import JitterBuffer
from offhook.rtp.packet import RtpPacket
from offhook.rtp.reception import Reception
from tests.support.jitter import PATHS, play, trace

_CALLS = 500


def cost(what: str, call: Callable[[], object], aim: str = "") -> None:
    """One line: the smallest mean of nine runs."""
    call()
    least = min(repeat(call, number=_CALLS, repeat=9)) / _CALLS * 1e6
    print(f"| {what} | {least:.2f} us | {aim} |", flush=True)


def bench_cost() -> None:
    """Microseconds per call."""
    noise = np.random.default_rng(1)
    speech = np.rint(3000 * np.sin(np.arange(1600) / 9) + noise.normal(0, 100, 1600)).astype(np.int16)
    frame, wide = speech[:160], np.repeat(speech[:160], 6)
    payload = g711.encode_ulaw(frame).tobytes()
    packet = RtpPacket(0, 7, 1120, 99, payload)
    data = packet.serialize()
    cost("G.711 encode, 160 samples", lambda: g711.encode_ulaw(frame), "0.8")
    cost("G.711 decode, 160 samples", lambda: g711.decode_ulaw(payload), "0.8")
    cost("RTP parse", lambda: RtpPacket.parse(data), "0.5")
    cost("RTP build", lambda: RtpPacket(0, 7, 1120, 99, payload).serialize(), "0.1")
    reception = Reception(99)
    cost("reception statistics, one packet", lambda: reception.packet(7, 1120, 0.1))
    for period in (80, 160):
        up, down = Upsampler(6), Downsampler(6)
        ear, mouth = speech[:period], wide[: 6 * period]
        cost(f"8 to 48 kHz, {period} samples", partial(up.process, ear), "4.0")
        cost(f"48 to 8 kHz, {6 * period} samples", partial(down.process, mouth), "9.2")
    limiter, loud = Limiter(-6, 8000), np.full(80, 30000, np.int16)
    cost("limiter at rest, 80 samples", lambda: limiter.process(frame[:80]))
    cost("limiter at work, 80 samples", lambda: limiter.process(loud))
    dial = ToneGenerator(plan("US").tone("dial"), 48000)
    cost("dial tone, 480 samples at 48 kHz", lambda: dial.read(480))
    cost("making a tone generator, 8 kHz", lambda: ToneGenerator(plan("US").tone("dial"), 8000))
    concealer = Concealer()
    cost("concealer, 80 samples that arrived", lambda: concealer.good(frame[:80]))
    cost(
        "first 10 ms of a loss, and the return", lambda: (concealer.conceal(80), concealer.good(frame[:80])), "100-250"
    )
    cost("shorten by a pitch period", lambda: shorten(speech[:200], 120), "24")
    cost("lengthen by a pitch period", lambda: lengthen(speech[:160], speech[160:240], 80), "24")
    cost("20 ms of a call: put, two gets, decode, conceal", _call_step(payload))


def _call_step(payload: bytes) -> Callable[[], object]:
    buffer = JitterBuffer()
    playout = Playout(buffer, {0: g711.PCMU})
    at = 0

    def step() -> None:
        nonlocal at
        buffer.put(RtpPacket(0, at & 0xFFFF, at * 160, 1, payload), at * 0.02)
        playout.read(80, at * 0.02)
        playout.read(80, at * 0.02 + 0.01)
        at += 1

    return step


def bench_jitter() -> None:
    """Delay over the fastest packet (ms, the grid of periods included) / percent made up or late."""
    print("| path, 5 min | quantiles 50/95/99/100 % | ours | NetEQ (model) | fixed 20 | 40 | 60 | 100 |")
    for path in PATHS:
        delays = [trace(path, 15_000, seed) for seed in (1, 2, 3)]
        ours = [play(delay, phase=0.003 * seed) for seed, delay in enumerate(delays)]
        waits = np.mean([call.delays.mean() for call in ours])
        made_up = 100 * np.mean([call.concealed for call in ours])
        models = [netq(delay) for delay in delays]
        model = "/".join(
            f"{value:.2f}" if index else f"{value:.0f}" for index, value in enumerate(np.mean(models, axis=0))
        )
        over = np.concatenate([delay - delay.min() for delay in delays]) * 1000
        quantiles = "/".join(f"{value:.0f}" for value in np.quantile(over, [0.5, 0.95, 0.99, 1]))
        fixed = " | ".join(f"{100 * np.mean(over > depth):.2f}" for depth in (20, 40, 60, 100))
        print(f"| {path} | {quantiles} | {waits:.0f}/{made_up:.2f} | {model} | {fixed} |", flush=True)


def netq(delays: np.ndarray) -> tuple[float, float]:
    """Mean target (ms) and percent late of NetEQ's delay manager, idealised: the delay may change with each packet.

    Relative delay over the least of 2 s; the greatest of each 500 ms goes into a histogram of 20 ms bins that forgets
    by 0.983; the target is the end of the bin of the 95th percentile, at first 80 ms.
    """
    history: deque[float] = deque(maxlen=100)
    weights = np.zeros(100)
    target, targets, late, worst = 0.08, [], 0, 0.0
    for index, delay in enumerate(delays):
        history.append(float(delay))
        relative = delay - min(history)
        late += relative > target
        targets.append(target)
        worst = max(worst, relative)
        if index % 25 == 24:
            weights *= 0.983
            weights[min(int(worst / 0.02), 99)] += 0.017
            target = 0.02 * (1 + int(np.searchsorted(np.cumsum(weights) / weights.sum(), 0.95)))
            worst = 0.0
    return float(np.mean(targets) * 1000), 100 * late / len(delays)


def bench_loss() -> None:
    """PESQ-NB of recorded prompts, PCMU in 20 ms packets."""
    from tests.dsp.test_conceal import score

    print("| loss | silence | last packet again | ours |")
    for rate, burst in ((0.01, 1), (0.03, 1), (0.05, 1), (0.1, 1), (0.03, 2), (0.05, 2), (0.1, 2)):
        cells = [score(rate, burst, 4, 7, make) for make in (Silence, Repetition, Concealer)]
        kind = "random" if burst == 1 else f"bursts of {burst}"
        print(f"| {100 * rate:.0f} % {kind} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


class Silence:
    """Puts silence where something was lost."""

    def good(self, samples: np.ndarray) -> np.ndarray:
        return samples

    def conceal(self, count: int) -> np.ndarray:
        return np.zeros(count, np.int16)


class Repetition(Silence):
    """Plays the last 20 ms again, each time softer."""

    def __init__(self) -> None:
        self._last: deque[np.ndarray] = deque([np.zeros(80, np.int16)] * 2, maxlen=2)

    def good(self, samples: np.ndarray) -> np.ndarray:
        self._last.append(samples)
        return samples

    def conceal(self, count: int) -> np.ndarray:
        again = np.rint(self._last[0] * 0.84).astype(np.int16)
        self._last.append(again)
        return again


PARTS = {"cost": bench_cost, "jitter": bench_jitter, "loss": bench_loss}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()
