"""A SIP server of a few lines that answers, refuses or is silent; it shares no code with the phone.

It plays the emergency desk, and the servers that fail before it. UDP and TCP on one port; everything that arrives is
kept in ``requests``.
"""

import re
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.support.netns import SERVER_IP

Behaviour = Literal["answer", "refuse", "silent", "trying"]
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\n"
)


@dataclass(frozen=True)
class SipRequest:
    """A request as it came: when (CLOCK_MONOTONIC), over what, and its parts."""

    t: float
    transport: str
    method: str
    uri: str
    head: str
    body: bytes

    def header(self, name: str) -> str:
        """The first header of this name, or ''."""
        found = re.search(rf"^{re.escape(name)}\s*:\s*(.*?)\s*$", self.head, re.IGNORECASE | re.MULTILINE)
        return found.group(1) if found else ""


@dataclass
class StubServer:
    """Listens at ``ip:port`` from its making to ``stop``; methods in ``deaf_to`` are never answered."""

    behaviour: Behaviour
    ip: str = SERVER_IP
    port: int = 0
    status: str = "403 Forbidden"
    deaf_to: tuple[str, ...] = ()
    requests: list[SipRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((self.ip, self.port))
        self.port = self._listener.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((self.ip, self.port))
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind((self.ip, 0))
        self._wake, self._woken = socket.socketpair()
        self._streams: dict[socket.socket, bytes] = {}
        for sock in (self._listener, self._udp, self._woken):
            self._selector.register(sock, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"stub-{self.behaviour}", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """``ip:port``."""
        return f"{self.ip}:{self.port}"

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._woken:
                    return
                if sock is self._listener:
                    stream, _peer = sock.accept()
                    self._streams[stream] = b""
                    self._selector.register(stream, selectors.EVENT_READ)
                elif sock is self._udp:
                    data, peer = sock.recvfrom(65536)
                    self._message(data, "udp", self._udp_reply(peer))
                else:
                    self._stream_data(sock)

    def _udp_reply(self, peer: tuple[str, int]) -> Callable[[bytes], object]:
        return lambda answer: self._udp.sendto(answer, peer)

    def _stream_data(self, stream: socket.socket) -> None:
        try:
            data = stream.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(stream)
            del self._streams[stream]
            stream.close()
            return
        buffer = (self._streams[stream] + data).lstrip(b"\r\n")
        while b"\r\n\r\n" in buffer:
            head, _, rest = buffer.partition(b"\r\n\r\n")
            found = re.search(rb"^(?:content-length|l)\s*:\s*(\d+)", head, re.IGNORECASE | re.MULTILINE)
            length = int(found.group(1)) if found else 0
            if len(rest) < length:
                break
            self._message(head + b"\r\n\r\n" + rest[:length], "tcp", stream.sendall)
            buffer = rest[length:].lstrip(b"\r\n")
        self._streams[stream] = buffer

    def _message(self, data: bytes, transport: str, reply: Callable[[bytes], object]) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        text = head.decode("utf-8", "replace")
        words = text.split("\r\n", 1)[0].split(" ")
        if len(words) != 3 or words[0].startswith("SIP/"):
            return
        request = SipRequest(time.monotonic(), transport, words[0], words[1], text, body)
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        for answer in self._answers(request):
            reply(answer)

    def _answers(self, request: SipRequest) -> list[bytes]:
        if self.behaviour == "silent" or request.method in ("ACK", *self.deaf_to):
            return []
        if request.method != "INVITE":
            return [self._response(request, "200 OK")]
        if self.behaviour == "trying":
            return [self._response(request, "100 Trying")]
        if self.behaviour == "refuse":
            return [self._response(request, self.status)]
        sdp = SDP.format(ip=self.ip, port=self._media.getsockname()[1])
        return [self._response(request, "180 Ringing"), self._response(request, "200 OK", sdp)]

    def _response(self, request: SipRequest, status: str, sdp: str = "") -> bytes:
        keep = ("via", "v", "from", "f", "call-id", "i", "cseq", "record-route")
        lines = [line for line in request.head.split("\r\n")[1:] if line.split(":")[0].strip().lower() in keep]
        to = request.header("To") or request.header("t")
        tag = "" if ";tag=" in to or status.startswith("100") else f";tag=stub{self.port}"
        lines = [f"SIP/2.0 {status}", *lines, f"To: {to}{tag}"]
        if sdp:
            lines += [
                f"Contact: <sip:stub@{self.address};transport={request.transport}>",
                "Content-Type: application/sdp",
            ]
        return "\r\n".join([*lines, f"Content-Length: {len(sdp)}", "", sdp]).encode()

    def wait_for(self, method: str, timeout: float = 20.0) -> SipRequest:
        """Wait for the first request of this method that there is or comes."""
        end = time.monotonic() + timeout
        with self._arrived:
            while True:
                for request in self.requests:
                    if request.method == method:
                        return request
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {method} at {self.address} within {timeout:g} s: {self.requests}")
                self._arrived.wait(left)

    def stop(self) -> None:
        """Close everything."""
        self._wake.send(b"x")
        self._thread.join(5)
        self._selector.close()
        for sock in (*self._streams, self._listener, self._udp, self._media, self._wake, self._woken):
            sock.close()

    def __enter__(self) -> "StubServer":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
