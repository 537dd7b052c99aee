"""Offer and answer: codecs, payload types, hold in all its forms, and the streams that are refused."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sdp.crypto import own_crypto
from offhook.sdp.description import Attribute, Connection, Direction, SessionDescription
from offhook.sdp.negotiate import (
    LocalMedia,
    MalformedDescription,
    MediaPlan,
    NotAcceptable,
    accept_answer,
    accept_offer,
    make_offer,
)
from tests.support.invariants import hold_for_offer
from tests.support.mutate import mutations

ANNA = LocalMedia("192.0.2.1", 4000)
BO = LocalMedia("192.0.2.2", 5000, ("PCMA", "PCMU"))
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")


def parse(*lines: str) -> SessionDescription:
    head = (
        () if lines[0].startswith("v=") else ("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0")
    )
    return SessionDescription.parse("\r\n".join((*head, *lines)).encode())


def answer_to(*lines: str, local: LocalMedia = ANNA, direction: Direction = "sendrecv") -> tuple[list[str], MediaPlan]:
    """The media part of our answer, a line each, and the plan."""
    answer, plan = accept_offer(parse(*lines), local, 7, 8, direction)
    text = bytes(answer).decode()
    return text[text.index("m=") :].splitlines(), plan


def plan_for(*lines: str, local: LocalMedia = ANNA) -> MediaPlan:
    return answer_to(*lines, local=local)[1]


def refusal(*lines: str, local: LocalMedia = ANNA) -> NotAcceptable:
    with pytest.raises(NotAcceptable) as caught:
        answer_to(*lines, local=local)
    return caught.value


def test_an_offer_says_all_that_we_have() -> None:
    assert bytes(make_offer(ANNA, 3, 4)).decode().splitlines() == [
        *("v=0", "o=- 3 4 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"),
        *("m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000"),
        *("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=maxptime:60", "a=sendrecv"),
    ]
    bare = LocalMedia("2001:db8::1", 4000, ("PCMA",), 30, None, 4009)
    text = bytes(make_offer(bare, 3, 4, "sendonly")).decode()
    assert "c=IN IP6 2001:db8::1\r\n" in text
    assert "m=audio 4000 RTP/AVP 8\r\n" in text
    assert "a=ptime:30\r\na=maxptime:60\r\na=rtcp:4009\r\na=sendonly\r\n" in text


def test_two_of_us_agree() -> None:
    offer = make_offer(ANNA, 1, 1)
    answer, theirs = accept_offer(SessionDescription.parse(bytes(offer)), BO, 2, 2)
    ours = accept_answer(offer, SessionDescription.parse(bytes(answer)), ANNA)
    assert theirs == MediaPlan(
        *(("192.0.2.1", 4000), ("192.0.2.1", 4001), "PCMU", 0, {0: "PCMU", 8: "PCMA"}, 101, 101, 20, True, True),
        answered=2,
    )
    assert ours == replace(theirs, remote=("192.0.2.2", 5000), remote_rtcp=("192.0.2.2", 5001))


def test_the_order_of_the_offer_decides() -> None:
    lines, plan = answer_to("m=audio 6000 RTP/AVP 18 8 0 101", "a=rtpmap:101 telephone-event/8000")
    assert lines[0] == "m=audio 4000 RTP/AVP 8 0 101"
    assert (plan.codec, plan.payload_type) == ("PCMA", 8)


def test_dynamic_payload_types_are_answered_by_their_own_numbers() -> None:
    lines, plan = answer_to(
        "m=audio 6000 RTP/AVP 96 97 98 100 99",
        *("a=rtpmap:96 opus/48000/2", "a=rtpmap:97 pcma/8000/1", "a=rtpmap:98 PCMA/8000", "a=rtpmap:100 PCMU/16000"),
        "a=rtpmap:99 Telephone-Event/8000",
    )
    assert lines[:3] == ["m=audio 4000 RTP/AVP 97 99", "a=rtpmap:97 PCMA/8000", "a=rtpmap:99 telephone-event/8000"]
    assert (plan.payload_type, plan.receive_payload_types) == (97, {97: "PCMA"})
    assert (plan.dtmf_send_pt, plan.dtmf_receive_pt) == (99, 99)


def test_a_static_number_that_was_given_another_meaning_is_not_taken() -> None:
    error = refusal("m=audio 6000 RTP/AVP 0", "a=rtpmap:0 G729/8000")
    assert (error.status, error.warning) == (488, 305)
    assert "PCMU and PCMA" in str(error)


def test_events_need_both_sides() -> None:
    assert plan_for("m=audio 6000 RTP/AVP 0").dtmf_send_pt is None
    offered = ("m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")
    lines, plan = answer_to(*offered, local=replace(ANNA, dtmf_payload_type=None))
    assert lines[0] == "m=audio 4000 RTP/AVP 0"
    assert (plan.dtmf_send_pt, plan.dtmf_receive_pt) == (None, None)
    assert plan_for("m=audio 6000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/16000").dtmf_send_pt is None


def test_numbers_may_differ_by_direction() -> None:
    offer = make_offer(ANNA, 1, 1)
    answer = parse("m=audio 6000 RTP/AVP 96 97", "a=rtpmap:96 PCMA/8000", "a=rtpmap:97 telephone-event/8000")
    plan = accept_answer(offer, answer, ANNA)
    assert (plan.codec, plan.payload_type, plan.dtmf_send_pt, plan.dtmf_receive_pt) == ("PCMA", 96, 97, 101)
    assert plan.receive_payload_types == {0: "PCMU", 8: "PCMA", 96: "PCMA"}


@pytest.mark.parametrize(
    ("offered", "wanted", "answered", "send", "receive"),
    [
        *(("sendrecv", "sendrecv", "sendrecv", True, True), ("sendonly", "sendrecv", "recvonly", False, True)),
        *(("recvonly", "sendrecv", "sendonly", True, False), ("inactive", "sendrecv", "inactive", False, False)),
        *(("sendrecv", "sendonly", "sendonly", True, False), ("sendonly", "sendonly", "inactive", False, False)),
        *(("recvonly", "inactive", "inactive", False, False), ("recvonly", "recvonly", "inactive", False, False)),
    ],
)
def test_hold_is_answered_by_its_counterpart(
    offered: str, wanted: Direction, answered: str, send: bool, receive: bool
) -> None:
    for lines in ((f"a={offered}", "m=audio 6000 RTP/AVP 0"), ("m=audio 6000 RTP/AVP 0", f"a={offered}")):
        answer, plan = answer_to(*lines, direction=wanted)
        assert answer[-1] == f"a={answered}"
        assert (plan.send, plan.receive) == (send, receive)
        assert plan.held == (offered in ("sendonly", "inactive"))


def test_hold_by_an_address_of_zeros_sends_nothing() -> None:
    for where in (
        "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 6000 RTP/AVP 0",
        "v=0\r\nm=audio 6000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0",
    ):
        answer, plan = answer_to(where)
        assert answer[-1] == "a=recvonly"
        assert (plan.remote, plan.remote_rtcp, plan.send, plan.receive, plan.held) == (None, None, False, True, True)


@pytest.mark.parametrize("offered", DIRECTIONS)
@pytest.mark.parametrize("wanted", DIRECTIONS)
def test_both_sides_of_a_direction_match(offered: Direction, wanted: Direction) -> None:
    offer = make_offer(ANNA, 1, 1, offered)
    answer, theirs = accept_offer(offer, BO, 2, 2, wanted)
    ours = accept_answer(offer, answer, ANNA)
    assert (ours.send, ours.receive) == (theirs.receive, theirs.send)


def test_all_streams_but_one_are_refused_in_their_place() -> None:
    lines, plan = answer_to(
        *("m=video 7000 RTP/AVP 31", "m=audio 0 RTP/AVP 0", "m=audio 6000 RTP/SAVP 0", "m=audio 6002 RTP/AVP 8"),
        *("a=rtcp:6010", "m=audio 6004 RTP/AVP 0", "m=image 9 udptl t38", "m=application 5 x"),
    )
    assert [line for line in lines if line.startswith("m=")] == [
        *("m=video 0 RTP/AVP 31", "m=audio 0 RTP/AVP 0", "m=audio 0 RTP/SAVP 0", "m=audio 4000 RTP/AVP 8"),
        *("m=audio 0 RTP/AVP 0", "m=image 0 udptl t38", "m=application 0 x 0"),
    ]
    assert (plan.remote, plan.remote_rtcp) == (("192.0.2.9", 6002), ("192.0.2.9", 6010))


def test_the_profile_and_the_times_of_the_offer_come_back() -> None:
    offer = parse("v=0", "c=IN IP4 192.0.2.9", "t=1 2", "m=audio 6000 RTP/AVPF 0")
    answer, _ = accept_offer(offer, ANNA, 7, 8)
    assert answer.times == ("1 2",)
    assert answer.media[0].protocol == "RTP/AVPF"


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [
        *((("ptime:30",), 30), (("ptime:10",), 10), (("ptime:60",), 60), (("ptime:100",), 60), (("ptime:5",), 10)),
        *((("ptime:25",), 20), (("ptime:30.0",), 30), (("ptime:x",), 20), (("ptime",), 20), (("ptime:0",), 20)),
        *((("maxptime:10",), 10), (("ptime:40", "maxptime:30"), 30), (("maxptime:5",), 10), (("ptime:99999999",), 20)),
        ((), 20),
    ],
)
def test_packets_are_as_long_as_the_other_side_asks(attributes: tuple[str, ...], ptime: int) -> None:
    lines = tuple(f"a={attribute}" for attribute in attributes)
    assert plan_for("m=audio 6000 RTP/AVP 0", *lines).ptime == ptime
    assert plan_for(*lines, "m=audio 6000 RTP/AVP 0").ptime == ptime


@pytest.mark.parametrize(
    ("attribute", "rtcp"),
    [
        *(("rtcp:7001", ("192.0.2.9", 7001)), ("rtcp:7001 IN IP4 192.0.2.8", ("192.0.2.8", 7001))),
        *(("rtcp:x", ("192.0.2.9", 6001)), ("rtcp:0", ("192.0.2.9", 6001)), ("rtcp", ("192.0.2.9", 6001))),
        *(("rtcp:7001 IN IP4 host.test", None), ("rtcp:99999", ("192.0.2.9", 6001))),
    ],
)
def test_rtcp_goes_where_it_is_asked_to(attribute: str, rtcp: tuple[str, int] | None) -> None:
    assert plan_for("m=audio 6000 RTP/AVP 0", f"a={attribute}").remote_rtcp == rtcp


def test_there_is_no_port_above_the_last_one() -> None:
    assert plan_for("m=audio 65535 RTP/AVP 0").remote_rtcp is None


@pytest.mark.parametrize(
    ("address", "local", "warning"),
    [
        *(("IN IP4 host.test", "192.0.2.1", 300), ("IN IP6 2001:db8::9", "192.0.2.1", 300)),
        *(("IN IP4 192.0.2.9", "2001:db8::1", 300), ("IN IP4 224.0.0.5/127", "192.0.2.1", 300)),
        *(("IN IP4 255.255.255.255", "192.0.2.1", 300), ("IN IP6 ff02::1", "2001:db8::1", 300)),
    ],
)
def test_media_only_goes_to_an_address_that_can_be_reached(address: str, local: str, warning: int) -> None:
    error = refusal("v=0", f"c={address}", "m=audio 6000 RTP/AVP 0", local=replace(ANNA, address=local))
    assert (error.status, error.warning) == (488, warning)


def test_ipv6_is_spoken_where_we_have_it_and_mapped_ipv4_where_not() -> None:
    offered = ("v=0", "c=IN IP6 2001:db8::9", "m=audio 6000 RTP/AVP 0")
    assert plan_for(*offered, local=replace(ANNA, address="2001:db8::1")).remote == ("2001:db8::9", 6000)
    assert plan_for("v=0", "c=IN IP6 ::ffff:192.0.2.9", "m=audio 6000 RTP/AVP 0").remote == ("192.0.2.9", 6000)


def test_a_stream_of_the_other_kind_of_address_is_passed_over() -> None:
    lines = ("m=audio 6000 RTP/AVP 0", "c=IN IP6 2001:db8::9", "m=audio 6002 RTP/AVP 0", "c=IN IP4 192.0.2.9")
    assert plan_for(*lines).remote == ("192.0.2.9", 6002)


def test_what_cannot_be_talked_by_is_refused() -> None:
    assert refusal("a=x").warning == 304
    assert refusal("m=video 6000 RTP/AVP 31").warning == 304
    assert refusal("m=audio 0 RTP/AVP 0").warning == 304
    assert refusal("m=audio 6000 RTP/SAVP 0").warning == 305
    assert isinstance(refusal("v=0", "m=audio 6000 RTP/AVP 0"), MalformedDescription)
    assert "such medium" in str(refusal("m=\x07 6000 RTP/AVP 0"))


def test_an_answer_may_refuse() -> None:
    offer = make_offer(ANNA, 1, 1)
    for lines in (("m=audio 0 RTP/AVP 0",), ("m=audio 6000 RTP/AVP 18",), ("m=video 6000 RTP/AVP 31",), ("a=x",)):
        with pytest.raises(NotAcceptable):
            accept_answer(offer, parse(*lines), ANNA)


SEEDS = [
    bytes(make_offer(ANNA, 1, 1)),
    bytes(make_offer(BO, 1, 1, "sendonly")),
    b"v=0\r\nc=IN IP6 ::1\r\nm=video 2 RTP/AVP 31\r\nm=audio 6 RTP/AVP 96\r\nc=IN IP4 192.0.2.1\r\n"
    b"a=rtpmap:96 PCMA/8000\r\na=rtcp:7 IN IP4 192.0.2.3\r\na=ptime:30\r\na=maxptime:40\r\na=inactive\r\n",
    bytes(make_offer(replace(ANNA, srtp="required", crypto=own_crypto(bytes)), 1, 1)),
]


@pytest.mark.parametrize(
    "line",
    [
        "a=rtpmap:0 PCMU/8000",
        "a=",
        "c=IN IP4 192.0.2.9",
        "b=AS:1",
        "a=rtpmap:0 " + " " * 300,
        "m=audio 0 x" + " 0" * 900,
    ],
)
def test_no_offer_takes_long(line: str) -> None:
    lines = [line] * (60000 // (len(line) + 2))
    data = "\r\n".join(["v=0", "c=IN IP4 192.0.2.9", *lines, "m=audio 6000 RTP/AVP 0", *lines]).encode()
    start = time.thread_time()
    hold_for_offer(data)
    assert time.thread_time() - start < 1.0


def test_five_thousand_damaged_offers_and_answers_do_no_harm() -> None:
    for data in mutations(SEEDS, 5_000, seed=3264):
        hold_for_offer(data)


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 127), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 127), st.sampled_from(["PCMU", "pcma", "telephone-event", "opus"])), max_size=6),
    st.sampled_from(["192.0.2.5", "0.0.0.0"]),
    st.sampled_from(DIRECTIONS),
)
def test_any_offer_of_ours_to_us_is_answered_within_what_it_offers(
    numbers: list[int], maps: list[tuple[int, str]], address: str, direction: Direction
) -> None:
    attributes = (*(Attribute("rtpmap", f"{number} {name}/8000") for number, name in maps), Attribute(direction))
    base = make_offer(ANNA, 1, 1)
    media = replace(base.media[0], formats=tuple(map(str, numbers)), attributes=attributes)
    offer = replace(base, media=(media,), connection=Connection.of(address))
    try:
        answer, plan = accept_offer(offer, BO, 2, 2)
    except NotAcceptable:
        return
    assert set(answer.media[0].formats) <= set(media.formats)
    assert set(plan.receive_payload_types) <= set(numbers)
    assert plan.payload_type in plan.receive_payload_types
