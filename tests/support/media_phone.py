"""A media process on a virtual card, with what it said, for tests that leave out SIP."""

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from offhook.engine.mediaclient import MediaClient
from offhook.media import messages as msg
from offhook.media.settings import MediaSettings, StreamSettings
from tests.support.far_end import FarEnd
from tests.support.virtual_card import VirtualCard, write_asound_conf


def memory_directory() -> Path:
    """Make a directory in memory: a card that waits for a disk is a card that stutters."""
    return Path(tempfile.mkdtemp(prefix="offhook-card-", dir="/dev/shm"))


@contextlib.contextmanager
def environment(values: dict[str, str]):  # type: ignore[no-untyped-def]
    """Set environment variables for a while."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


class MediaPhone:
    """A :class:`MediaClient` and its messages."""

    def __init__(self, settings: MediaSettings) -> None:
        self.said: list[tuple[float, msg.FromMedia]] = []
        self.client = MediaClient(settings, lambda message: self.said.append((time.monotonic(), message)))
        self._sockets: list[socket.socket] = []

    def of(self, kind: type[msg.FromMedia]) -> list[msg.FromMedia]:
        """Every message of a kind so far."""
        return [message for _, message in self.said if isinstance(message, kind)]

    def states(self) -> list[str]:
        """The device's states so far."""
        return [message.state for _, message in self.said if isinstance(message, msg.DeviceChanged)]

    async def until(self, what: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until something is true; fail where it does not become so."""
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen within {seconds:g} s; last messages: {self.said[-5:]}")
            await asyncio.sleep(0.01)

    async def ready(self) -> None:
        """Wait until the process runs."""
        await self.until(lambda: self.of(msg.Heartbeat), 20.0)

    def start_stream(self, far: FarEnd, number: int = 1) -> tuple[str, int]:
        """Start a PCMU stream to ``far``; return our RTP address."""
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in (rtp, rtcp):
            sock.bind(("127.0.0.1", 0))
            self._sockets.append(sock)
        plan = StreamSettings(far.address, "PCMU", 0, receive_payload_types={0: "PCMU"}, dtmf_payload_type=101)
        self.client.start_stream(number, plan, rtp, rtcp)
        name = rtp.getsockname()
        return name[0], name[1]

    async def close(self) -> None:
        """End the process."""
        await self.client.stop()
        for sock in self._sockets:
            sock.close()


@contextlib.asynccontextmanager
async def media_phone(
    card: VirtualCard | None = None, more_conf: str = "", directory: Path | None = None, **settings: object
) -> AsyncIterator[MediaPhone]:
    """Start a media process on ``card`` (whose files are in its own directory) or on the PCMs in ``more_conf``."""
    base = directory or memory_directory()
    names: dict[str, object] = {"capture": card.capture, "playback": card.playback} if card else {}
    conf = write_asound_conf(base / "asound.conf", [card] if card else [], more_conf)
    with environment(conf):
        phone = MediaPhone(MediaSettings("NO", **(names | settings)))  # type: ignore[arg-type]
        await phone.client.start()
        try:
            yield phone
        finally:
            await phone.close()
            if directory is None:
                shutil.rmtree(base, ignore_errors=True)
