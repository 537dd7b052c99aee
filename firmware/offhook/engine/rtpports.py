"""Pairs of UDP sockets for RTP and RTCP from the configured range (:rfc:`3550#section-11`)."""

import socket
from dataclasses import dataclass

from offhook.errors import NetworkError

_IP_TOS_EF = 0xB8
_TRIES_ANYWHERE = 20


@dataclass(slots=True)
class RtpSockets:
    """An even RTP port and the odd RTCP port above it, bound."""

    rtp: socket.socket
    rtcp: socket.socket

    @property
    def port(self) -> int:
        """The RTP port, as SDP names it."""
        return int(self.rtp.getsockname()[1])

    def close(self) -> None:
        """Release both ports."""
        self.rtp.close()
        self.rtcp.close()


class RtpPorts:
    """Hands out port pairs round robin, so that late packets of the last call do not reach the next."""

    def __init__(self, first: int, last: int) -> None:
        self._ports = range(first + first % 2, last, 2)
        self._next = 0

    def take(self, ip: str, beyond: bool = False) -> RtpSockets:
        """Bind the next free pair on ``ip``; ``beyond``: rather one outside the range than none.

        Raises NetworkError where there is none.
        """
        for _ in range(len(self._ports)):
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            try:
                return _bind_pair(ip, port)
            except OSError:
                continue
        if beyond and (sockets := _bind_anywhere(ip)) is not None:
            return sockets
        raise NetworkError(
            f"no free pair of RTP ports on {ip} in {self._ports.start}-{self._ports.stop}; "
            "widen rtp.ports in the config"
        )


def _bind(ip: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if sock.family == socket.AF_INET:
            # DSCP Expedited Forwarding (RFC 4594 section 4.1): routers that look at it send voice first.
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _IP_TOS_EF)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _IP_TOS_EF)
        sock.bind((ip, port))
    except OSError:
        sock.close()
        raise
    return sock


def _bind_anywhere(ip: str) -> RtpSockets | None:
    for _ in range(_TRIES_ANYWHERE):
        with _bind(ip, 0) as probe:
            port = int(probe.getsockname()[1]) & ~1
        try:
            return _bind_pair(ip, port)
        except OSError:
            continue
    return None


def _bind_pair(ip: str, port: int) -> RtpSockets:
    rtp = _bind(ip, port)
    try:
        return RtpSockets(rtp, _bind(ip, port + 1))
    except OSError:
        rtp.close()
        raise
