"""SIP over TCP: connections in and out, each with a number of its own (:rfc:`3261#section-18`)."""

import asyncio
import contextlib
import errno
import itertools
import socket
from typing import Protocol

from offhook.errors import NetworkError

Address = tuple[str, int]
_MAX_PENDING = 256 * 1024
_PIECE = 8 * 1024
_CONNECT_TIMEOUT_S = 10.0
# A connection at rest is probed often enough that a NAT keeps it, and one whose far end is gone is found out within
# a minute instead of hours: nobody could call us by it.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 25),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000),  # an emergency call must not wait longer for a dead one
)


class StreamReceiver(Protocol):
    """What is told about connections; called in the loop's thread."""

    def stream_opened(self, number: int, local: Address, remote: Address) -> None:
        """A connection is up, ours or theirs."""

    def stream_data(self, number: int, data: bytes) -> None:
        """Bytes arrived."""

    def stream_closed(self, number: int) -> None:
        """The connection is gone."""

    def connect_failed(self, remote: Address, reason: str) -> None:
        """A connection that was wanted could not be made; what waited for it is lost."""


class _Connection(asyncio.BufferedProtocol):
    """``wanted``: the address that we connected to, None for a connection that came in.

    Read in small pieces: a quarter of a megabyte of tiny messages, which asyncio would take at once, costs a second.
    """

    def __init__(self, streams: "TcpStreams", number: int, wanted: Address | None = None) -> None:
        self._streams = streams
        self.number = number
        self.wanted = wanted
        self._piece = bytearray(_PIECE)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._streams.made(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        self._streams.receiver.stream_data(self.number, bytes(self._piece[:nbytes]))

    def connection_lost(self, error: Exception | None) -> None:
        self._streams.lost(self)


class TcpStreams:
    """A listening TCP port and the connections that came of it or were opened to send.

    ``limit`` bounds the connections that come in: a crowd at the door must not keep the phone from calling out.
    """

    def __init__(self, receiver: StreamReceiver, limit: int = 64) -> None:
        self.receiver = receiver
        self._limit = limit
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._open: dict[int, _Connection] = {}
        self._link_up = True
        self._by_remote: dict[Address, int] = {}
        self._waiting: dict[Address, list[bytes]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._local_ip: str | None = None

    async def listen(self, ip: str, port: int) -> Address:
        """Bind; return the address. Raises NetworkError."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self, next(self._numbers)), ip, port)
        except OSError as error:
            raise NetworkError(
                f"cannot listen for SIP on tcp {ip}:{port}: {error.strerror}; "
                "set sip.listen to an address of this device and a free port"
            ) from error
        self._local_ip = None if ip in ("0.0.0.0", "::") else ip
        name = self._server.sockets[0].getsockname()
        return (name[0], name[1])

    def send(self, data: bytes, remote: Address, number: int | None) -> None:
        """Send on connection ``number`` if it is still there, else on any to ``remote``, else open one."""
        if number is None or number not in self._open:
            number = self._by_remote.get(remote)
        connection = self._open.get(number) if number is not None else None
        if connection is not None and connection.transport is not None:
            if connection.transport.get_write_buffer_size() > _MAX_PENDING:
                connection.transport.abort()
                return
            connection.transport.write(data)
            return
        waiting = self._waiting.get(remote)
        if waiting is not None:
            if sum(map(len, waiting)) < _MAX_PENDING:
                waiting.append(data)
            return
        self._waiting[remote] = [data]
        task = asyncio.get_running_loop().create_task(self._connect(remote))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def set_link(self, up: bool) -> None:
        """Lose every connection and open none until the link is up again (a simulated link)."""
        self._link_up = up
        if not up:
            for connection in list(self._open.values()):
                if connection.transport is not None:
                    connection.transport.abort()

    def close_stream(self, number: int) -> None:
        """Close one connection after what was written."""
        connection = self._open.get(number)
        if connection is not None and connection.transport is not None:
            connection.transport.close()

    async def close(self) -> None:
        """Close the port and every connection."""
        for task in self._connecting:
            task.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._open.values()):
            if connection.transport is not None:
                connection.transport.close()
        # One turn lets transports write what they hold and report that they are closed.
        await asyncio.sleep(0)

    async def _connect(self, remote: Address) -> None:
        loop = asyncio.get_running_loop()
        local: Address | None = (self._local_ip, 0) if self._local_ip else None
        try:
            if not self._link_up:
                raise OSError(errno.ENETUNREACH, "the network is unreachable")
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await loop.create_connection(
                    lambda: _Connection(self, next(self._numbers), remote), remote[0], remote[1], local_addr=local
                )
        except (OSError, TimeoutError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "no answer"
            self._could_not_connect(remote, reason)

    def _could_not_connect(self, remote: Address, reason: str) -> None:
        self._waiting.pop(remote, None)
        self.receiver.connect_failed(remote, reason)

    def made(self, connection: _Connection) -> None:
        """Take in a new connection (called by the connection itself)."""
        transport = connection.transport
        assert transport is not None
        peer, name = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        came_in = sum(known.wanted is None for known in self._open.values())
        if peer is None or not self._link_up or (connection.wanted is None and came_in >= self._limit):
            transport.abort()
            if connection.wanted is not None:
                self._could_not_connect(connection.wanted, "the connection broke at once")
            return
        for level, option, value in _KEEP_ALIVE:
            transport.get_extra_info("socket").setsockopt(level, option, value)
        remote: Address = connection.wanted or (peer[0], peer[1])
        self._open[connection.number] = connection
        self._by_remote[remote] = connection.number
        for data in self._waiting.pop(remote, []):
            transport.write(data)
        self.receiver.stream_opened(connection.number, (name[0], name[1]), remote)

    def lost(self, connection: _Connection) -> None:
        """Forget a connection (called by the connection itself)."""
        if self._open.pop(connection.number, None) is None:
            return
        for remote, number in list(self._by_remote.items()):
            if number == connection.number:
                del self._by_remote[remote]
        with contextlib.suppress(KeyError):
            self.receiver.stream_closed(connection.number)
