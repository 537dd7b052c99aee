"""A port where TLS connections are taken: few at a time may be shaking hands.

asyncio's own server lets any number begin a handshake, with a quarter of a megabyte and a file descriptor for each: a
crowd that never ends its own would leave none for an emergency call.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from offhook.engine.tls import TlsIdentity
from offhook.sip.events import Address

_MOST_HANDSHAKES = 16
_BATCH = 16
_REST_S = 1.0


class TlsDoor:
    """Listens at ``ip`` and ``port``, and makes a protocol for each connection whose handshake is done.

    Raises OSError where the port cannot be had.
    """

    def __init__(
        self, ip: str, port: int, identity: TlsIdentity, protocol: Callable[[], asyncio.BaseProtocol], patience: float
    ) -> None:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self._socket = socket.create_server((ip, port), family=family, backlog=100)
        self._socket.setblocking(False)
        self._identity = identity
        self._protocol = protocol
        self._patience = patience
        self._handshakes: set[asyncio.Task[None]] = set()
        self._rest: asyncio.TimerHandle | None = None
        name = self._socket.getsockname()
        self.address: Address = (name[0], name[1])
        self._begin()

    def close(self) -> None:
        """Take no more connections; those that are up stay."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        if self._rest is not None:
            self._rest.cancel()
        for task in self._handshakes:
            task.cancel()

    def _begin(self) -> None:
        self._rest = None
        asyncio.get_running_loop().add_reader(self._socket, self._ready)

    def _ready(self) -> None:
        for _ in range(_BATCH):
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no file descriptor is left: asking again at once would only keep the processor busy
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._socket)
                self._rest = loop.call_later(_REST_S, self._begin)
                return
            if len(self._handshakes) >= _MOST_HANDSHAKES:
                connection.close()
                continue
            connection.setblocking(False)
            # asyncio does this for sockets that it made itself only; without it a second message waits for an ACK.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.get_running_loop().create_task(self._shake_hands(connection))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._identity.context,
                ssl_handshake_timeout=self._patience,
                ssl_shutdown_timeout=1.0,
            )
