"""The page's server: who is let in, what is served, and two relays to stub sockets of board and sound."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from offhook.errors import NetworkError
from offhook.sim.web import PageServer, kept_token

LIMIT_S = 10
Served = Callable[["Page"], Awaitable[None]]


class Peer:
    """One of the phone's own sockets: every connection that was made to it."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.connections.put_nowait((reader, writer))


class Page:
    """A page server between stub sockets and a client that is no browser."""

    def __init__(self, folder: Path) -> None:
        self.board_path, self.sound_path = folder / "board", folder / "sound"
        self.board, self.sound = Peer(), Peer()
        self.server = PageServer(self.board_path, self.sound_path)
        self.client: ClientSession

    @asynccontextmanager
    async def up(self, sockets: bool = True) -> AsyncIterator["Page"]:
        listeners = []
        if sockets:
            listeners.append(await asyncio.start_unix_server(self.board.serve, str(self.board_path)))
            listeners.append(await asyncio.start_unix_server(self.sound.serve, str(self.sound_path)))
        await self.server.start()
        try:
            async with ClientSession() as self.client:
                yield self
        finally:
            await self.server.stop()
            for writer in (*self.board.writers, *self.sound.writers):
                writer.close()
                await asyncio.gather(writer.wait_closed(), return_exceptions=True)
            for listener in listeners:
                listener.close()
                await listener.wait_closed()

    @property
    def token(self) -> str:
        return self.server.url.rpartition("=")[2]

    def address(self, path: str, token: str | None = None) -> str:
        base = f"http://{urlsplit(self.server.url).netloc}/{path}"
        return base if token is None else f"{base}?token={token}"

    async def get(self, path: str, token: str | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
        async with self.client.get(self.address(path, token), headers=headers) as answer:
            return answer.status, await answer.text(), dict(answer.headers)

    async def join(self, path: str, token: str | None = None, **headers: str) -> ClientWebSocketResponse:
        return await self.client.ws_connect(self.address(path, self.token if token is None else token), headers=headers)

    async def refusal(self, path: str, token: str | None = None, **headers: str) -> int:
        with pytest.raises(WSServerHandshakeError) as caught:
            await self.join(path, token, **headers)
        return caught.value.status


def with_page(tmp_path: Path, scenario: Served, sockets: bool = True) -> None:
    async def main() -> None:
        async with asyncio.timeout(LIMIT_S), Page(tmp_path).up(sockets) as page:
            await scenario(page)

    asyncio.run(main())


async def closed(socket: ClientWebSocketResponse) -> int | None:
    """The code with which the server closed."""
    while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
        pass
    return socket.close_code


# -- who is let in --------------------------------------------------------------------------------------------------


def test_the_printed_address_shows_the_page(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        async with page.client.get(page.server.url) as answer:
            assert answer.status == 200
            assert "offhook" in await answer.text()

    with_page(tmp_path, scenario)


@pytest.mark.parametrize("token", [None, "", "wrong", "\N{SNOWMAN}"])
def test_a_wrong_token_is_told_what_to_do(tmp_path: Path, token: str | None) -> None:
    async def scenario(page: Page) -> None:
        status, text, _ = await page.get("", token)
        assert status == 403
        assert text == "open the address that offhook printed: it ends in ?token=...\n"
        for path in ("board", "sound"):
            assert await page.refusal(path, token or "") == 403

    with_page(tmp_path, scenario)


@pytest.mark.parametrize("host", ["phone.example", "127.0.0.1", "127.0.0.1:1", "[::1]:80", "localhost.example:80"])
def test_another_host_name_is_refused(tmp_path: Path, host: str) -> None:
    """DNS rebinding: the browser would think that the page is of the attacker's origin."""

    async def scenario(page: Page) -> None:
        assert (await page.get("", page.token, Host=host))[0] == 403
        assert (await page.get("phone.js", Host=host))[0] == 403
        assert await page.refusal("board", Host=host) == 403
        assert await page.refusal("sound", Host=host) == 403

    with_page(tmp_path, scenario)


@pytest.mark.parametrize(
    "origin", ["https://phone.example", "null", "http://127.0.0.1:1", "https://{place}", "{place}"]
)
def test_another_origin_is_refused(tmp_path: Path, origin: str) -> None:
    """Cross-site WebSocket hijacking: even with the token, say from a history."""

    async def scenario(page: Page) -> None:
        stranger = origin.format(place=urlsplit(page.server.url).netloc)
        assert await page.refusal("board", Origin=stranger) == 403
        assert await page.refusal("sound", Origin=stranger) == 403

    with_page(tmp_path, scenario)


def test_the_pages_own_origin_is_welcome_under_both_names(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        place = urlsplit(page.server.url).netloc
        for name in (place, place.replace("127.0.0.1", "localhost")):
            socket = await page.join("board", Origin=f"http://{name}", Host=name)
            await socket.close()

    with_page(tmp_path, scenario)


# -- what is served -------------------------------------------------------------------------------------------------


def test_all_files_of_the_page_are_served_with_a_policy(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        kinds = {"phone.css": "text/css", "phone.js": "text/javascript", "sound-worklet.js": "text/javascript"}
        for name, kind in kinds.items():
            status, text, headers = await page.get(name)
            assert (status, bool(text)) == (200, True)
            assert headers["Content-Type"].startswith(kind)
            assert "default-src 'self'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["Referrer-Policy"] == "no-referrer"

    with_page(tmp_path, scenario)


@pytest.mark.parametrize(
    "path", ["secret", "../web.py", "..%2Fweb.py", "%2e%2e/web.py", "page/phone.js", "web.py", "%00"]
)
def test_nothing_else_is_served(tmp_path: Path, path: str) -> None:
    async def scenario(page: Page) -> None:
        assert (await page.get(path, page.token))[0] in (400, 403, 404)

    with_page(tmp_path, scenario)


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        taken = urlsplit(page.server.url).port
        assert taken is not None
        with pytest.raises(NetworkError, match=f"port {taken}.*--port"):
            await PageServer(page.board_path, page.sound_path).start(taken)

    with_page(tmp_path, scenario)


def test_the_token_outlives_a_restart_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "page-token"
    token = kept_token(path)
    assert kept_token(path) == token
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)  # others may have read it
    assert kept_token(path) != token
    path.write_text("short")
    assert len(kept_token(path)) >= 22
    assert len(kept_token(tmp_path / "missing" / "page-token")) >= 22


# -- the board ------------------------------------------------------------------------------------------------------


def test_requests_and_events_are_relayed_line_by_line(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        socket = await page.join("board")
        reader, writer = await page.board.connections.get()
        await socket.send_str('{"do":"lift","id":1}')
        assert await reader.readline() == b'{"do":"lift","id":1}\n'
        long = json.dumps({"ok": True, "status": "x" * 200_000})
        writer.write(b'{"id":1,"ok":true}\n' + long.encode() + b'\n{"event":"say","text":"\xc3\xa9"}\n')
        assert await socket.receive_str() == '{"id":1,"ok":true}\n'
        assert await socket.receive_str() == long + "\n"
        assert await socket.receive_json() == {"event": "say", "text": "é"}

    with_page(tmp_path, scenario)


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"do":"lift"}\n{"do":"hang_up"}'])
def test_bad_json_is_the_boards_to_answer_and_stays_one_line(tmp_path: Path, text: str) -> None:
    async def scenario(page: Page) -> None:
        socket = await page.join("board")
        reader, writer = await page.board.connections.get()
        await socket.send_str(text)
        assert await reader.readline() == text.replace("\n", " ").encode() + b"\n"
        writer.write(b'{"ok":false,"error":"not a line of JSON"}\n')
        assert (await socket.receive_json())["ok"] is False
        await socket.send_str('{"do":"status"}')
        assert await reader.readline() == b'{"do":"status"}\n'

    with_page(tmp_path, scenario)


@pytest.mark.parametrize("path", ["board", "sound"])
def test_an_overlong_message_closes_the_connection(tmp_path: Path, path: str) -> None:
    async def scenario(page: Page) -> None:
        socket = await page.join(path)
        await (socket.send_str("x" * 5000) if path == "board" else socket.send_bytes(bytes(5000)))
        assert await closed(socket) == 1009

    with_page(tmp_path, scenario)


@pytest.mark.parametrize("path", ["board", "sound"])
def test_a_phone_that_is_not_there_is_to_be_tried_again_later(tmp_path: Path, path: str) -> None:
    async def scenario(page: Page) -> None:
        assert await closed(await page.join(path)) == 1013

    with_page(tmp_path, scenario, sockets=False)


@pytest.mark.parametrize("path", ["board", "sound"])
def test_the_end_of_the_phones_socket_closes_the_pages(tmp_path: Path, path: str) -> None:
    async def scenario(page: Page) -> None:
        socket = await page.join(path)
        _, writer = await (page.board if path == "board" else page.sound).connections.get()
        writer.write(b"\x00")  # for sound half a header: it must not matter
        writer.close()
        assert await closed(socket) == 1001

    with_page(tmp_path, scenario)


@pytest.mark.parametrize("path", ["board", "sound"])
def test_a_page_that_leaves_is_left(tmp_path: Path, path: str) -> None:
    async def scenario(page: Page) -> None:
        socket = await page.join(path)
        reader, writer = await (page.board if path == "board" else page.sound).connections.get()
        await socket.close()
        assert await reader.read() == b""
        writer.close()

    with_page(tmp_path, scenario)


def test_a_stop_tells_every_page(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        sockets = [await page.join("board"), await page.join("board"), await page.join("sound")]
        stopping = asyncio.ensure_future(page.server.stop())
        assert [await closed(socket) for socket in sockets] == [1001, 1001, 1001]
        await stopping

    with_page(tmp_path, scenario)


# -- sound ----------------------------------------------------------------------------------------------------------


def test_sound_is_relayed_both_ways_frame_by_frame(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        socket = await page.join("sound")
        reader, writer = await page.sound.connections.get()
        ear, mouth = bytes(range(160)), bytes(range(160))[::-1]
        writer.write(len(ear).to_bytes(2, "big") + ear[:7])
        await writer.drain()
        writer.write(ear[7:] + b"\x00\x02ab")
        assert await socket.receive_bytes() == ear
        assert await socket.receive_bytes() == b"ab"
        await socket.send_bytes(mouth)
        assert await reader.readexactly(162) == b"\x00\xa0" + mouth

    with_page(tmp_path, scenario)


def test_what_is_no_sound_is_dropped(tmp_path: Path) -> None:
    """An odd or empty frame would make the media process close the connection."""

    async def scenario(page: Page) -> None:
        socket = await page.join("sound")
        reader, _ = await page.sound.connections.get()
        await socket.send_str("hello")
        await socket.send_bytes(b"")
        await socket.send_bytes(b"odd")
        await socket.send_bytes(b"even")
        assert await reader.readexactly(6) == b"\x00\x04even"

    with_page(tmp_path, scenario)


def test_the_newest_page_has_the_handset(tmp_path: Path) -> None:
    async def scenario(page: Page) -> None:
        first = await page.join("sound")
        await page.sound.connections.get()
        second = await page.join("sound")
        assert await closed(first) == 4001
        _, writer = await page.sound.connections.get()
        writer.write(b"\x00\x02ab")
        assert await second.receive_bytes() == b"ab"

    with_page(tmp_path, scenario)
