"""The page's server on 127.0.0.1: static files, and two WebSockets that are relayed to the phone's own sockets.

======  =====================================================================================================
/       the page, for whoever has the token of the printed URL
/board  JSON lines of the board socket: the page is one more test program under the same contract
/sound  PCM of the media process's sound socket, 8 kHz mono S16_LE
======  =====================================================================================================

A page on loopback is open to every other page in the same browser, so each request's Host, each WebSocket's Origin
and the token are checked (DNS rebinding, cross-site WebSocket hijacking).
"""

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from importlib import resources
from pathlib import Path

from aiohttp import WSMsgType, web

from offhook.errors import NetworkError

_LOOPBACK = "127.0.0.1"
_FILES = {
    "phone.css": "text/css",
    "phone.js": "text/javascript",
    "sound-worklet.js": "text/javascript",
}
_POLICY = "default-src 'self'; img-src 'self' data:; connect-src 'self' ws:; frame-ancestors 'none'"
_MAX_LINE = 1 << 20
_MAX_REQUEST = 4096
_MAX_FRAME = 4096
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Serves the page; :attr:`url` is what to open."""

    def __init__(self, board_socket: Path, sound_socket: Path) -> None:
        self._board_socket = board_socket
        self._sound_socket = sound_socket
        self._token = secrets.token_urlsafe(16)
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The page's address, token included."""
        return f"http://{_LOOPBACK}:{self._port}/?token={self._token}"

    async def start(self, port: int = 0) -> None:
        """Listen. Raises NetworkError."""
        app = web.Application(middlewares=[self._check_host], client_max_size=_MAX_REQUEST)
        app.router.add_get("/", self._page)
        app.router.add_get("/board", self._board)
        app.router.add_get("/sound", self._sound)
        app.router.add_get("/{name}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _LOOPBACK, port)
        try:
            await site.start()
        except OSError as error:
            raise NetworkError(f"cannot serve the page on port {port}: {error.strerror}; use another --port") from error
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _check_host(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        places = {f"{_LOOPBACK}:{self._port}", f"localhost:{self._port}"}
        origin = request.headers.get("Origin")
        if request.host not in places or (origin is not None and origin.removeprefix("http://") not in places):
            raise web.HTTPForbidden(text="this page is for 127.0.0.1 alone\n")
        return await handler(request)

    def _check_token(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.query.get("token", "").encode(), self._token.encode()):
            raise web.HTTPForbidden(text="open the address that offhook printed: it ends in ?token=...\n")

    async def _page(self, request: web.Request) -> web.Response:
        self._check_token(request)
        return _static("index.html", "text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        return _static(name, _FILES[name])

    async def _board(self, request: web.Request) -> web.WebSocketResponse:
        self._check_token(request)
        socket = await _accept(request)
        reader, writer = await asyncio.open_unix_connection(str(self._board_socket), limit=_MAX_LINE)

        async def down() -> None:
            while line := await reader.readline():
                await socket.send_str(line.decode())

        async def up() -> None:
            async for message in socket:
                if message.type is WSMsgType.TEXT and len(message.data) <= _MAX_REQUEST and "\n" not in message.data:
                    writer.write(message.data.encode() + b"\n")
                    await writer.drain()

        await _relay(down(), up())
        writer.close()
        return socket

    async def _sound(self, request: web.Request) -> web.WebSocketResponse:
        self._check_token(request)
        socket = await _accept(request)
        reader, writer = await asyncio.open_unix_connection(str(self._sound_socket))

        async def down() -> None:
            while True:
                header = await reader.readexactly(2)
                await socket.send_bytes(await reader.readexactly(int.from_bytes(header, "big")))

        async def up() -> None:
            async for message in socket:
                if message.type is WSMsgType.BINARY and 0 < len(message.data) <= _MAX_FRAME:
                    writer.write(len(message.data).to_bytes(2, "big") + message.data)
                    await writer.drain()

        await _relay(down(), up())
        writer.close()
        return socket


async def _accept(request: web.Request) -> web.WebSocketResponse:
    # Compression would cost time and gain nothing on loopback.
    socket = web.WebSocketResponse(max_msg_size=1 << 16, compress=False, heartbeat=10.0)
    await socket.prepare(request)
    return socket


async def _relay(*directions: Coroutine[None, None, None]) -> None:
    """Run both directions until one ends."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
                await task


def _static(name: str, kind: str) -> web.Response:
    text = resources.files("offhook.sim").joinpath("page", name).read_text(encoding="utf-8")
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type=kind, headers=headers)
