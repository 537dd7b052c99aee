"""RTP packets: what the RFC draws, and what the network may send instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.rtp.errors import RtpError
from offhook.rtp.packet import HeaderExtension, RtpPacket

PLAIN = bytes.fromhex("80 00 1234 00000140 DEADBEEF") + bytes(160)


def packets() -> st.SearchStrategy[RtpPacket]:
    extension = st.builds(
        HeaderExtension, st.integers(0, 0xFFFF), st.binary(max_size=40).map(lambda b: b[: len(b) & ~3])
    )
    return st.builds(
        RtpPacket,
        st.integers(0, 127),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=400),
        st.booleans(),
        st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
        st.none() | extension,
    )


def test_a_plain_packet_is_read() -> None:
    assert RtpPacket.parse(PLAIN) == RtpPacket(0, 0x1234, 320, 0xDEADBEEF, bytes(160))
    assert RtpPacket.parse(b"\x80\x80" + PLAIN[2:]).marker
    assert RtpPacket.parse(b"\x80\xe5" + PLAIN[2:]).payload_type == 101


@given(packets())
def test_every_packet_survives_the_wire(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


@given(packets(), st.integers(1, 255))
def test_padding_is_taken_off(packet: RtpPacket, count: int) -> None:
    data = bytearray(packet.serialize()) + bytes(count - 1) + bytes([count])
    data[0] |= 0x20
    assert RtpPacket.parse(bytes(data)) == packet


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"\xbf\x00" + tail))
def test_any_bytes_are_a_packet_or_an_rtp_error(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except RtpError:
        return
    assert len(packet.payload) <= len(data) - 12


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "shorter than its header"),
        (PLAIN[:11], "shorter than its header"),
        (bytes(2049), "longer than 2048"),
        (b"\x40" + PLAIN[1:], "version 1"),
        (b"\x8f" + PLAIN[1:12] + bytes(59), "CSRC list"),
        (b"\x90" + PLAIN[1:12] + b"\0", "within its header extension"),
        (b"\x90" + PLAIN[1:12] + bytes.fromhex("BEDE 0002 00000000"), "longer than the packet"),
        (b"\xa0" + PLAIN[1:], "padding of 0"),
        (b"\xa0" + PLAIN[1:12] + b"\x02", "padding of 2"),
        (b"\xa0" + PLAIN[1:12], "padding"),
    ],
)
def test_a_faulty_packet_is_refused_with_its_fault(data: bytes, fault: str) -> None:
    with pytest.raises(RtpError, match=fault):
        RtpPacket.parse(data)


def test_an_extension_of_broken_words_is_not_sent() -> None:
    with pytest.raises(RtpError, match="whole words"):
        RtpPacket(0, 0, 0, 0, b"", extension=HeaderExtension(1, b"abc")).serialize()
