"""Session descriptions: read tolerantly, written exactly, and no bytes do worse than MalformedDescription."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sdp.description import (
    NO_ORIGIN,
    Attribute,
    Connection,
    Media,
    Origin,
    RtpMap,
    SessionDescription,
)
from offhook.sdp.errors import MalformedDescription, UnwritableDescription
from tests.support.invariants import hold_for_description
from tests.support.mutate import mutations

FULL = b"""v=0\r
o=anna 2890844526 2890842807 IN IP4 192.0.2.10\r
s=A talk\r
i=About everything\r
u=http://example.com/talk\r
e=anna@example.com (Anna)\r
p=+45 12 34 56 78\r
c=IN IP4 233.252.0.1/127/3\r
b=AS:64\r
t=2873397496 2873404696\r
t=0 0\r
a=recvonly\r
a=tool:x y z\r
m=audio 49170/2 RTP/AVP 0 101 9 x\r
i=The voice\r
c=IN IP6 2001:db8::5\r
b=AS:60\r
a=rtpmap:101 telephone-event/8000\r
a=rtpmap:9 G722/8000/1\r
a=ptime:30\r
a=sendonly\r
m=video 0 RTP/AVP 31\r
"""

WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs", "Z"]), min_size=1, max_size=8
)
LINES = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
NAMES = WORDS.filter(lambda word: ":" not in word and word.strip(" \t") == word)
ATTRIBUTES = st.lists(st.builds(Attribute, NAMES, st.none() | LINES), max_size=4).map(tuple)
CONNECTIONS = st.sampled_from([Connection.of("192.0.2.1"), Connection.of("2001:db8::1"), Connection("IP4", "h.test")])
MEDIA = st.builds(
    Media,
    st.sampled_from(["audio", "video", "image"]),
    st.integers(0, 65535),
    st.sampled_from(["RTP/AVP", "RTP/SAVPF", "udptl"]),
    st.lists(st.integers(0, 127).map(str), max_size=4).map(tuple),
    st.none() | CONNECTIONS,
    ATTRIBUTES,
    st.none() | st.integers(1, 9),
    st.lists(st.tuples(st.just("b"), LINES), max_size=2).map(tuple),
)
DESCRIPTIONS = st.builds(
    SessionDescription,
    st.builds(Origin, NAMES, NAMES, NAMES, st.sampled_from(["IP4", "IP6"]), NAMES),
    st.lists(MEDIA, max_size=3).map(tuple),
    st.none() | CONNECTIONS,
    LINES.filter(bool),
    st.just(("0 0",)),
    ATTRIBUTES,
    st.lists(st.tuples(st.just("e"), LINES), max_size=2).map(tuple),
)


def parse(text: str) -> SessionDescription:
    return SessionDescription.parse(text.encode("utf-8", "surrogateescape"))


def test_every_line_is_read_and_written_back() -> None:
    description = SessionDescription.parse(FULL)
    assert description.origin == Origin("anna", "2890844526", "2890842807", "IP4", "192.0.2.10")
    assert (description.name, description.times) == ("A talk", ("2873397496 2873404696", "0 0"))
    assert description.connection == Connection("IP4", "233.252.0.1", "/127/3")
    assert description.attributes == (Attribute("recvonly"), Attribute("tool", "x y z"))
    audio, video = description.media
    assert (audio.kind, audio.port, audio.port_count, audio.protocol) == ("audio", 49170, 2, "RTP/AVP")
    assert audio.formats == ("0", "101", "9", "x")
    assert audio.rtp_maps == {0: RtpMap("PCMU", 8000), 101: RtpMap("TELEPHONE-EVENT", 8000), 9: RtpMap("G722", 8000)}
    assert (audio.attribute("ptime"), audio.attribute("sendonly"), audio.attribute("nothing")) == ("30", "", None)
    assert video.port == 0
    assert bytes(description) == FULL


def test_what_is_said_of_a_medium_stands_over_what_is_said_of_all() -> None:
    description = SessionDescription.parse(FULL)
    audio, video = description.media
    assert description.connection_of(audio) == Connection("IP6", "2001:db8::5")
    assert description.connection_of(video) == description.connection
    assert (description.direction_of(audio), description.direction_of(video)) == ("sendonly", "recvonly")
    assert description.attribute_of(video, "tool") == "x y z"
    assert parse("v=0\nm=audio 1 RTP/AVP 0").direction_of(audio) == "sendonly"
    assert parse("v=0").direction_of(video) == "sendrecv"


def test_line_ends_of_any_kind_and_missing_lines_are_taken() -> None:
    for end in ("\r\n", "\n", "\r", "\n\n"):
        description = parse(end.join(["v=0", "c=IN IP4 192.0.2.1", "m=audio 4000 RTP/AVP 8"]))
        assert description.origin == NO_ORIGIN
        assert (description.name, description.times) == ("-", ("0 0",))
        assert description.media[0].rtp_maps == {8: RtpMap("PCMA", 8000)}
    assert parse("v=0\r\nm=audio 1 x\r\n\0\0").media[0].formats == ()
    assert parse("v=0\r\no=too short\r\nz=1\r\nk=x\r\nx=y\r\n").origin == NO_ORIGIN


@pytest.mark.parametrize(
    "text",
    [
        *("", "\r\n", "v=1", "o=x\r\nv=0", "v=0\r\nm =audio 1 RTP/AVP 0", "v=0\r\ngarbage", "v=0\r\n=x"),
        *(
            "v=0\r\nm=audio",
            "v=0\r\nm=audio x RTP/AVP 0",
            "v=0\r\nm=audio 65536 RTP/AVP 0",
            "v=0\r\nm=audio -1 RTP/AVP 0",
        ),
        *("v=0\r\nc=IN IP4", "v=0\r\nc=IN IP5 x", "v=0\r\nc=x", "v=0\r\nm=audio 1 RTP/AVP 0\r\nc=OUT IP4 x"),
        "v=0\r\n" + "m=audio 1 RTP/AVP 0\r\n" * 33,
    ],
)
def test_what_cannot_be_matched_line_by_line_is_refused(text: str) -> None:
    with pytest.raises(MalformedDescription) as caught:
        parse(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "value", ["0", "0 PCMU", "0 PCMU/", "128 X/8000", "x X/8000", "999 X/8000", "0 PCMU/8000/1/1", "", "0 /8000"]
)
def test_a_faulty_rtpmap_is_let_be(value: str) -> None:
    media = parse(f"v=0\r\nm=audio 1 RTP/AVP 0 128 999 -1 \u0663\r\na=rtpmap:{value}\r\na=rtpmap").media[0]
    assert media.rtp_maps == {0: RtpMap("PCMU", 8000)}


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0", "0::0"])
def test_an_address_of_zeros_is_no_address(address: str) -> None:
    assert Connection.of(address).is_unspecified
    assert not Connection.of("192.0.2.1").is_unspecified
    assert not Connection.of("pbx.test").is_unspecified


def test_a_description_of_ours_cannot_break_a_line() -> None:
    for attribute in (Attribute("x\r\na=y"), Attribute("x", "1\n")):
        with pytest.raises(UnwritableDescription):
            bytes(SessionDescription(NO_ORIGIN, (), attributes=(attribute,)))


def test_bytes_that_are_no_utf8_hold_for_description() -> None:
    data = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=J\xf6rg\r\nt=0 0\r\n"
    assert bytes(SessionDescription.parse(data)) == data


@settings(max_examples=60)
@given(DESCRIPTIONS)
def test_any_description_survives_being_written_and_read(description: SessionDescription) -> None:
    assert SessionDescription.parse(bytes(description)) == description


@given(st.binary(max_size=200) | st.lists(st.sampled_from(FULL.splitlines(True)), max_size=20).map(b"".join))
def test_any_bytes_are_a_description_or_malformed(data: bytes) -> None:
    hold_for_description(data)
    hold_for_description(b"v=0\r\n" + data)


def test_five_thousand_damaged_descriptions_do_no_harm() -> None:
    for data in mutations([FULL], 5_000, seed=8866):
        hold_for_description(data)
