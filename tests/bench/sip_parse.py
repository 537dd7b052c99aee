"""How long it takes to read an INVITE and its five main headers.

::

    python tests/bench/sip_parse.py

prints microseconds of CPU time per message; ``./dev bench`` calls :func:`microseconds`.
"""

import time

from offhook.sdp.description import SessionDescription
from offhook.sip.messages.message import Request
from offhook.sip.messages.parser import parse_datagram

SDP = b"".join(
    line + b"\r\n"
    for line in (
        b"v=0",
        b"o=- 3841 3841 IN IP4 198.51.100.17",
        b"s=-",
        b"c=IN IP4 198.51.100.17",
        b"t=0 0",
        b"m=audio 20002 RTP/AVP 0 8 101",
        b"a=rtpmap:0 PCMU/8000",
        b"a=rtpmap:8 PCMA/8000",
        b"a=rtpmap:101 telephone-event/8000",
        b"a=fmtp:101 0-15",
        b"a=ptime:20",
        b"a=sendrecv",
    )
)
INVITE = b"".join(
    line + b"\r\n"
    for line in (
        b"INVITE sip:2044@203.0.113.9:5062;transport=udp SIP/2.0",
        b"Via: SIP/2.0/UDP 198.51.100.17:5060;rport;branch=z9hG4bK7c2f40aa11",
        b"Record-Route: <sip:198.51.100.17;lr>",
        b"Max-Forwards: 70",
        b'From: "Reception desk" <sip:2001@pbx.test>;tag=8f1c22',
        b"To: <sip:2044@pbx.test>",
        b"Call-ID: 55d8a1c06b7f4e2e@198.51.100.17",
        b"CSeq: 4711 INVITE",
        b"Contact: <sip:2001@198.51.100.17:5060>",
        b"User-Agent: pbx/1.0",
        b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, INFO, UPDATE, PRACK",
        b"Supported: replaces, timer, 100rel",
        b"Content-Type: application/sdp",
        b"Content-Length: " + str(len(SDP)).encode(),
        b"",
    )
)
MESSAGE = INVITE + SDP


def read(data: bytes) -> Request:
    """Parse the INVITE and touch Via, From, To, Call-ID and CSeq."""
    request = parse_datagram(data)
    assert isinstance(request, Request)
    _ = (request.via, request.from_, request.to, request.call_id, request.cseq)
    return request


def microseconds(count: int = 2000, rounds: int = 5) -> float:
    """Return CPU microseconds per message, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(count):
            read(MESSAGE)
        best = min(best, (time.thread_time() - start) / count)
    return best * 1e6


def main() -> None:
    """Print the figures."""
    print(f"INVITE, {len(MESSAGE)} bytes, five headers typed: {microseconds():.1f} us")
    start = time.thread_time()
    for _ in range(1000):
        SessionDescription.parse(SDP)
    print(f"its session description: {(time.thread_time() - start) * 1e3:.1f} us")
    request = read(MESSAGE)
    start = time.thread_time()
    for _ in range(1000):
        bytes(request)
    print(f"writing it: {(time.thread_time() - start) * 1e3:.1f} us")


if __name__ == "__main__":
    main()
