"""A non-blocking UDP socket with the kernel's own receive stamps (SO_TIMESTAMPNS)."""

import select
import socket
import struct
import time
from typing import Protocol

from offhook.media.settings import Address

_SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
_STAMP = struct.Struct("@ll")  # struct timespec of the option as it always was
_ANCILLARY = socket.CMSG_SPACE(_STAMP.size)
_MAX_DATAGRAM = 2048
_TOS_EF = 0xB8  # DSCP expedited forwarding, RFC 3246
_MOST_AT_ONCE = 64  # a flood must not hold up the tick


class Channel(Protocol):
    """Datagrams out, and in with their time of arrival in seconds on CLOCK_MONOTONIC."""

    def send(self, data: bytes, remote: Address) -> None:
        """Send, or drop where the network does not take it now."""

    def receive(self) -> list[tuple[bytes, Address, float]]:
        """Return what arrived since the last call."""

    def close(self) -> None:
        """Release the socket."""


class UdpChannel:
    """The :class:`Channel` over a socket that signalling bound."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._waiting = select.poll()
        self._waiting.register(sock, select.POLLIN)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _TOS_EF)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _TOS_EF)

    def send(self, data: bytes, remote: Address) -> None:
        """See :class:`Channel`; errors (ICMP of an earlier packet, a full queue, no route) lose the packet."""
        try:
            self._socket.sendto(data, remote)
        except (OSError, OverflowError):  # the latter: a port that is none
            return

    def receive(self) -> list[tuple[bytes, Address, float]]:
        """See :class:`Channel`."""
        packets: list[tuple[bytes, Address, float]] = []
        waiting, sock = self._waiting, self._socket
        for _ in range(_MOST_AT_ONCE):
            # Every tick ends here: to ask takes a third of the time of the exception that recvmsg() would raise.
            if not waiting.poll(0):
                break
            try:
                data, ancillary, _, address = sock.recvmsg(_MAX_DATAGRAM, _ANCILLARY)
            except OSError:
                continue  # ICMP: nobody listens there (yet)
            # The stamps are wall-clock time, which may be set at any moment: anchor each anew.
            arrival = time.monotonic()
            offset = arrival - time.time()
            for level, kind, stamp in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(stamp) >= _STAMP.size:
                    seconds, nanoseconds = _STAMP.unpack_from(stamp)
                    arrival = min(arrival, seconds + nanoseconds * 1e-9 + offset)
            packets.append((data, (address[0], address[1]), arrival))
        return packets

    def close(self) -> None:
        """See :class:`Channel`."""
        self._socket.close()
