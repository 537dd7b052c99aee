import asyncio
import socket

import pytest

from offhook.engine.udp import UdpSocket
from offhook.errors import NetworkError
from tests.support.virtual_loop import run


def test_datagrams_arrive_with_their_sender() -> None:
    async def scenario() -> None:
        got: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        one = UdpSocket(lambda data, remote: got.put_nowait((data, remote)), lambda remote, reason: None)
        two = UdpSocket(lambda data, remote: None, lambda remote, reason: None)
        here, there = one.open("127.0.0.1", 0), two.open("127.0.0.1", 0)
        two.send(b"hello", here)
        assert await got.get() == (b"hello", there)
        one.close()
        two.close()

    run(scenario)


def test_an_unreachable_port_is_reported_with_its_address() -> None:
    async def scenario() -> None:
        failed: asyncio.Queue[tuple[tuple[str, int], str]] = asyncio.Queue()
        one = UdpSocket(lambda data, remote: None, lambda remote, reason: failed.put_nowait((remote, reason)))
        one.open("127.0.0.1", 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            gone = probe.getsockname()
        one.send(b"anybody?", gone)
        remote, reason = await failed.get()
        assert remote == gone
        assert "refused" in reason
        one.close()

    run(scenario)


def test_datagrams_to_others_still_go_after_an_icmp_error() -> None:
    async def scenario() -> None:
        got: asyncio.Queue[bytes] = asyncio.Queue()
        one = UdpSocket(lambda data, remote: None, lambda remote, reason: None)
        two = UdpSocket(lambda data, remote: got.put_nowait(data), lambda remote, reason: None)
        one.open("127.0.0.1", 0)
        there = two.open("127.0.0.1", 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            gone = probe.getsockname()
        for number in range(10):
            one.send(b"lost", gone)
            one.send(b"%d" % number, there)
        assert [await got.get() for _ in range(10)] == [b"%d" % number for number in range(10)]
        one.close()
        two.close()

    run(scenario)


def test_a_taken_port_names_the_setting_to_change() -> None:
    async def scenario() -> None:
        one = UdpSocket(lambda data, remote: None, lambda remote, reason: None)
        two = UdpSocket(lambda data, remote: None, lambda remote, reason: None)
        _, port = one.open("127.0.0.1", 0)
        with pytest.raises(NetworkError, match=r"sip\.listen"):
            two.open("127.0.0.1", port)
        one.close()

    run(scenario)


def test_a_flood_leaves_room_for_timers() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        order: list[str] = []
        one = UdpSocket(lambda data, remote: order.append("datagram"), lambda remote, reason: None)
        here = one.open("127.0.0.1", 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(b"flood", here)
            loop.call_later(0, order.append, "timer")
            while order.count("datagram") < 100:
                await asyncio.sleep(0.001)
        assert order.index("timer") <= 64
        one.close()

    run(scenario)
