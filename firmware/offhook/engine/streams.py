"""SIP over TCP and TLS: connections in and out, each with a number of its own (:rfc:`3261#section-18`)."""

import asyncio
import contextlib
import errno
import itertools
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Protocol

from offhook.engine.tls import TlsClient, TlsIdentity, TlsPeer, chain_of, reason_of
from offhook.engine.tls_door import TlsDoor
from offhook.engine.tls_names import is_address
from offhook.errors import NetworkError

_log = logging.getLogger(__name__)
Address = tuple[str, int]
Place = tuple[Address, TlsPeer | None]
_MAX_PENDING = 256 * 1024
_PIECE = 8 * 1024
_CONNECT_TIMEOUT_S = 10.0
_SHUTDOWN_TIMEOUT_S = 1.0
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


class Connection(asyncio.BufferedProtocol):
    """``wanted``: where we connected to and whom we want there, None for a connection that came in.

    Read in small pieces: a quarter of a megabyte of tiny messages, which asyncio would take at once, costs a second.
    """

    def __init__(self, streams: "SipStreams", number: int, wanted: Place | None = None) -> None:
        self._streams = streams
        self.number = number
        self.wanted = wanted
        self.heard = False
        self.ended_here = False
        self.doubtful = False  # accepted before the time was known, or in an emergency
        self.unverified = False  # nobody has looked at the certificate: for the emergency call alone
        # A view, for asyncio's TLS fills slices of it: those of a bytearray would be copies, and records be lost.
        self._piece = memoryview(bytearray(_PIECE))
        self.transport: asyncio.Transport | None = None

    @property
    def local(self) -> Address:
        """Our end of it."""
        name = self.transport.get_extra_info("sockname") if self.transport is not None else None
        return (name[0], name[1]) if name else ("", 0)

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS state, None over TCP."""
        state = self.transport.get_extra_info("ssl_object") if self.transport is not None else None
        return state if isinstance(state, ssl.SSLObject) else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._streams.made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        self._streams.receiver.stream_data(self.number, bytes(self._piece[:nbytes]))

    def connection_lost(self, error: Exception | None) -> None:
        self._streams.lost(self, error)


class SipStreams:
    """Listening ports and the connections that came of them or were opened to send: over TLS with a ``client``.

    ``limit`` bounds the connections that come in: a crowd at the door must not keep the phone from calling out.
    ``numbers`` are those of the connections.
    """

    def __init__(
        self,
        receiver: StreamReceiver,
        limit: int = 64,
        client: TlsClient | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self.receiver = receiver
        self._limit = limit
        self._client = client
        self._numbers = numbers or itertools.count(1)
        self._servers: list[asyncio.Server | TlsDoor] = []
        self._open: dict[int, Connection] = {}
        self._link_up = True
        self._by_place: dict[Place, int] = {}
        self._waiting: dict[Place, list[bytes]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._local_ips: list[str] = []

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open.values()))

    async def listen(self, ip: str, port: int, security: TlsIdentity | None = None) -> Address:
        """Bind one more port; return the address. Raises NetworkError."""
        loop = asyncio.get_running_loop()
        try:
            if security is not None:
                door = TlsDoor(ip, port, security, lambda: Connection(self, next(self._numbers)), _CONNECT_TIMEOUT_S)
                self._servers.append(door)
                address = door.address
            else:
                server = await loop.create_server(lambda: Connection(self, next(self._numbers)), ip, port)
                self._servers.append(server)
                name = server.sockets[0].getsockname()
                address = (name[0], name[1])
        except OSError as error:
            raise NetworkError(
                f"cannot listen for SIP on tcp {ip}:{port}: {error.strerror}; "
                f"set sip.{'tls_listen' if security else 'listen'} to an address of this device and a free port"
            ) from error
        if ip not in ("0.0.0.0", "::"):
            self._local_ips.append(ip)
        return address

    def stop_listening(self) -> None:
        """Close the ports; connections stay."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._local_ips.clear()

    def send(
        self, data: bytes, remote: Address, number: int | None, peer: TlsPeer | None = None, lenient: bool = False
    ) -> None:
        """Send on connection ``number`` if it is still there, else on any to ``peer`` at ``remote``, else open one.

        ``lenient``: it belongs to an emergency call, and a certificate that was not verified is good enough.
        """
        place = (remote, peer)
        connection = self._open.get(number) if number is not None else None
        connection = connection or self._usable(place, lenient)
        if connection is not None and connection.transport is not None:
            if connection.transport.get_write_buffer_size() > _MAX_PENDING:
                connection.transport.abort()
                return
            connection.transport.write(data)
            return
        waiting = self._waiting.get(place)
        if waiting is not None:
            if sum(map(len, waiting)) < _MAX_PENDING:
                waiting.append(data)
            return
        self._waiting[place] = [data]
        task = asyncio.get_running_loop().create_task(self._connect(place))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _usable(self, place: Place, lenient: bool) -> Connection | None:
        """Return a connection that may carry what is meant for ``place`` (:rfc:`5923#section-5`).

        The one that was opened for it; over TLS also one to the same address for the same account whose certificate
        has the name that is wanted now, or where only an address is wanted: a proxy's Record-Route often says no more.
        """
        opened = self._open.get(self._by_place[place]) if place in self._by_place else None
        lenient = lenient or (self._client is not None and self._client.emergency)
        if opened is not None and (lenient or not opened.unverified):
            return opened
        remote, peer = place
        if peer is None or self._client is None:
            return None
        if is_address(peer.name) and (came_in := self._by_place.get((remote, None))) is not None:
            return self._open.get(came_in)
        return next(
            (
                known
                for known in self._open.values()
                if (lenient or not known.unverified) and self._serves(known, remote, peer)
            ),
            None,
        )

    def _serves(self, connection: Connection, remote: Address, peer: TlsPeer) -> bool:
        known_remote, known = connection.wanted or (None, None)
        if known_remote != remote or known is None or known.settings != peer.settings or self._client is None:
            return False
        if is_address(peer.name):
            return True
        state = connection.tls
        try:
            self._client.check(peer, (state.getpeercert() if state is not None else None) or {})
        except NetworkError:
            return False
        return True

    def set_link(self, up: bool) -> None:
        """Lose every connection and open none until the link is up again (a simulated link)."""
        self._link_up = up
        if not up:
            for connection in self:
                self.break_off(connection)

    def break_off(self, connection: Connection) -> None:
        """Lose one connection at once."""
        connection.ended_here = True
        if connection.transport is not None:
            connection.transport.abort()

    def close_stream(self, number: int) -> None:
        """Close one connection after what was written."""
        connection = self._open.get(number)
        if connection is not None and connection.transport is not None:
            connection.ended_here = True
            connection.transport.close()

    async def close(self) -> None:
        """Close the ports and every connection."""
        for task in self._connecting:
            task.cancel()
        self.stop_listening()
        for connection in self:
            self.close_stream(connection.number)
        # One turn lets transports write what they hold and report that they are closed.
        await asyncio.sleep(0)

    async def _connect(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        remote, peer = place
        local = next((ip for ip in self._local_ips if (":" in ip) == (":" in remote[0])), None)
        try:
            if not self._link_up:
                raise OSError(errno.ENETUNREACH, "the network is unreachable")
            security = self._client.context(peer) if peer is not None and self._client is not None else None
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await loop.create_connection(
                    lambda: Connection(self, next(self._numbers), place),
                    remote[0],
                    remote[1],
                    local_addr=(local, 0) if local else None,
                    ssl=security,
                    server_hostname=peer.server_name if peer and security else None,
                    ssl_shutdown_timeout=_SHUTDOWN_TIMEOUT_S if security else None,
                )
        except (OSError, TimeoutError, OverflowError, ValueError, NetworkError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer"
            self._could_not_connect(place, (reason_of(error, peer, remote) if peer else "") or reason)

    def _could_not_connect(self, place: Place, reason: str) -> None:
        if self._waiting.pop(place, None) is not None:
            self.receiver.connect_failed(place[0], reason)

    def made(self, connection: Connection) -> None:
        """Take in a new connection (called by the connection itself, over TLS after the handshake)."""
        transport = connection.transport
        assert transport is not None
        peer = transport.get_extra_info("peername")
        came_in = sum(known.wanted is None for known in self._open.values())
        if peer is None or not self._link_up or (connection.wanted is None and came_in >= self._limit):
            transport.abort()
            if connection.wanted is not None:
                self._could_not_connect(connection.wanted, "the connection broke at once")
            return
        place: Place = connection.wanted or ((peer[0], peer[1]), None)
        if not self._is_right(connection, place):
            return
        for level, option, value in _KEEP_ALIVE:
            transport.get_extra_info("socket").setsockopt(level, option, value)
        self._open[connection.number] = connection
        self._by_place[place] = connection.number
        for data in self._waiting.pop(place, []):
            transport.write(data)
        self.receiver.stream_opened(connection.number, connection.local, place[0])

    def _is_right(self, connection: Connection, place: Place) -> bool:
        """Judge the certificate of a connection that we opened; one that fails is closed and reported."""
        remote, peer = place
        if peer is None or self._client is None or connection.tls is None:
            return True
        connection.doubtful = self._client.emergency or not self._client.knows_time
        if self._client.emergency:
            _log.warning("emergency call: the certificate of %s is not looked at", remote)
            connection.unverified = True
            return True
        try:
            self._client.check(peer, connection.tls.getpeercert() or {})
        except NetworkError as error:
            self.break_off(connection)
            self._could_not_connect(place, str(error))
            return False
        return True

    def lost(self, connection: Connection, error: Exception | None) -> None:
        """Forget a connection (called by the connection itself)."""
        if self._open.pop(connection.number, None) is None:
            return
        for place, number in list(self._by_place.items()):
            if number == connection.number:
                del self._by_place[place]
        remote, peer = connection.wanted or (("", 0), None)
        if peer is not None and not connection.heard and not connection.ended_here:
            # With TLS 1.3 a server that misses our certificate says so after the handshake, or just breaks off.
            self.receiver.connect_failed(remote, reason_of(error or EOFError(), peer, remote))
        with contextlib.suppress(KeyError):
            self.receiver.stream_closed(connection.number)

    def recheck(self) -> None:
        """Judge what was accepted before the time was known, or in an emergency: what is wrong is closed."""
        for connection in self:
            if not connection.doubtful or self._client is None or self._client.emergency:
                continue
            chain = chain_of(connection.tls)
            fault = "its certificate was not verified"
            if chain and chain[0]:
                fault = self._client.faults(chain) if self._client.knows_time else ""
            if fault:
                _log.warning(
                    "the TLS connection to %s is closed: %s", connection.wanted and connection.wanted[0], fault
                )
                self.break_off(connection)
            connection.doubtful = not self._client.knows_time
