"""A sound device without a card: CLOCK_MONOTONIC beats time, and the simulator's page may be its handset.

With a socket path, a Unix stream socket listens there (mode 0600) and one page at a time is served, the newest. Both
ways the stream is frames of ``uint16 length (big endian), length octets``: S16_LE mono PCM at 8 kHz. The phone
sends a frame each period; the page sends frames of any length up to 4096 octets as its microphone delivers them.
Nobody connected: silence comes in, what goes out is dropped. Without a path it is the stand-in for a card that is
not there: calls live on, silently.
"""

import contextlib
import os
import select
import socket
from collections.abc import Sequence

import numpy as np

from offhook.errors import DeviceError
from offhook.media.device import RATE, Samples

_MAX_FRAME = 4096
_START_SAMPLES = RATE * 60 // 1000  # gathered before the page's microphone is heard: its frames come in bursts
_MOST_SAMPLES = RATE * 200 // 1000
_LATE_PERIODS = 20


class ClockedDevice:
    """An :class:`offhook.media.device.AudioDevice` that needs nothing but a clock."""

    def __init__(self, period_ms: int, now: float, sound_socket: str | None = None, names: tuple[str, str] = ("", "")):
        """Raises DeviceError where the socket cannot be made; ``names`` are the PCMs that it stands in for."""
        self.capture, self.playback = names
        self.xruns = 0
        self.changed = False
        self._count = RATE * period_ms // 1000
        self._period = period_ms / 1000
        self._due = now + self._period
        self._path = sound_socket
        self._listener = _listen(sound_socket) if sound_socket else None
        self._page: socket.socket | None = None
        self._received = bytearray()
        self._mic = bytearray()
        self._gathering = True
        self._unsent = b""

    def descriptors(self) -> Sequence[tuple[int, int]]:
        """See AudioDevice."""
        self.changed = False
        sockets = (self._listener, self._page)
        return [(sock.fileno(), select.POLLIN) for sock in sockets if sock is not None]

    def deadline(self) -> float | None:
        """See AudioDevice."""
        return self._due

    def ready(self, events: Sequence[tuple[int, int]], now: float) -> bool:
        """See AudioDevice."""
        for fd, _ in events:
            if self._listener is not None and fd == self._listener.fileno():
                self._accept()
            elif self._page is not None and fd == self._page.fileno():
                self._receive(self._page)
        return now >= self._due

    def read(self, now: float) -> Samples | None:
        """See AudioDevice."""
        if now < self._due:
            return None
        self._due += self._period
        if now - self._due > _LATE_PERIODS * self._period:
            self._due = now  # the machine slept: what was missed is missed
        size = 2 * self._count
        if self._gathering and len(self._mic) < 2 * _START_SAMPLES:
            return np.zeros(self._count, np.int16)
        self._gathering = len(self._mic) < size
        if self._gathering:
            return np.zeros(self._count, np.int16)
        data = bytes(self._mic[:size])
        del self._mic[:size]
        return np.frombuffer(data, "<i2").astype(np.int16)

    def wanted(self) -> int:
        """See AudioDevice."""
        return self._count

    def write(self, samples: Samples) -> None:
        """See AudioDevice."""
        if self._page is None:
            return
        data = samples.astype("<i2").tobytes()
        # A page that does not keep up loses whole periods, never the rest of a frame that was begun.
        pending = self._unsent or len(data).to_bytes(2, "big") + data
        try:
            self._unsent = pending[self._page.send(pending) :]
        except BlockingIOError:
            return
        except OSError:
            self._drop_page()

    def close(self) -> None:
        """See AudioDevice."""
        self._drop_page()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            with contextlib.suppress(OSError):
                os.unlink(self._path or "")

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            page, _ = self._listener.accept()
        except OSError:
            return
        self._drop_page()
        page.setblocking(False)
        # Little room: a page that stalls must not come back to old sound.
        page.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        self._page = page
        self.changed = True

    def _receive(self, page: socket.socket) -> None:
        try:
            data = page.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop_page()
            return
        self._received += data
        while len(self._received) >= 2:
            size = int.from_bytes(self._received[:2], "big")
            if size > _MAX_FRAME or size % 2:
                self._drop_page()
                return
            if len(self._received) < 2 + size:
                break
            self._mic += self._received[2 : 2 + size]
            del self._received[: 2 + size]
        if len(self._mic) > 2 * _MOST_SAMPLES:
            del self._mic[: len(self._mic) - 2 * _START_SAMPLES]

    def _drop_page(self) -> None:
        if self._page is not None:
            self._page.close()
            self._page = None
            self.changed = True
        self._received.clear()
        self._mic.clear()
        self._gathering = True
        self._unsent = b""


def _listen(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        mask = os.umask(0o177)
        try:
            sock.bind(path)
        finally:
            os.umask(mask)
        sock.listen(1)
    except OSError as error:
        sock.close()
        raise DeviceError(
            f"cannot listen for the page's sound on {path}: {error.strerror}; choose a state directory that is writable"
        ) from error
    sock.setblocking(False)
    return sock
