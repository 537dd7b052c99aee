"""How slowly a bundle may come: so that a server which sends a byte now and then is not waited for without end."""

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from offhook.errors import OffhookError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LEAST = 64 << 10
"""So many bytes must come within each WINDOW_S of a connection, headers counted: some 1 kB/s."""
WINDOW_S = 60.0
LIMIT_S = 12 * 3600.0
"""So long a whole bundle may take, with all that is tried again, and without the time in which the phone is in use."""


class TooSlowError(ConnectionError):
    """This connection brings too little; another one may do better."""


class OutOfTimeError(OffhookError):
    """The whole takes too long."""


class Pace:
    """Looks at what comes. ``clock`` does not jump."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock() + LIMIT_S
        self._since = 0.0
        self._bytes = 0

    def begin(self, held_s: float) -> None:
        """Begin with a connection, after so many seconds in which none was wanted. Raises OutOfTimeError."""
        self._until += held_s
        self._since, self._bytes = self._in_time(), 0

    def took(self, count: int) -> None:
        """Count bytes. Raises TooSlowError, OutOfTimeError."""
        now = self._in_time()
        self._bytes += count
        if now - self._since < WINDOW_S:
            return
        if self._bytes < LEAST:
            raise TooSlowError(f"less than {LEAST >> 10} KiB came within {WINDOW_S:g} s")
        self._since, self._bytes = now, 0

    def sockets(self) -> type[ssl.SSLSocket]:
        """Return a kind of socket that counts all that is read from it: headers and what is thrown away too."""
        pace = self

        class PacedSocket(ssl.SSLSocket):
            def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
                count = super().recv_into(buffer, nbytes, flags)
                pace.took(count)
                return count

        return PacedSocket

    def _in_time(self) -> float:
        now = self._clock()
        if now >= self._until:
            raise OutOfTimeError(f"it is not here after {LIMIT_S / 3600:g} h")
        return now
