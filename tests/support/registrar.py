"""A registrar and callee of a few lines that can die and come back, and a NAT that forgets; no code of the phone's.

The registrar answers as RFC 3261 and RFC 3581 ask (``received`` and ``rport``), takes calls, and sends every RTP packet
back to where it came from.
"""

import re
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import Self

SDP = "v=0\r\no=- {n} {n} IN IP{v} {ip}\r\ns=-\r\nc=IN IP{v} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
_DATAGRAM = 65536


@dataclass(frozen=True)
class Heard:
    """A request as it came: when (CLOCK_MONOTONIC), its method, from where, and the message."""

    t: float
    method: str
    source: tuple[str, int]
    text: str


class _Loop:
    """A thread that reads sockets until it is stopped."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, woken = socket.socketpair()
        self._selector.register(woken, selectors.EVENT_READ)
        self._woken = woken
        self._thread = threading.Thread(target=self._run, daemon=True)

    def read(self, *socks: socket.socket) -> None:
        for sock in socks:
            self._selector.register(sock, selectors.EVENT_READ)

    def start(self) -> None:
        self._thread.start()

    def on_datagram(self, sock: socket.socket, data: bytes, source: tuple[str, int]) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._woken:
                    return
                try:
                    data, source = sock.recvfrom(_DATAGRAM)
                    self.on_datagram(sock, data, source[:2])
                except OSError:
                    continue  # an ICMP error, or no way to answer just now

    def stop(self) -> None:
        self._wake.send(b"x")
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        self._wake.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def udp(ip: str, port: int = 0) -> socket.socket:
    """A bound UDP socket."""
    sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((ip, port))
    return sock


class Registrar(_Loop):
    """Listens for UDP at ``ip:port`` from its making to :meth:`stop`; ``mute``: it hears and says nothing."""

    def __init__(self, ip: str, port: int = 0, mute: bool = False) -> None:
        super().__init__()
        self.ip, self.mute = ip, mute
        self.heard: list[Heard] = []
        self.rtp: list[tuple[float, tuple[str, int]]] = []
        self._sip, self._media = udp(ip, port), udp(ip)
        self.port = int(self._sip.getsockname()[1])
        self._arrived = threading.Condition()
        self._count = 0
        self.read(self._sip, self._media)
        self.start()

    @property
    def address(self) -> str:
        """``ip:port`` as a config has it."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    def on_datagram(self, sock: socket.socket, data: bytes, source: tuple[str, int]) -> None:
        """Take a request, or echo a packet of sound."""
        if sock is self._media:
            self.rtp.append((time.monotonic(), source))
            sock.sendto(data, source)
            return
        text = data.decode("utf-8", "replace")
        method = text.partition(" ")[0]
        with self._arrived:
            self.heard.append(Heard(time.monotonic(), method, source, text))
            self._arrived.notify_all()
        if not self.mute and method.isalpha() and method != "ACK":
            for answer in self._answers(text, method, source):
                sock.sendto(answer, source)

    def _answers(self, text: str, method: str, source: tuple[str, int]) -> list[bytes]:
        if method != "INVITE":
            contact = _header(text, "Contact").split(",")[0] if method == "REGISTER" else ""
            return [
                self._response(text, "200 OK", source, f"Contact: {contact}\r\nExpires: 600\r\n" if contact else "")
            ]
        self._count += 1
        version = 6 if ":" in self.ip else 4
        sdp = SDP.format(n=self._count, v=version, ip=self.ip, port=self._media.getsockname()[1])
        more = f"Contact: <sip:echo@{self.address}>\r\nContent-Type: application/sdp\r\n"
        return [self._response(text, "200 OK", source, more, sdp)]

    def _response(self, text: str, status: str, source: tuple[str, int], more: str = "", sdp: str = "") -> bytes:
        via = re.sub(r";rport(?=[;\s]|$)", f";rport={source[1]};received={source[0]}", _header(text, "Via"))
        to = _header(text, "To")
        to += "" if ";tag=" in to else ";tag=echo"
        rows = [f"Via: {via}", f"To: {to}", *(f"{name}: {_header(text, name)}" for name in ("From", "Call-ID", "CSeq"))]
        rows = [f"SIP/2.0 {status}", *rows, f"{more}Content-Length: {len(sdp)}", "", sdp]
        return "\r\n".join(rows).encode()

    def options_to(self, uri: str, place: tuple[str, int]) -> None:
        """Send OPTIONS to a contact at the place where it was last seen."""
        token = f"q{time.monotonic_ns()}"
        text = (
            f"OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address};rport;branch=z9hG4bK{token}\r\n"
            f"From: <sip:pbx@{self.ip}>;tag={token}\r\nTo: <{uri}>\r\nCall-ID: {token}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        self._sip.sendto(text.encode(), place)

    def wait_for(self, method: str, since: float, timeout: float) -> Heard:
        """Wait for the first message that begins with ``method`` and came after ``since``."""
        end = time.monotonic() + timeout
        with self._arrived:
            while True:
                for message in self.heard:
                    if message.method == method and message.t >= since:
                        return message
                if not self._arrived.wait(end - time.monotonic()) and time.monotonic() >= end:
                    raise AssertionError(f"no {method} within {timeout:g} s")


class Nat(_Loop):
    """Forwards between phones at ``ip:port`` and one server; what comes from elsewhere than the mapping is lost.

    :meth:`forget` gives the mapping another port: what the server sends to the old one arrives nowhere.
    """

    def __init__(self, ip: str, server: tuple[str, int]) -> None:
        super().__init__()
        self._server = server
        self._near, self._ip = udp(ip), ip
        self._far = udp(ip)
        self._phone: tuple[str, int] | None = None
        self.port = int(self._near.getsockname()[1])
        self.read(self._near, self._far)
        self.start()

    def on_datagram(self, sock: socket.socket, data: bytes, source: tuple[str, int]) -> None:
        """Pass on what belongs to the mapping."""
        if sock is self._near:
            self._phone = source
            self._far.sendto(data, self._server)
        elif sock is self._far and source == self._server and self._phone is not None:
            self._near.sendto(data, self._phone)

    def forget(self) -> None:
        """Lose the mapping: the next packet from inside gets another port outside."""
        fresh = udp(self._ip)
        old, self._far = self._far, fresh
        self.read(fresh)
        self._selector.unregister(old)
        old.close()


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""
