"""The RTP packet (:rfc:`3550#section-5.1`).

::

    V=2|P|X| CC |M| payload type | sequence number
    timestamp
    SSRC
    CSRC (CC words) ... [profile | length, extension words ...] payload [padding ... count]
"""

import struct
from typing import NamedTuple

from msgspec import Struct

from offhook.rtp.errors import RtpError

MAX_PACKET = 2048  # octets; 200 ms of G.711 is 1612, an Ethernet frame carries 1472
HEADER = struct.Struct("!BBHII")
_VERSION = 2 << 6


class HeaderExtension(Struct, frozen=True):
    """The one header extension that a packet may carry (:rfc:`3550#section-5.3.1`).

    Attributes:
        profile: 16 bits that say what the data is (0xBEDE: :rfc:`8285`).
        data: whole 32-bit words.
    """

    profile: int
    data: bytes


class RtpPacket(NamedTuple):
    """One packet; ``sequence``, ``timestamp`` and ``ssrc`` are the 16-, 32- and 32-bit numbers of the wire.

    A tuple: a hundred are made each second of a call, and a frozen dataclass takes five times as long to make.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrc: tuple[int, ...] = ()
    extension: HeaderExtension | None = None

    @classmethod
    def parse(cls, data: bytes) -> "RtpPacket":
        """Read a datagram; padding is taken off. Raises :class:`RtpError`."""
        size = len(data)
        if size < 12:
            raise RtpError(f"RTP packet of {size} octets is shorter than its header: drop it")
        if size > MAX_PACKET:
            raise RtpError(f"RTP packet of {size} octets is longer than {MAX_PACKET}: drop it")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if first == _VERSION:
            return cls(second & 0x7F, sequence, timestamp, ssrc, bytes(data[12:]), second > 0x7F)
        return cls._parse_rest(data, first, second, sequence, timestamp, ssrc)

    @classmethod
    def _parse_rest(cls, data: bytes, first: int, second: int, sequence: int, timestamp: int, ssrc: int) -> "RtpPacket":
        if first >> 6 != 2:
            raise RtpError(f"RTP version {first >> 6} is not 2: drop the packet")
        begin, end = 12 + 4 * (first & 15), len(data)
        if begin > end:
            raise RtpError("RTP packet ends within its CSRC list: drop it")
        csrc = struct.unpack_from(f"!{first & 15}I", data, 12)
        extension = None
        if first & 0x10:
            if begin + 4 > end:
                raise RtpError("RTP packet ends within its header extension: drop it")
            profile, words = struct.unpack_from("!HH", data, begin)
            stop = begin + 4 + 4 * words
            if stop > end:
                raise RtpError("RTP header extension is longer than the packet: drop it")
            extension = HeaderExtension(profile, bytes(data[begin + 4 : stop]))
            begin = stop
        if first & 0x20:
            padding = data[end - 1]
            if not 0 < padding <= end - begin:
                raise RtpError(f"RTP padding of {padding} octets does not fit the packet: drop it")
            end -= padding
        return cls(second & 0x7F, sequence, timestamp, ssrc, bytes(data[begin:end]), second > 0x7F, csrc, extension)

    def serialize(self) -> bytes:
        """Return the packet as it goes on the wire, without padding."""
        second = self.payload_type | 0x80 if self.marker else self.payload_type
        if not self.csrc and self.extension is None:
            return HEADER.pack(_VERSION, second, self.sequence, self.timestamp, self.ssrc) + self.payload
        first = _VERSION | len(self.csrc) | (0x10 if self.extension else 0)
        parts = [HEADER.pack(first, second, self.sequence, self.timestamp, self.ssrc)]
        parts.append(struct.pack(f"!{len(self.csrc)}I", *self.csrc))
        if self.extension is not None:
            if len(self.extension.data) % 4:
                raise RtpError("an RTP header extension is whole words: pad its data to 4 octets")
            parts.append(struct.pack("!HH", self.extension.profile, len(self.extension.data) // 4))
            parts.append(self.extension.data)
        parts.append(self.payload)
        return b"".join(parts)
