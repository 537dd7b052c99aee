"""The page's server on 127.0.0.1: static files, and two WebSockets that are relayed to the phone's own sockets.

======  =====================================================================================================
/       the page, for whoever has the token of the printed URL
/board  JSON lines of the board socket: the page is one more test program under the same contract
/sound  PCM of the media process's sound socket, 8 kHz mono S16_LE; the newest page has the handset
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

from aiohttp import WSCloseCode, WSMsgType, web

from offhook.errors import NetworkError

_LOOPBACK = "127.0.0.1"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".html": "text/html"}
_MAX_LINE = 1 << 20
_MAX_REQUEST = 4096
_MAX_FRAME = 4096
_PERIODS = 1024  # octets of sound that wait for a page: it would rather miss some than hear them late
_TAKEN = 4001  # the page's script knows this number
_ENDED = WSCloseCode.GOING_AWAY
_TRY_AGAIN = WSCloseCode.TRY_AGAIN_LATER
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Serves the page; :attr:`url` is what to open."""

    def __init__(self, board_socket: Path, sound_socket: Path, token: str = "") -> None:
        """``token`` is what a page must know; a random one where none is given (:func:`kept_token` keeps one)."""
        self._board_socket = board_socket
        self._sound_socket = sound_socket
        self._token = token or secrets.token_urlsafe(16)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._open: set[web.WebSocketResponse] = set()
        self._handset: web.WebSocketResponse | None = None

    @property
    def url(self) -> str:
        """The page's address, token included."""
        return f"http://{_LOOPBACK}:{self._port}/?token={self._token}"

    async def start(self, port: int = 0) -> None:
        """Listen. Raises NetworkError."""
        app = web.Application(middlewares=[self._check_place], client_max_size=_MAX_REQUEST)
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
            await self._runner.cleanup()
            raise NetworkError(
                f"cannot serve the page on port {port}: {error.strerror or error}; use another --port"
            ) from error
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection."""
        for socket in list(self._open):
            await socket.close(code=_ENDED, message=b"the phone stops", drain=False)
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _check_place(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        places = {f"{_LOOPBACK}:{self._port}", f"localhost:{self._port}"}
        origin = request.headers.get("Origin")
        if request.host not in places or (origin is not None and origin not in {f"http://{place}" for place in places}):
            raise web.HTTPForbidden(text="this page is for 127.0.0.1 alone\n")
        return await handler(request)

    def _check_token(self, request: web.Request) -> None:
        if not hmac.compare_digest(request.query.get("token", "").encode(), self._token.encode()):
            raise web.HTTPForbidden(text="open the address that offhook printed: it ends in ?token=...\n")

    async def _page(self, request: web.Request) -> web.Response:
        self._check_token(request)
        return self._static("index.html")

    async def _file(self, request: web.Request) -> web.Response:
        return self._static(request.match_info["name"])

    def _static(self, name: str) -> web.Response:
        folder = resources.files("offhook.sim").joinpath("page")
        file = next((file for file in folder.iterdir() if file.name == name), None)
        kind = _KINDS.get(Path(name).suffix)
        if file is None or kind is None:
            raise web.HTTPNotFound
        sockets = f"ws://{_LOOPBACK}:{self._port} ws://localhost:{self._port}"
        policy = (
            f"default-src 'self'; img-src data:; connect-src 'self' {sockets}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(text=file.read_text(encoding="utf-8"), content_type=kind, headers=headers)

    async def _board(self, request: web.Request) -> web.WebSocketResponse:
        socket = await self._accept(request, _MAX_REQUEST)
        joined = await _connect(self._board_socket, _MAX_LINE)
        if joined is None:
            return await self._part(socket, _TRY_AGAIN)
        reader, writer = joined

        async def down() -> None:
            while line := await reader.readline():
                await socket.send_str(line.decode())

        async def up() -> None:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    writer.write(message.data.replace("\n", " ").encode() + b"\n")
                    await writer.drain()

        await _relay(writer, down(), up())
        return await self._part(socket, _ENDED)

    async def _sound(self, request: web.Request) -> web.WebSocketResponse:
        socket = await self._accept(request, _MAX_FRAME)
        if self._handset is not None:
            await self._handset.close(code=_TAKEN, message=b"another page took the handset", drain=False)
        self._handset = socket
        joined = await _connect(self._sound_socket, _PERIODS)
        if joined is None:
            return await self._part(socket, _TRY_AGAIN)
        reader, writer = joined

        async def down() -> None:
            while True:
                header = await reader.readexactly(2)
                await socket.send_bytes(await reader.readexactly(int.from_bytes(header, "big")))

        async def up() -> None:
            async for message in socket:
                if message.type is WSMsgType.BINARY and message.data and len(message.data) % 2 == 0:
                    writer.write(len(message.data).to_bytes(2, "big") + message.data)
                    await writer.drain()

        await _relay(writer, down(), up())
        return await self._part(socket, _ENDED)

    async def _accept(self, request: web.Request, most: int) -> web.WebSocketResponse:
        """Take a WebSocket whose messages are at most ``most`` octets long."""
        self._check_token(request)
        # Compression would cost time and gain nothing on loopback.
        socket = web.WebSocketResponse(max_msg_size=most, compress=False, heartbeat=10.0, timeout=1.0)
        await socket.prepare(request)
        self._open.add(socket)
        return socket

    async def _part(self, socket: web.WebSocketResponse, code: int) -> web.WebSocketResponse:
        self._open.discard(socket)
        if self._handset is socket:
            self._handset = None
        await socket.close(code=code, drain=False)
        return socket


def kept_token(path: Path) -> str:
    """Return the token in ``path`` (mode 0600), made where there is none: an open page outlives the phone's restart."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        token = path.read_text(encoding="ascii").strip()
        if len(token) >= 22 and path.stat().st_mode & 0o077 == 0:
            return token
    token = secrets.token_urlsafe(16)
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(token, encoding="ascii")
    return token


async def _connect(path: Path, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    try:
        return await asyncio.open_unix_connection(str(path), limit=limit)
    except OSError:
        return None


async def _relay(writer: asyncio.StreamWriter, *directions: Coroutine[None, None, None]) -> None:
    """Run both directions until one ends; what goes wrong in one ends it."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, OSError, EOFError, ValueError):
                await task
        writer.close()
