"""Secured streams between two real media processes over loopback, IPv4 and IPv6, without cards."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from offhook.engine import mediaclient
from offhook.engine.mediaclient import MediaClient
from offhook.engine.rtpports import RtpPorts, RtpSockets
from offhook.media import messages as msg
from offhook.media.settings import CryptoPair, MediaSettings, SrtpKey, StreamSettings
from tests.support.engine_bench import PORTS

FIRST = SrtpKey("AES_CM_128_HMAC_SHA1_80", "5ec2e7" * 10)
SECOND = SrtpKey("AES_CM_128_HMAC_SHA1_80", "a17ea1" * 10)


class Side:
    """A media process and what it said."""

    def __init__(self, ip: str, srtp: bool = True) -> None:
        self.said: list[msg.FromMedia] = []
        self.ip = ip
        self.client = MediaClient(MediaSettings("NO", None, None, srtp=srtp), self.said.append)
        self.sockets = self.take()

    def take(self) -> RtpSockets:
        first = next(PORTS)
        return RtpPorts(first, first + 18).take(self.ip)

    @property
    def report(self) -> msg.StreamReport | None:
        reports = [message for message in self.said if isinstance(message, msg.StreamReport)]
        return reports[-1] if reports else None

    @property
    def received(self) -> int:
        return self.report.rx if self.report else 0

    def maps(self) -> str:
        """The libraries that the process has loaded."""
        return Path(f"/proc/{self.client.pid}/maps").read_text()


def plan(to: Side, crypto: CryptoPair | None) -> StreamSettings:
    return StreamSettings(
        (to.ip, to.sockets.port), "PCMU", 0, receive_payload_types={0: "PCMU"}, crypto=crypto, symmetric=False
    )


async def until(what: Callable[[], object], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.02)


def between(ip: str, story: Callable[[Side, Side], Awaitable[None]], srtp: bool = True) -> None:
    async def main() -> None:
        one, two = Side(ip, srtp), Side(ip, srtp)
        try:
            for side in (one, two):
                await side.client.start()
            await story(one, two)
        finally:
            for side in (one, two):
                await side.client.stop()
                side.sockets.close()

    asyncio.run(main())


def start(one: Side, two: Side, crypto: bool = True) -> None:
    keys = (CryptoPair(FIRST, (SECOND,)), CryptoPair(SECOND, (FIRST,))) if crypto else (None, None)
    one.client.start_stream(1, plan(two, keys[0]), one.sockets.rtp, one.sockets.rtcp)
    two.client.start_stream(1, plan(one, keys[1]), two.sockets.rtp, two.sockets.rtcp)


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_packets_arrive_and_none_is_rejected(ip: str) -> None:
    async def story(one: Side, two: Side) -> None:
        start(one, two)
        await until(lambda: min(one.received, two.received) > 60)
        assert one.report is not None
        assert two.report is not None
        assert one.report.rejected == two.report.rejected == 0
        assert "pylibsrtp" in one.maps()

    between(ip, story)


def test_a_phone_that_secures_nothing_never_loads_srtp() -> None:
    async def story(one: Side, two: Side) -> None:
        start(one, two, crypto=False)
        await until(lambda: min(one.received, two.received) > 20)
        assert "pylibsrtp" not in one.maps()

    between("127.0.0.1", story, srtp=False)


def test_an_injector_is_counted_and_not_heard_and_keys_are_in_memory_only() -> None:
    async def story(one: Side, two: Side) -> None:
        start(one, two)
        await until(lambda: one.received > 20)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            begin = time.monotonic()
            while one.report is None or one.report.rejected < 20:
                stranger.sendto(b"\x80\0" + bytes(10) + bytes(160), (one.ip, one.sockets.port))
                await asyncio.sleep(0.02)
                assert time.monotonic() - begin < 15
        for name in ("cmdline", "environ"):
            assert FIRST.master.encode() not in Path(f"/proc/{one.client.pid}/{name}").read_bytes()

    between("127.0.0.1", story)


def test_a_media_process_that_dies_is_replaced_within_a_secured_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediaclient, "_RESTART_S", 0.0)

    async def story(one: Side, two: Side) -> None:
        start(one, two)
        await until(lambda: min(one.received, two.received) > 20)
        pid = one.client.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: one.client.pid not in (None, pid))
        one.said.clear()
        before = two.received
        await until(lambda: one.received > 60 and two.received > before + 60)
        assert one.report is not None
        assert one.report.rejected == 0

    between("127.0.0.1", story)


def test_a_stream_moves_to_other_sockets_and_goes_on() -> None:
    async def story(one: Side, two: Side) -> None:
        start(one, two)
        await until(lambda: min(one.received, two.received) > 20)
        old, one.sockets = one.sockets, one.take()
        new = SrtpKey("AES_CM_128_HMAC_SHA1_80", "0b5e55" * 10)
        one.client.move_stream(1, plan(two, CryptoPair(new, (SECOND,))), one.sockets.rtp, one.sockets.rtcp)
        two.client.update_stream(1, plan(one, CryptoPair(SECOND, (new,))))
        old.close()
        before = one.received, two.received
        await until(lambda: one.received > before[0] + 60 and two.received > before[1] + 60)
        assert one.report is not None
        assert two.report is not None
        assert max(one.report.rejected, two.report.rejected) <= 5, "the few that overtook the news"

    between("127.0.0.1", story)
