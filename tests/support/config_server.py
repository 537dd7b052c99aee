"""A web server with one config file on it, by HTTPS on loopback, whose behaviour a test sets."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class ConfigServer:
    """``data`` is what ``/phone.yaml`` holds, ``etag`` its mark (None: none is sent)."""

    data: bytes = b""
    etag: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    agents: list[str | None] = field(default_factory=list)
    url: str = ""

    def offer(self, text: str, etag: str | None) -> None:
        """Put another file there."""
        self.data, self.etag = text.encode(), etag

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one GET; ``asked`` notes the If-None-Match of each, ``agents`` the User-Agent."""
        mark = request.headers.get("If-None-Match")
        self.asked.append(mark)
        self.agents.append(request.headers.get("User-Agent"))
        headers = dict(self.headers)
        if self.etag is not None:
            headers["ETag"] = self.etag
        if self.status == 200 and self.etag is not None and mark == self.etag:
            return web.Response(status=304, headers=headers)
        return web.Response(status=self.status, body=self.data, headers=headers)


@asynccontextmanager
async def serving(context: ssl.SSLContext | None, host: str = "127.0.0.1") -> AsyncIterator[ConfigServer]:
    """Serve for as long as the block runs; ``context`` None: plain HTTP."""
    server = ConfigServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=context)
    try:
        await site.start()
        port = runner.addresses[0][1]
        server.url = f"{'https' if context else 'http'}://{host}:{port}/phone.yaml"
        yield server
    finally:
        await runner.cleanup()
