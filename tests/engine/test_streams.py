import asyncio
import socket

import pytest

from offhook.engine.streams import Address, SipStreams
from tests.support.virtual_loop import run


class Log:
    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()

    def stream_opened(self, number: int, local: Address, remote: Address) -> None:
        self.events.put_nowait(("opened", number))

    def stream_data(self, number: int, data: bytes) -> None:
        self.events.put_nowait(("data", number, data))

    def stream_closed(self, number: int) -> None:
        self.events.put_nowait(("closed", number))

    def connect_failed(self, remote: Address, reason: str) -> None:
        self.events.put_nowait(("failed", remote))


def test_sending_opens_a_connection_and_uses_it_again() -> None:
    async def scenario() -> None:
        here, there = Log(), Log()
        client, server = SipStreams(here), SipStreams(there)
        address = await server.listen("127.0.0.1", 0)
        client.send(b"one", address, None)
        client.send(b"two", address, None)
        assert (await there.events.get())[0] == "opened"
        received = b""
        while len(received) < 6:
            received += (await there.events.get())[2]  # type: ignore[operator]
        assert received == b"onetwo"
        assert await here.events.get() == ("opened", 1)
        server.send(b"back", ("127.0.0.1", 1), 1)
        assert await here.events.get() == ("data", 1, b"back")
        client.close_stream(1)
        assert await here.events.get() == ("closed", 1)
        assert await there.events.get() == ("closed", 1)
        await client.close()
        await server.close()

    run(scenario)


def test_a_refused_connection_is_reported() -> None:
    async def scenario() -> None:
        log = Log()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            gone = probe.getsockname()
        client = SipStreams(log)
        client.send(b"anybody?", gone, None)
        assert await log.events.get() == ("failed", gone)
        await client.close()

    run(scenario)


def test_connections_over_the_limit_are_refused() -> None:
    async def scenario() -> None:
        log = Log()
        server = SipStreams(log, limit=1)
        address = await server.listen("127.0.0.1", 0)
        _, first = await asyncio.open_connection(*address)
        await log.events.get()
        reader, second = await asyncio.open_connection(*address)
        assert await _ends(reader)
        first.close()
        second.close()
        await server.close()

    run(scenario)


async def _ends(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def test_a_flood_on_one_connection_leaves_room_for_timers() -> None:
    async def scenario() -> None:
        log = Log()
        server = SipStreams(log)
        address = await server.listen("127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*address)
        await log.events.get()
        flood = b"X sip:a SIP/2.0\r\n\r\n" * 10_000
        writer.write(flood)
        most = taken = 0
        while taken < len(flood):
            await asyncio.sleep(0)  # one turn of the loop: here a timer would run
            turn = 0
            while not log.events.empty():
                turn += len(log.events.get_nowait()[2])  # type: ignore[arg-type]
            most, taken = max(most, turn), taken + turn
        assert most <= 8192
        writer.close()
        await server.close()

    run(scenario)


def test_connections_both_ways_are_probed_while_they_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[asyncio.Transport] = []
    take_in = SipStreams.made

    def spy(streams: SipStreams, connection: object) -> None:
        take_in(streams, connection)  # type: ignore[arg-type]
        made.append(connection.transport)  # type: ignore[attr-defined]

    monkeypatch.setattr(SipStreams, "made", spy)

    async def scenario() -> None:
        here, there = Log(), Log()
        client, server = SipStreams(here), SipStreams(there)
        client.send(b"one", await server.listen("127.0.0.1", 0), None)
        await there.events.get()
        await here.events.get()
        assert len(made) == 2
        for transport in made:
            probed = transport.get_extra_info("socket")
            assert probed.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert probed.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < 30
            assert 0 < probed.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
        await client.close()
        await server.close()

    run(scenario)
