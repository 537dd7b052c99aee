import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.observations import StateSeen, ToneSeen
from offhook.errors import DeviceError
from offhook.phone.events import HookFlash, HookLifted, HookReplaced
from offhook.sim.requests import Request, RequestError
from offhook.sim.socket import BoardSocket
from tests.support.listener import Notebook, simulated
from tests.support.virtual_loop import run

Answer = dict[str, object]


class Client:
    """A test program at the other end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def raw(self, line: bytes) -> Answer:
        self.writer.write(line)
        return await self.next()

    async def next(self) -> Answer:
        answer = json.loads(await self.reader.readline())
        assert isinstance(answer, dict)
        return answer

    async def ask(self, **request: object) -> Answer:
        return await self.raw(json.dumps(request).encode() + b"\n")


@dataclass
class Bench:
    server: BoardSocket
    notes: Notebook
    connect: Callable[[], Awaitable[Client]]


def on_a_board(tmp_path: Path, scenario: Callable[[Bench], Awaitable[None]], keypad: str = "4x4") -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        board, notes, path = simulated(keypad), Notebook(), tmp_path / "board"  # type: ignore[arg-type]
        board.start(notes)
        server = BoardSocket(board, path, lambda: {"phone": "ON_HOOK"}, loop.time)
        await server.start()
        clients: list[Client] = []

        async def connect() -> Client:
            clients.append(Client(*await asyncio.open_unix_connection(str(path))))
            return clients[-1]

        try:
            await scenario(Bench(server, notes, connect))
        finally:
            await server.stop()
            for client in clients:
                client.writer.close()
            board.close()
        assert not path.exists()

    run(body)


def test_a_program_lifts_dials_flashes_and_hangs_up(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        client = await bench.connect()
        assert await client.ask(id=1, do="lift", bounce_ms=12) == {"id": 1, "ok": True}
        assert await client.ask(id="a", do="dial", keys="5551234#") == {"id": "a", "ok": True}
        assert await client.ask(do="press", key="D", ms=80) == {"ok": True}
        assert await client.ask(do="flash", ms=500) == {"ok": True}
        assert await client.ask(do="button", name="volume_up") == {"ok": True}
        await asyncio.sleep(0.1)
        assert await client.ask(do="hang_up") == {"ok": True}
        await asyncio.sleep(2)
        assert bench.notes.keys == "5551234#D"
        assert bench.notes.buttons == ["volume_up"]
        hooks = [event for event in bench.notes.events if isinstance(event, HookLifted | HookFlash | HookReplaced)]
        assert hooks == [HookLifted(), HookFlash(), HookReplaced()]

    on_a_board(tmp_path, scenario)


def test_dialling_is_answered_after_the_last_release(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        client, loop = await bench.connect(), asyncio.get_running_loop()
        begin = loop.time()
        await client.ask(do="dial", keys="123", on_ms=100, off_ms=50)
        assert loop.time() - begin == pytest.approx(0.4)

    on_a_board(tmp_path, scenario)


def test_a_rotary_board_dials(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        client = await bench.connect()
        for digit in (1, 1, 2):
            assert await client.ask(do="rotary", digit=digit) == {"ok": True}
        assert bench.notes.keys == "112"
        assert (await client.ask(do="press", key="5"))["ok"] is False

    on_a_board(tmp_path, scenario, "rotary")


def test_requests_of_one_connection_run_in_order_and_connections_side_by_side(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        one, other = await bench.connect(), await bench.connect()
        one.writer.write(b'{"do":"press","key":"1","ms":1000,"id":1}\n{"do":"press","key":"2","ms":10,"id":2}\n')
        assert await other.ask(do="status") == {"ok": True, "status": {"phone": "ON_HOOK"}}
        assert [(await one.next())["id"], (await one.next())["id"]] == [1, 2]

    on_a_board(tmp_path, scenario)


def test_watchers_are_sent_events_with_their_time_and_others_are_not(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        watcher, other, loop = await bench.connect(), await bench.connect(), asyncio.get_running_loop()
        assert await watcher.ask(do="watch", id=7) == {"id": 7, "ok": True}
        await other.ask(do="status")
        bench.server.note(StateSeen("DIAL_TONE"))
        bench.server.note(ToneSeen("dial", 12.5))
        assert await watcher.next() == {"t": loop.time(), "event": "state", "phone": "DIAL_TONE"}
        assert await watcher.next() == {"t": 12.5, "event": "tone", "name": "dial"}
        assert await other.ask(do="status", id=1) == {"id": 1, "ok": True, "status": {"phone": "ON_HOOK"}}

    on_a_board(tmp_path, scenario)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"hello", "not a line of JSON"),
        (b"\xff\xfe", "not a line of JSON"),
        (b'{"do":"press","key":"1","ms":NaN}', "NaN"),
        (b'{"do":"press","key":"1","id":1e999}', "1e999"),
        (b"[1]", "not a JSON object"),
        (b"{}", '"do" must be one of lift'),
        (b'{"do":"jump"}', '"do" must be one of lift'),
        (b'{"do":["lift"]}', '"do" must be one of lift'),
        (b'{"do":"lift","bounce":1}', "it takes bounce_ms"),
        (b'{"do":"status","x":1}', "it takes nothing more"),
        (b'{"do":"press"}', '"key" must be a text'),
        (b'{"do":"press","key":"Q"}', "no key 'Q'"),
        (b'{"do":"press","key":"1","ms":-1}', '"ms" must be a number from 0 to 60000'),
        (b'{"do":"press","key":"1","ms":true}', '"ms" must be a number'),
        (b'{"do":"press","key":"1","ms":"80"}', '"ms" must be a number'),
        (b'{"do":"dial","keys":5}', '"keys" must be a text'),
        (b'{"do":"rotary","digit":5}', "no rotary dial"),
        (b'{"do":"rotary","digit":5.5}', "whole number"),
        (b'{"do":"power","ac":1}', '"ac" must be true or false'),
        (b'{"do":"power","gauge":"loud"}', '"gauge" must be'),
        (b'{"do":"button","name":"mute"}', "no button 'mute'"),
        (b'{"do":"network","up":false}', "does not own the network"),
        (b"[" * 20000, "not a line of JSON"),
        (b"x" * 200_000, "a line may have 65536 bytes"),
    ],
)
def test_a_bad_line_is_answered_and_the_connection_lives_on(tmp_path: Path, line: bytes, words: str) -> None:
    async def scenario(bench: Bench) -> None:
        client = await bench.connect()
        answer = await client.raw(line + b"\n")
        assert answer["ok"] is False
        assert words in str(answer["error"])
        assert await client.ask(do="lift") == {"ok": True}

    on_a_board(tmp_path, scenario)


def test_an_error_carries_the_id_where_it_can_be_read(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        client = await bench.connect()
        assert (await client.ask(id=[1], do="jump"))["id"] == [1]
        assert (await client.ask(id=None, do="press", key="Q"))["id"] is None

    on_a_board(tmp_path, scenario)


def test_requests_may_come_in_pieces(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        client = await bench.connect()
        for piece in (b'{"do":', b'"li', b'ft"}\r'):
            client.writer.write(piece)
            await asyncio.sleep(0.01)
        assert await client.raw(b"\n\n") == {"ok": True}

    on_a_board(tmp_path, scenario)


def test_a_client_that_goes_away_in_a_press_leaves_no_key_down(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        client = await bench.connect()
        client.writer.write(b'{"do":"press","key":"1","ms":500}\n')
        await asyncio.sleep(0.1)
        client.writer.close()
        await asyncio.sleep(1)
        assert bench.notes.keys == "1"

    on_a_board(tmp_path, scenario)


def test_a_watcher_that_does_not_read_is_disconnected_and_the_others_are_told(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        deaf, other = await bench.connect(), await bench.connect()
        deaf.writer.write(b'{"do":"watch"}\n')
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await other.ask(do="watch")
        for n in range(400):
            bench.server.note(StateSeen(f"{n}" + "x" * 10_000))
            assert str((await other.next())["phone"]).startswith(f"{n}x")

    on_a_board(tmp_path, scenario)


def test_a_socket_left_behind_is_taken_over_and_a_live_one_is_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop, board, path = asyncio.get_running_loop(), simulated(), tmp_path / "board"
        first = BoardSocket(board, path, dict, loop.time)
        await first.start()
        with pytest.raises(DeviceError, match="give another path"):
            await BoardSocket(board, path, dict, loop.time).start()
        await first.stop()
        left = __import__("socket").socket(__import__("socket").AF_UNIX)
        left.bind(str(path))
        left.close()
        second = BoardSocket(board, path, dict, loop.time)
        await second.start()
        assert path.stat().st_mode & 0o777 == 0o600
        await second.stop()

    run(scenario)


def test_a_path_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop, path = asyncio.get_running_loop(), tmp_path / "missing" / "board"
        with pytest.raises(DeviceError, match="missing/board"):
            await BoardSocket(simulated(), path, dict, loop.time).start()

    run(scenario)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "do", "key", "ms"]), inner),
    max_leaves=6,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    try:
        request = Request.parse(line)
    except RequestError as error:
        refusal: Exception | None = error
    else:
        refusal = None
        assert request.do
    assert refusal is None or str(refusal)
