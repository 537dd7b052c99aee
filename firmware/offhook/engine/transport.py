"""The sockets under the SIP endpoint: UDP and TCP with one port number, over IPv4 and IPv6, and TLS beside them."""

import contextlib
import errno
import itertools
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from offhook.engine.streams import Address, Connection, SipStreams
from offhook.engine.tls import TlsClient, TlsIdentity, TlsSettings
from offhook.engine.udp import UdpSocket
from offhook.errors import NetworkError
from offhook.sip.events import Flow, Transmit, Transport

_log = logging.getLogger(__name__)
_SAME_PORT_TRIES = 20
_TLS_PORT = 5061
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class TlsListen:
    """Where to take TLS connections, and the certificate (chain) and key to show there."""

    ip: str
    port: int
    certificate: Path
    key: Path


class TransportReceiver(Protocol):
    """Who takes what the sockets bring: the agent."""

    def received(self, data: bytes, flow: Flow) -> None:
        """A datagram, or a piece of a stream."""

    def opened(self, flow: Flow) -> None:
        """A stream is up, ours or theirs."""

    def closed(self, flow: Flow) -> None:
        """A stream is gone."""

    def failed(self, transport: Transport, remote: Address, reason: str) -> None:
        """Sending to ``remote`` failed: ICMP, refused, reset, no answer or a certificate that is not the right one."""


class _Streams:
    """The connections of one stream transport, as flows."""

    def __init__(self, transport: Transport, receiver: TransportReceiver) -> None:
        self._transport = transport
        self._receiver = receiver
        self._flows: dict[int, Flow] = {}

    def stream_opened(self, number: int, local: Address, remote: Address) -> None:
        """See :class:`offhook.engine.streams.StreamReceiver`."""
        flow = self._flows[number] = Flow(self._transport, local, remote, number)
        self._receiver.opened(flow)

    def stream_data(self, number: int, data: bytes) -> None:
        """See :class:`offhook.engine.streams.StreamReceiver`."""
        self._receiver.received(data, self._flows[number])

    def stream_closed(self, number: int) -> None:
        """See :class:`offhook.engine.streams.StreamReceiver`."""
        flow = self._flows.pop(number, None)
        if flow is not None:
            self._receiver.closed(flow)

    def connect_failed(self, remote: Address, reason: str) -> None:
        """See :class:`offhook.engine.streams.StreamReceiver`."""
        self._receiver.failed(self._transport, remote, reason)


