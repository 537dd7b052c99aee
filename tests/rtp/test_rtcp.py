"""RTCP compounds, whole and broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.rtp import rtcp
from offhook.rtp.errors import RtpError
from offhook.rtp.rtcp import Goodbye, ReceiverReport, ReportBlock, RtcpPacket, SenderReport, SourceDescription

WORD = st.integers(0, 0xFFFFFFFF)
BLOCK = st.builds(
    ReportBlock, WORD, st.integers(0, 255), st.integers(-(1 << 23), (1 << 23) - 1), WORD, WORD, WORD, WORD
)
BLOCKS = st.lists(BLOCK, max_size=31).map(tuple)
TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
SENDER = st.builds(SenderReport, WORD, st.integers(0, 2**64 - 1), WORD, WORD, WORD, BLOCKS)
RECEIVER = st.builds(ReceiverReport, WORD, BLOCKS)
NAMES = st.builds(SourceDescription, st.lists(st.tuples(WORD, TEXT), max_size=4).map(tuple))
BYE = st.builds(Goodbye, st.lists(WORD, max_size=31).map(tuple), TEXT)


@given(SENDER | RECEIVER, st.lists(SENDER | RECEIVER | NAMES | BYE, max_size=2))
def test_every_compound_survives_the_wire(first: RtcpPacket, rest: list[RtcpPacket]) -> None:
    data = rtcp.serialize([first, *rest])
    if len(data) <= rtcp.MAX_COMPOUND:
        assert rtcp.parse(data) == (first, *rest)
    assert len(data) % 4 == 0


@given(st.binary(max_size=120) | st.binary(max_size=120).map(lambda tail: b"\x82\xc8\x00" + tail))
def test_any_bytes_are_a_compound_or_an_rtp_error(data: bytes) -> None:
    try:
        rtcp.parse(data)
    except RtpError:
        return


@given(SENDER, NAMES, st.data())
def test_a_damaged_compound_is_read_or_refused(
    sender: SenderReport, names: SourceDescription, draw: st.DataObject
) -> None:
    data = bytearray(rtcp.serialize([sender, names]))
    for _ in range(3):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for damaged in (bytes(data), bytes(data[:cut])):
        try:
            rtcp.parse(damaged)
        except RtpError:
            continue


def test_types_that_are_not_known_are_passed_over() -> None:
    unknown = bytes.fromhex("80 CC 0002 00000001 74657374")
    report = ReceiverReport(7)
    assert rtcp.parse(report.serialize() + unknown + Goodbye((7,)).serialize()) == (report, Goodbye((7,)))


def test_padding_of_the_last_packet_is_taken_off() -> None:
    data = bytearray(ReceiverReport(7).serialize() + Goodbye((7,), "away").serialize() + b"\0\0\0\4")
    at = len(ReceiverReport(7).serialize())
    data[at] |= 0x20
    data[at + 3] += 1
    assert rtcp.parse(bytes(data)) == (ReceiverReport(7), Goodbye((7,), "away"))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "0 octets"),
        (Goodbye((1, 2)).serialize(), "not with a report"),
        (b"\x00" + ReceiverReport(1).serialize()[1:], "another version"),
        (b"\x81" + ReceiverReport(1).serialize()[1:], "that its count promises"),
        (ReceiverReport(1).serialize() + b"\x81", "within its header"),
        (ReceiverReport(1).serialize() + b"\x81\xcb\x00\x09", "longer than its datagram"),
        (b"\xa0" + ReceiverReport(0x100).serialize()[1:], "padding"),
    ],
)
def test_a_faulty_compound_is_refused_with_its_fault(data: bytes, fault: str) -> None:
    with pytest.raises(RtpError, match=fault):
        rtcp.parse(data)


def test_more_than_31_blocks_are_not_sent() -> None:
    block = ReportBlock(0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(RtpError, match="31"):
        ReceiverReport(1, (block,) * 32).serialize()
