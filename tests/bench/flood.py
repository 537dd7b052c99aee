"""What a flood of junk SIP messages does to the media process: how late its ticks are, and whether sound breaks."""

import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.ends import FAR, baresip_at, phone_at, say
from tests.e2e.test_hostile import junk, probing
from tests.support.phone import Phone
from tests.support.speech import Speech
from tests.support.virtual_card import VirtualCard

# The least that could be late on this machine: a real-time process that only sleeps to a beat of 10 ms.
_SLEEPER = """
import os, sys, time, ctypes
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
except OSError:
    pass
late, due = [], time.clock_gettime_ns(time.CLOCK_MONOTONIC)
for _ in range(int(sys.argv[1])):
    due += 10_000_000
    time.sleep(max(0, due - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) / 1e9)
    late.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - due)
late.sort()
print(*(late[min(len(late) - 1, int(len(late) * share))] / 1e6 for share in (0.5, 0.99, 0.999, 1.0)))
"""


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late ticks were, in ms: median, 99 %, 99.9 %, worst; xruns meanwhile; whether SCHED_FIFO was granted."""

    p50: float
    p99: float
    p999: float
    most: float
    xruns: int
    realtime: bool


def call_under_flood(folder: Path, speech: Speech, seconds: float, rate: int) -> tuple[Lateness, Lateness]:
    """A call with junk at the SIP port, ``rate`` a second (0: none); the phone's ticks, and a mere sleeper's."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        cards = [stack.enter_context(VirtualCard(folder, name, rate=48000)) for name in ("ours", "theirs")]
        peer = stack.enter_context(baresip_at(folder / "peer", cards[1], 48000))
        phone = stack.enter_context(phone_at(folder / "phone", cards[0], peer.address))
        phone.call(FAR.user)
        phone.wait_for("call", state="talking")
        for card in cards:
            say(card, speech.samples[: int(8000 * seconds)])
        xruns = phone.status()["audio"]["xruns"]
        command = [sys.executable, "-c", _SLEEPER, str(int(seconds * 100))]
        sleeper = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        _flood(phone, seconds, rate)
        output, _ = sleeper.communicate(timeout=30)
        audio = phone.status()["audio"]
        p50, p99, p999, most = (float(audio[f"late_{name}_ms"]) for name in ("p50", "p99", "p999", "max"))
        ours = Lateness(p50, p99, p999, most, audio["xruns"] - xruns, bool(audio["realtime"]))
        p50, p99, p999, most = map(float, output.split())
        return ours, Lateness(p50, p99, p999, most, 0, _may_be_realtime())


def _flood(phone: Phone, seconds: float, rate: int) -> None:
    chance = random.Random(5)
    with probing(phone) as prober:
        messages = [junk(chance, prober) for _ in range(1000)]
        begin = time.monotonic()
        for index in range(int(seconds * rate)):
            prober.send(messages[index % len(messages)])
            left = begin + index / rate - time.monotonic()
            if left > 0:
                time.sleep(left)
        time.sleep(max(0.0, begin + seconds - time.monotonic()) + 1.2)  # and until the next heartbeat
        assert prober.alive()


def _may_be_realtime() -> bool:
    return os.sched_get_priority_max(os.SCHED_FIFO) > 0 and os.geteuid() == 0