class SipTransport:
    """Owns the SIP sockets; hands bytes to a :class:`TransportReceiver` and sends :class:`Transmit` values.

    ``tls`` gives each account's TLS settings; ``tls_listen``: where TLS connections are taken, None: nowhere, and
    calls come over the connection that we registered by.
    """

    def __init__(
        self,
        receiver: TransportReceiver,
        tls: Mapping[str, TlsSettings] | None = None,
        tls_listen: TlsListen | None = None,
        client: TlsClient | None = None,
    ) -> None:
        self._receiver = receiver
        self._udp4, self._udp6 = self._udp_socket(), self._udp_socket()
        numbers = itertools.count(1)
        self._tcp = SipStreams(_Streams("tcp", receiver), numbers=numbers)
        self.security = client or TlsClient(tls)
        self._tls = SipStreams(_Streams("tls", receiver), client=self.security, numbers=numbers)
        self._tls_listen = tls_listen
        self._link_up = True
        self.udp: Address = ("0.0.0.0", 0)
        self.tcp: Address = ("0.0.0.0", 0)
        self.tls: Address | None = None

    async def open(self, ip: str, port: int) -> None:
        """Bind UDP and TCP on the same port; port 0 takes any that is free for both. Raises NetworkError.

        ``::`` binds IPv6 and IPv4, where the kernel has both. What is wrong with TLS here is logged, and costs no more
        than the connections that would have come in.
        """
        for left in reversed(range(_SAME_PORT_TRIES)):
            try:
                await self._bind(ip, port)
                break
            except NetworkError:
                self._release()
                if port != 0 or left == 0:
                    raise
        await self._listen_for_tls()

    async def rebind(self, ip: str, port: int) -> None:
        """Bind anew, elsewhere or because the address has gone and come back; connections stay. Raises NetworkError."""
        self._release()
        await self.open(ip, port)

    async def _bind(self, ip: str, port: int) -> None:
        bound = False
        for each in ("::", "0.0.0.0") if ip == "::" else (ip,):
            try:
                address = (self._udp6 if ":" in each else self._udp4).open(each, port)
            except NetworkError as error:
                cause = error.__cause__
                if each == "::" and isinstance(cause, OSError) and cause.errno in _NO_SUCH_FAMILY:
                    continue  # a kernel without IPv6
                raise
            port = address[1]
            listening = await self._tcp.listen(each, port)
            if not bound:
                self.udp, self.tcp, bound = address, listening, True

    async def _listen_for_tls(self) -> None:
        self.tls, wanted = None, self._tls_listen
        if wanted is None:
            return
        port = wanted.port
        try:
            identity = TlsIdentity(wanted.certificate, wanted.key)
            for each in ("::", "0.0.0.0") if wanted.ip == "::" else (wanted.ip,):
                try:
                    address = await self._tls.listen(each, port, identity)
                except NetworkError as error:
                    cause = error.__cause__
                    if each == "::" and isinstance(cause, OSError) and cause.errno in _NO_SUCH_FAMILY:
                        continue
                    raise
                port, self.tls = address[1], self.tls or address
        except NetworkError as error:
            _log.error("%s; nobody can reach this phone by a TLS connection of his own", error)

    def send(self, item: Transmit) -> None:
        """Put one message on the wire; failures come back through the receiver."""
        number = item.flow.number if item.flow else None
        if item.transport == "tcp":
            self._tcp.send(item.data, item.remote, number)
        elif item.transport == "tls":
            # What shall be secret never goes in the clear.
            peer = self.security.peer(item.name or item.remote[0], item.account)
            self._tls.send(item.data, item.remote, number, peer, item.lenient)
        elif self._link_up:
            (self._udp6 if ":" in item.remote[0] else self._udp4).send(item.data, item.remote)

    def set_link(self, up: bool) -> None:
        """Plug or unplug a simulated link: while it is down datagrams are lost and streams break."""
        self._link_up = up
        self._tcp.set_link(up)
        self._tls.set_link(up)

    def close_flow(self, flow: Flow) -> None:
        """Close one stream."""
        (self._tls if flow.transport == "tls" else self._tcp).close_stream(flow.number)

    def local_address(self, transport: str, remote_ip: str) -> Address:
        """Return the address of ours that ``remote_ip`` would see, for Via and Contact.

        Where nothing listens for TLS that is our end of the connection: a server knows it again by that.
        """
        ip, port = self.udp if transport == "udp" else self.tcp
        if transport == "tls":
            if self.tls is not None:
                ip, port = self.tls
            elif (connection := self._connection_to(remote_ip)) is not None:
                ip, port = connection.local
            else:
                port = _TLS_PORT
        found = source_ip(remote_ip, ip) if ip in EVERYWHERE else ip
        return found.partition("%")[0], port

    def addresses(self) -> dict[str, Address]:
        """Return where we listen by now, by transport."""
        found = {"udp": self.udp, "tcp": self.tcp, "tls": self.tls or ("", 0)}
        return {name: address for name, address in found.items() if address[1]}

    def _connection_to(self, ip: str) -> Connection | None:
        return next((known for known in self._tls if known.wanted is not None and known.wanted[0][0] == ip), None)

    def keep_streams(self, addresses: frozenset[str]) -> None:
        """Break off the connections whose own end is at none of these: nothing would ever tell that they are dead."""
        for streams in (self._tcp, self._tls):
            for connection in streams:
                ip = connection.local[0].partition("%")[0]
                if ip not in addresses and not ip_address(ip).is_loopback:
                    streams.break_off(connection)

    def recheck(self) -> None:
        """Judge certificates that were accepted before the time was known, or in an emergency."""
        self._tls.recheck()

    async def close(self) -> None:
        """Release all sockets."""
        self._release()
        await self._tcp.close()
        await self._tls.close()

    def _release(self) -> None:
        self._udp4.close()
        self._udp6.close()
        self._tcp.stop_listening()
        self._tls.stop_listening()

    def _udp_socket(self) -> UdpSocket:
        """Make a socket that knows its own address when something comes."""

        def take(data: bytes, remote: Address) -> None:
            if self._link_up:
                self._receiver.received(data, Flow("udp", sock.address, remote))

        sock = UdpSocket(take, lambda remote, reason: self._receiver.failed("udp", remote, reason))
        return sock


def is_free(ip: str, port: int) -> bool:
    """Whether UDP and TCP could be bound there now; nothing stays bound. ``::`` asks for IPv6 and IPv4."""
    for each in EVERYWHERE if ip == "::" else (ip,):
        family = socket.AF_INET6 if ":" in each else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            try:
                with socket.socket(family, kind) as probe:
                    if family == socket.AF_INET6:
                        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    if kind == socket.SOCK_STREAM:
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((each, port))
            except OSError as error:
                if each == "::" and error.errno in _NO_SUCH_FAMILY:
                    continue  # a kernel without IPv6
                return False
    return True


def source_ip(remote_ip: str, default: str) -> str:
    """Return the source address that the kernel would use towards ``remote_ip``; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote_ip else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote_ip, 9))
        return str(probe.getsockname()[0])
    return default
