"""Two media processes face to face over loopback, without SIP: delay, CPU, memory, lateness of ticks.

``PYTHONPATH=firmware python -m tests.bench.media [SECONDS]``
Each has a virtual card; the mouth of one is the ear of the other. Delay is taken from the cards' own time stamps.
"""

import asyncio
import shutil
import socket
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offhook.media import messages as msg
from offhook.media.settings import StreamSettings
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


def _join(phones: tuple[MediaPhone, MediaPhone]) -> list[socket.socket]:
    ports = [_bind(), _bind()]
    for phone, own, other in zip(phones, ports, reversed(ports), strict=True):
        plan = StreamSettings(
            other[0].getsockname(), "PCMU", 0, remote_rtcp=other[1].getsockname(), receive_payload_types={0: "PCMU"}
        )
        phone.client.set_active(True)
        phone.client.start_stream(1, plan, *own)
    return [sock for pair in ports for sock in pair]


def _speech(seconds: float) -> Samples:
    voices = sorted(PROMPTS.glob("*.wav"), key=lambda path: -path.stat().st_size)
    data = np.concatenate([read_wav(path) for path in voices[:20]])[: int(8000 * seconds)]
    return np.round(data * 32767).astype(np.int16)


async def measure(period_ms: int, seconds: float, rate: int = 8000) -> MediaFigures:
    """Run a call of ``seconds`` in which both sides speak."""
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
                sockets = _join((a, b))
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


def main() -> None:
    """Print a table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    print("period  card    mouth to ear  CPU-s/min  PSS MB  late p99.9  max ms  xruns  SCHED_FIFO")
    for period_ms in (10, 20):
        for rate in (8000, 48000):
            f = asyncio.run(measure(period_ms, seconds, rate))
            print(
                f"{period_ms:3d} ms  {rate // 1000:2d} kHz  {f.mouth_to_ear_ms:9.1f} ms {f.cpu_s_per_minute:10.2f} "
                f"{f.pss_mb:7.1f} {f.late_p999_ms:11.2f} {f.late_max_ms:7.2f} {f.xruns:6d}  {f.realtime}"
            )


if __name__ == "__main__":
    main()
