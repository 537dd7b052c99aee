"""RTCP packets (:rfc:`3550#section-6.4`): sender and receiver reports, source description, goodbye.

A datagram is a compound of them and begins with a report (:rfc:`3550#appendix-A.2`). Types that are not known here
(application-defined, feedback, extended reports) are passed over.
"""

import struct
from collections.abc import Iterable

from msgspec import Struct

from offhook.rtp.errors import RtpError

MAX_COMPOUND = 2048
_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_CNAME = 1


class ReportBlock(Struct, frozen=True):
    """What one receiver has to say of one source (:rfc:`3550#section-6.4.1`).

    Attributes:
        ssrc: the source that is reported on.
        fraction_lost: since the last report, in 256ths.
        lost: in all; may be negative (duplicates), 24 bits.
        highest_sequence: extended by the count of its cycles.
        jitter: interarrival jitter in timestamp units.
        last_report: middle 32 bits of the NTP time of the last sender report, 0 for none.
        delay: since that report came, in 65536ths of a second.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int

    def serialize(self) -> bytes:
        """Return the 24 octets."""
        lost = max(-(1 << 23), min(self.lost, (1 << 23) - 1)) & 0xFFFFFF
        return _BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            min(self.jitter, 0xFFFFFFFF),
            self.last_report,
            min(self.delay, 0xFFFFFFFF),
        )

    @classmethod
    def parse_from(cls, data: bytes, offset: int) -> "ReportBlock":
        """Read the 24 octets at ``offset``."""
        ssrc, lost, highest, jitter, last, delay = _BLOCK.unpack_from(data, offset)
        count = (lost & 0xFFFFFF) - (1 << 24 if lost & 0x800000 else 0)
        return cls(ssrc, lost >> 24, count, highest, jitter, last, delay)


class SenderReport(Struct, frozen=True):
    """SR: what was sent, and how NTP time and RTP time belong together."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        """Return the packet."""
        body = _SENDER.pack(
            self.ssrc, self.ntp, self.rtp_timestamp, self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF
        )
        return _packet(_SR, len(self.blocks), body + b"".join(block.serialize() for block in self.blocks))


class ReceiverReport(Struct, frozen=True):
    """RR: from one who sends nothing."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        """Return the packet."""
        body = struct.pack("!I", self.ssrc) + b"".join(block.serialize() for block in self.blocks)
        return _packet(_RR, len(self.blocks), body)


class SourceDescription(Struct, frozen=True):
    """SDES: the canonical names of sources."""

    names: tuple[tuple[int, str], ...]

    def serialize(self) -> bytes:
        """Return the packet."""
        chunks = []
        for ssrc, name in self.names:
            text = name.encode()[:255]
            chunk = struct.pack("!IBB", ssrc, _CNAME, len(text)) + text + b"\0"
            chunks.append(chunk + bytes(-len(chunk) % 4))
        return _packet(_SDES, len(chunks), b"".join(chunks))


class Goodbye(Struct, frozen=True):
    """BYE: sources that leave."""

    ssrcs: tuple[int, ...]
    reason: str = ""

    def serialize(self) -> bytes:
        """Return the packet."""
        body = struct.pack(f"!{len(self.ssrcs)}I", *self.ssrcs)
        if self.reason:
            text = self.reason.encode()[:255]
            text = bytes([len(text)]) + text
            body += text + bytes(-len(text) % 4)
        return _packet(_BYE, len(self.ssrcs), body)


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye


def serialize(packets: Iterable[RtcpPacket]) -> bytes:
    """Return a compound packet."""
    return b"".join(packet.serialize() for packet in packets)


def parse(data: bytes) -> tuple[RtcpPacket, ...]:
    """Read a compound packet. Raises :class:`RtpError`."""
    if not 8 <= len(data) <= MAX_COMPOUND:
        raise RtpError(f"RTCP datagram of {len(data)} octets: drop it")
    packets: list[RtcpPacket] = []
    offset = 0
    while offset < len(data):
        if offset + 4 > len(data):
            raise RtpError("RTCP packet ends within its header: drop it")
        first, kind, words = _HEADER.unpack_from(data, offset)
        end = offset + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise RtpError("RTCP packet of another version, or longer than its datagram: drop it")
        if offset == 0 and kind not in (_SR, _RR):
            raise RtpError(f"RTCP datagram begins with type {kind}, not with a report: drop it")
        body = data[offset + 4 : end]
        if first & 0x20:
            if end != len(data) or not body or not 0 < body[-1] <= len(body):
                raise RtpError("RTCP padding does not fit: drop the datagram")
            body = body[: -body[-1]]
        packet = _parse_one(kind, first & 31, body)
        if packet is not None:
            packets.append(packet)
        offset = end
    return tuple(packets)


def _parse_one(kind: int, count: int, body: bytes) -> RtcpPacket | None:
    if kind == _SR:
        _require(body, _SENDER.size + _BLOCK.size * count)
        ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
        return SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(body, _SENDER.size, count))
    if kind == _RR:
        _require(body, 4 + _BLOCK.size * count)
        return ReceiverReport(int.from_bytes(body[:4], "big"), _blocks(body, 4, count))
    if kind == _SDES:
        return SourceDescription(_names(body, count))
    if kind == _BYE:
        _require(body, 4 * count)
        length = body[4 * count] if len(body) > 4 * count else 0
        reason = body[4 * count + 1 : 4 * count + 1 + length].decode("utf-8", "replace")
        return Goodbye(struct.unpack_from(f"!{count}I", body), reason)
    return None


def _require(body: bytes, size: int) -> None:
    if len(body) < size:
        raise RtpError(f"RTCP packet has {len(body)} octets of {size} that its count promises: drop it")


def _blocks(body: bytes, offset: int, count: int) -> tuple[ReportBlock, ...]:
    return tuple(ReportBlock.parse_from(body, offset + _BLOCK.size * index) for index in range(count))


def _names(body: bytes, count: int) -> tuple[tuple[int, str], ...]:
    names = []
    at = 0
    for _ in range(count):
        _require(body, at + 5)
        ssrc = int.from_bytes(body[at : at + 4], "big")
        at += 4
        while at < len(body) and body[at]:
            _require(body, at + 2)
            item, length = body[at], body[at + 1]
            _require(body, at + 2 + length)
            if item == _CNAME:
                names.append((ssrc, body[at + 2 : at + 2 + length].decode("utf-8", "replace")))
            at += 2 + length
        at += 4 - at % 4  # the list ends with at least one zero octet, up to the next word
    return tuple(names)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    if count > 31:
        raise RtpError(f"an RTCP packet carries 31 blocks, not {count}: split them")
    return _HEADER.pack(2 << 6 | count, kind, len(body) // 4) + body
