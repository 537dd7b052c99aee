"""Two media processes face to face over loopback, without SIP: delay, CPU, memory, lateness of ticks.

``PYTHONPATH=firmware python -m tests.bench.media [SECONDS]``
Each has a virtual card; the mouth of one is the ear of the other. Delay is taken from the cards' own time stamps.
"""

import asyncio
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from typing import cast

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from offhook.media import messages as msg
from offhook.media.settings import CryptoPair, SrtpKey, StreamSettings, Suite
from offhook.media.srtp import Srtp
from offhook.rtp.packet import RtpPacket
from offhook.sdp.crypto import SUITES
from tests.bench.delay import mouth_to_ear_s
from tests.bench.processes import cpu_seconds, memory
from tests.support.media_phone import MediaPhone, media_phone, memory_directory
from tests.support.speech import PROMPTS, read_wav
from tests.support.virtual_card import VirtualCard

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class MediaFigures:
    """What one direction and one process cost; times in ms, CPU in seconds a minute, memory in MB PSS."""

    mouth_to_ear_ms: float
    cpu_s_per_minute: float
    pss_mb: float
    late_p999_ms: float
    late_max_ms: float
    xruns: int
    realtime: bool


def _bind() -> tuple[socket.socket, socket.socket]:
    pair = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for sock in pair:
        sock.bind(("127.0.0.1", 0))
    return pair


def _join(phones: tuple[MediaPhone, MediaPhone], suite: Suite | None) -> list[socket.socket]:
    ports = [_bind(), _bind()]
    keys = [SrtpKey(suite, os.urandom(SUITES[suite].key + SUITES[suite].salt).hex()) for _ in ports] if suite else []
    for phone, own, other in zip(phones, ports, reversed(ports), strict=True):
        plan = StreamSettings(
            other[0].getsockname(), "PCMU", 0, remote_rtcp=other[1].getsockname(), receive_payload_types={0: "PCMU"}
        )
        if keys:
            plan = replace(plan, crypto=CryptoPair(keys[0], (keys[1],)))
            keys.reverse()
        phone.client.set_active(True)
        phone.client.start_stream(1, plan, *own)
    return [sock for pair in ports for sock in pair]


def _speech(seconds: float) -> Samples:
    voices = sorted(PROMPTS.glob("*.wav"), key=lambda path: -path.stat().st_size)
    data = np.concatenate([read_wav(path) for path in voices[:20]])[: int(8000 * seconds)]
    return np.round(data * 32767).astype(np.int16)


async def measure(period_ms: int, seconds: float, rate: int = 8000, suite: Suite | None = None) -> MediaFigures:
    """Run a call of ``seconds`` in which both sides speak, plain or secured."""
    folder = memory_directory()
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    try:
        with VirtualCard(folder / "a", rate=rate) as one, VirtualCard(folder / "b", rate=rate) as two:
            async with (
                media_phone(one, directory=folder / "a", period_ms=period_ms) as a,
                media_phone(two, directory=folder / "b", period_ms=period_ms) as b,
            ):
                await a.ready()
                await b.ready()
                sockets = _join((a, b), suite)
                await asyncio.sleep(1.0)
                speech = np.repeat(_speech(seconds + 4), rate // 8000)
                for card in (one, two):
                    card.speak(speech)
                await asyncio.sleep(2.0)
                pid = a.client.pid or 0
                cpu, begin = cpu_seconds(pid), time.monotonic()
                await asyncio.sleep(seconds)
                cpu, elapsed = cpu_seconds(pid) - cpu, time.monotonic() - begin
                beat = a.of(msg.Heartbeat)[-1]
                assert isinstance(beat, msg.Heartbeat)
                pss = memory(pid).pss
                delay = mouth_to_ear_s(one, two) * 1000
                for sock in sockets:
                    sock.close()
            return MediaFigures(
                delay, cpu / elapsed * 60, pss, beat.late_p999_ms, beat.late_max_ms, beat.xruns, beat.realtime
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def packet_us(suite: Suite | None, count: int = 5000) -> float:
    """Return the microseconds of CPU for a packet made, secured, opened and read again, without any socket."""
    ends = []
    if suite is not None:
        keys = [SrtpKey(suite, os.urandom(SUITES[suite].key + SUITES[suite].salt).hex()) for _ in range(2)]
        ends = [Srtp(CryptoPair(keys[0], (keys[1],))), Srtp(CryptoPair(keys[1], (keys[0],)))]
    payload = bytes(160)
    best = float("inf")
    for turn in range(5):
        begin = time.thread_time()
        for number in range(turn * count, (turn + 1) * count):
            data: bytes | None = RtpPacket(0, number & 0xFFFF, number * 160, 1, payload).serialize()
            if ends and data is not None:
                data = ends[1].unprotect(ends[0].protect(data) or b"", 0.0)
            RtpPacket.parse(data or b"")
        best = min(best, time.thread_time() - begin)
    return best / count * 1e6


def security(seconds: float) -> None:
    """Print what SRTP costs: a packet there and back, and the CPU of a whole call beside that of a plain one."""
    suites: list[Suite | None] = [None, *(cast(Suite, suite) for suite in SUITES)]
    print("\nsuite                     us a packet there and back  CPU-s/min of a call  times that of a plain one")
    plain = 0.0
    for suite in suites:
        f = asyncio.run(measure(10, seconds, 8000, suite))
        plain = plain or f.cpu_s_per_minute
        ratio = f.cpu_s_per_minute / plain
        print(f"{suite or 'plain':<24} {packet_us(suite):27.1f} {f.cpu_s_per_minute:21.2f} {ratio:26.2f}")


def main() -> None:
    """Print the tables."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    print("period  card    mouth to ear  CPU-s/min  PSS MB  late p99.9  max ms  xruns  SCHED_FIFO")
    for period_ms in (10, 20):
        for rate in (8000, 48000):
            f = asyncio.run(measure(period_ms, seconds, rate))
            print(
                f"{period_ms:3d} ms  {rate // 1000:2d} kHz  {f.mouth_to_ear_ms:9.1f} ms {f.cpu_s_per_minute:10.2f} "
                f"{f.pss_mb:7.1f} {f.late_p999_ms:11.2f} {f.late_max_ms:7.2f} {f.xruns:6d}  {f.realtime}"
            )
    security(seconds)


if __name__ == "__main__":
    main()
