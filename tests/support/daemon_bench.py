"""The daemon's phone with real sockets on loopback, without media process and voice; and what tests make it of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from offhook.daemon import handset
from offhook.daemon.build import Fixtures
from offhook.emergency.callback import CallbackWindow
from offhook.engine.guard import EmergencyGuard
from offhook.engine.mediachild import MediaChild
from offhook.engine.ports import Board
from offhook.engine.watchers import Watchers
from offhook.media.messages import FromMedia
from offhook.media.settings import MediaSettings
from tests.support.engine_bench import BoardNotes, MediaNotes


class MediaClient(MediaNotes):
    """The media process's client without a process; it takes a second to stop."""

    made: ClassVar["list[MediaClient]"] = []

    def __init__(
        self, settings: MediaSettings, on_message: Callable[[FromMedia], None], child: MediaChild | None = None
    ) -> None:
        super().__init__()
        self.made.append(self)

    async def start(self) -> None:
        self.notes.append("started")

    async def stop(self) -> None:
        await asyncio.sleep(1)
        self.notes.append("stopped")

    def healthy(self, now: float) -> bool:
        return True

    def beats(self, now: float) -> bool:
        return True


class Prompter:
    """No voice."""

    def __init__(self, settings: object) -> None: ...

    async def render(self, text: str) -> Path | None:
        return None


def without_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let handsets be made with the two classes above; ``MediaClient.made`` begins anew."""
    monkeypatch.setattr(handset, "MediaClient", MediaClient)
    monkeypatch.setattr(handset, "Prompter", Prompter)
    monkeypatch.setattr(MediaClient, "made", [])


class Silent(asyncio.DatagramProtocol):
    """A server that takes everything and says nothing; ``got`` are the methods, ``address`` is ``ip:port``."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.address = ""

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.got.append(data.split(b" ", 1)[0])


@asynccontextmanager
async def silent_server() -> AsyncIterator[Silent]:
    """Have one on loopback while the block runs."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Silent, ("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    server.address = f"{host}:{port}"
    try:
        yield server
    finally:
        transport.close()


def fixtures(
    folder: Path,
    board: Board | None = None,
    *,
    desk: str = "",
    watchers: Watchers | None = None,
    callback: CallbackWindow | None = None,
    sound_socket: Path | None = None,
) -> Fixtures:
    """Return what a line is built on; ``board`` not given: one that takes notes; ``desk``: for emergency calls."""
    return Fixtures(
        board=board or BoardNotes(),
        board_audio=None,
        watchers=watchers or Watchers(),
        guard=EmergencyGuard((desk,) if desk else ()),
        callback=callback or CallbackWindow(),
        prompts=folder,
        device="f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        sound_socket=sound_socket,
    )
