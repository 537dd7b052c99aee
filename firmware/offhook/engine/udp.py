"""One UDP socket for SIP, read in batches, that tells which peer an ICMP error was about.

asyncio's datagram transport cannot say whose port was unreachable on an unconnected socket, so this reads the
socket's error queue itself (``IP_RECVERR``, ip(7)).
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from offhook.errors import NetworkError

_IP_RECVERR = 11
_IPV6_RECVERR = 25
_BATCH = 32
_MAX_DATAGRAM = 65535

Address = tuple[str, int]


class UdpSocket:
    """A bound, non-blocking UDP socket on the running loop.

    ``on_datagram(data, remote)`` is called for each datagram, at most 32 of them per turn of the loop, so that a
    flood leaves room for timers; ``on_error(remote, reason)`` for each ICMP error that came back.
    """

    def __init__(self, on_datagram: Callable[[bytes, Address], None], on_error: Callable[[Address, str], None]) -> None:
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._socket: socket.socket | None = None
        self.address: Address = ("", 0)

    def open(self, ip: str, port: int) -> Address:
        """Bind and start to read; return the address that was bound. Raises NetworkError."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise NetworkError(
                f"cannot use udp {ip}: {error.strerror}; set sip.listen to an IPv4 address such as 0.0.0.0:5060"
            ) from error
        try:
            sock.setblocking(False)
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((ip, port))
        except OSError as error:
            sock.close()
            raise NetworkError(
                f"cannot listen for SIP on udp {ip}:{port}: {error.strerror}; "
                "set sip.listen to an address of this device and a free port"
            ) from error
        self._socket = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)
        name = sock.getsockname()
        self.address = (name[0], name[1])
        return self.address

    def send(self, data: bytes, remote: Address) -> None:
        """Send one datagram; a local failure is reported like an ICMP error."""
        if self._socket is None:
            family = "IPv6" if ":" in remote[0] else "IPv4"
            # Told in the loop's next turn: who sends is at work now.
            asyncio.get_running_loop().call_soon(
                self._on_error, remote, f"no {family} socket; set sip.listen to [::]:5060 for IPv4 and IPv6"
            )
            return
        for _ in range(3):
            try:
                self._socket.sendto(data, remote)
                return
            except BlockingIOError:
                return  # the send buffer is full: as good as lost on the way, SIP retransmits
            except OverflowError:
                self._on_error(remote, "there is no such port")
                return
            except OSError as error:
                # With IP_RECVERR a pending error of an earlier datagram is raised here first: read it, then try again.
                if not self._drain_errors():
                    self._on_error(remote, error.strerror or str(error))
                    return

    def close(self) -> None:
        """Stop reading and release the port."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        for _ in range(_BATCH):
            if self._socket is None:
                return
            try:
                data, remote = self._socket.recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError:
                if not self._drain_errors():
                    break
                continue
            self._on_datagram(data, (remote[0], remote[1]))
        self._drain_errors()

    def _drain_errors(self) -> bool:
        """Report every queued ICMP error; return whether there was one."""
        seen = False
        while self._socket is not None:
            try:
                _, ancillary, _, remote = self._socket.recvmsg(1, 512, socket.MSG_ERRQUEUE)
            except OSError:
                break
            seen = True
            # struct sock_extended_err begins with the errno as a native 32-bit integer.
            code = next(
                (
                    int.from_bytes(data[:4], "little")
                    for _, kind, data in ancillary
                    if kind in (_IP_RECVERR, _IPV6_RECVERR)
                ),
                errno.ECONNREFUSED,
            )
            if remote:
                self._on_error((remote[0], remote[1]), os.strerror(code))
        return seen
