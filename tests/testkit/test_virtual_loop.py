"""The virtual clock itself."""

import asyncio
import socket
import time

import pytest

from tests.support.virtual_loop import LoopStalledError, run


def test_hours_pass_in_milliseconds() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(7200))
        return loop.time() - begin

    begin = time.monotonic()
    assert run(scenario) == pytest.approx(7200)
    assert time.monotonic() - begin < 1.0


def test_timers_fire_in_their_order_at_their_time() -> None:
    async def scenario() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        begin, seen = loop.time(), []
        for name, delay in (("late", 2.0), ("early", 0.5), ("middle", 1.0)):
            loop.call_later(delay, lambda name=name: seen.append((name, round(loop.time() - begin, 6))))
        await asyncio.sleep(3)
        return seen

    assert run(scenario) == [("early", 0.5), ("middle", 1.0), ("late", 2.0)]


def test_a_datagram_arrives_before_the_clock_jumps() -> None:
    class Sink(asyncio.DatagramProtocol):
        def __init__(self, arrived: "asyncio.Future[tuple[bytes, float]]") -> None:
            self.arrived = arrived

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.arrived.set_result((data, asyncio.get_running_loop().time()))

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[tuple[bytes, float]] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(lambda: Sink(arrived), local_addr=("127.0.0.1", 0))
        begin = loop.time()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"OPTIONS", transport.get_extra_info("sockname"))
        data, when = await asyncio.wait_for(arrived, 30)
        assert (data, when - begin) == (b"OPTIONS", 0.0)
        transport.close()

    run(scenario)


def test_tcp_streams_work_beside_timers() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await asyncio.sleep(5)
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    run(scenario)


def test_the_clock_stands_still_while_a_thread_works() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        result = await asyncio.wait_for(asyncio.to_thread(lambda: time.sleep(0.05) or "done"), 0.01)
        assert result == "done"
        return loop.time() - begin

    assert run(scenario) == 0.0


def test_waiting_for_nothing_is_an_error() -> None:
    async def scenario() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(LoopStalledError, match="no timer armed"):
        run(scenario, stall_limit=0.05)


def test_an_error_in_a_callback_fails_the_test() -> None:
    async def scenario() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(AssertionError, match="unhandled"):
        run(scenario)
