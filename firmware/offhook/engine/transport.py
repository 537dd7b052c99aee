"""The sockets under the SIP endpoint: one UDP socket and one TCP port with the same number."""

import asyncio
import contextlib
import socket
from typing import Protocol

from offhook.engine.streams import Address, TcpStreams
from offhook.engine.udp import UdpSocket
from offhook.errors import NetworkError
from offhook.sip.events import Flow, Transmit, Transport

_SAME_PORT_TRIES = 20


class TransportReceiver(Protocol):
    """Who takes what the sockets bring: the agent."""

    def received(self, data: bytes, flow: Flow) -> None:
        """A datagram, or a piece of a stream."""

    def opened(self, flow: Flow) -> None:
        """A stream is up, ours or theirs."""

    def closed(self, flow: Flow) -> None:
        """A stream is gone."""

    def failed(self, transport: Transport, remote: Address, reason: str) -> None:
        """Sending to ``remote`` failed: ICMP, refused, reset or no answer."""


class SipTransport:
    """Owns the SIP sockets; hands bytes to a :class:`TransportReceiver` and sends :class:`Transmit` values."""

    def __init__(self, receiver: TransportReceiver) -> None:
        self._receiver = receiver
        self._udp = UdpSocket(self._datagram, lambda remote, reason: receiver.failed("udp", remote, reason))
        self._tcp = TcpStreams(self)
        self._flows: dict[int, Flow] = {}
        self._link_up = True
        self.udp: Address = ("0.0.0.0", 0)
        self.tcp: Address = ("0.0.0.0", 0)

    async def open(self, ip: str, port: int) -> None:
        """Bind UDP and TCP on the same port; port 0 takes any that is free for both. Raises NetworkError."""
        for left in reversed(range(_SAME_PORT_TRIES)):
            self.udp = self._udp.open(ip, port)
            try:
                self.tcp = await self._tcp.listen(ip, self.udp[1])
                return
            except NetworkError:
                self._udp.close()
                if port != 0 or left == 0:
                    raise

    def send(self, item: Transmit) -> None:
        """Put one message on the wire; failures come back through the receiver."""
        if item.transport == "udp":
            if self._link_up:
                self._udp.send(item.data, item.remote)
        elif item.transport == "tcp":
            self._tcp.send(item.data, item.remote, item.flow.number if item.flow else None)
        else:
            # What shall be secret must not go in the clear. Told in the loop's next turn: the endpoint is at work now.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._receiver.failed, item.transport, item.remote, "this phone does not speak TLS yet")

    def set_link(self, up: bool) -> None:
        """Plug or unplug a simulated link: while it is down datagrams are lost and streams break."""
        self._link_up = up
        self._tcp.set_link(up)

    def close_flow(self, flow: Flow) -> None:
        """Close one stream."""
        self._tcp.close_stream(flow.number)

    def local_address(self, transport: str, remote_ip: str) -> Address:
        """Return the address of ours that ``remote_ip`` would see, for Via and Contact."""
        ip, port = self.udp if transport == "udp" else self.tcp
        return (source_ip(remote_ip, ip) if ip in ("0.0.0.0", "::") else ip, port)

    async def close(self) -> None:
        """Release all sockets."""
        self._udp.close()
        await self._tcp.close()

    def _datagram(self, data: bytes, remote: Address) -> None:
        if self._link_up:
            self._receiver.received(data, Flow("udp", self.udp, remote))

    def stream_opened(self, number: int, local: Address, remote: Address) -> None:
        """See :class:`StreamReceiver`."""
        flow = self._flows[number] = Flow("tcp", local, remote, number)
        self._receiver.opened(flow)

    def stream_data(self, number: int, data: bytes) -> None:
        """See :class:`StreamReceiver`."""
        self._receiver.received(data, self._flows[number])

    def stream_closed(self, number: int) -> None:
        """See :class:`StreamReceiver`."""
        flow = self._flows.pop(number, None)
        if flow is not None:
            self._receiver.closed(flow)

    def connect_failed(self, remote: Address, reason: str) -> None:
        """See :class:`StreamReceiver`."""
        self._receiver.failed("tcp", remote, reason)


def source_ip(remote_ip: str, default: str) -> str:
    """Return the source address that the kernel would use towards ``remote_ip``; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote_ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((remote_ip, 9))
        return str(probe.getsockname()[0])
    return default
