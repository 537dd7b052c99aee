"""INFO within a call: DTMF both ways, and what is not taken (:rfc:`6086`)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.calls.info import Dtmf, read_dtmf
from offhook.sip.events import Body
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, connect, ready
from tests.support.sip_pair import Link

RELAY = "application/dtmf-relay"


def up(alone: Alone) -> str:
    """Have a call from outside answered; return our To tag."""
    alone.say(message(body="v=0"))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    tag = ok.to.tag or ""
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={tag}"))
    alone.events()
    return tag


def info(tag: str, cseq: int, content_type: str, body: str, more: str = "") -> str:
    kind = f"Content-Type: {content_type}\n" if content_type else ""
    return message(
        "INFO", to=f"<sip:1001@pbx.test>;tag={tag}", cseq=cseq, branch=f"z9hG4bKi{cseq}", more=kind + more, body=body
    )


def status(messages: list[Request | Response]) -> int:
    (response,) = messages
    assert isinstance(response, Response)
    return response.status


@pytest.mark.parametrize(
    ("content_type", "body", "digit", "duration"),
    [
        (RELAY, "Signal=5\r\nDuration=160\r\n", "5", 160),
        (RELAY, "Signal= #\nDuration= 250", "#", 250),
        (RELAY, "signal=a", "A", 160),
        (RELAY, "Signal=10\r\n", "*", 160),
        (RELAY, "Signal=11\r\nDuration=1", "#", 40),
        (RELAY, "Signal=1\r\nDuration=99999", "1", 5000),
        ("Application/DTMF-Relay; charset=x", "Signal=0", "0", 160),
        ("application/dtmf", "7", "7", 160),
        ("application/dtmf", " * \r\n", "*", 160),
        ("application/dtmf", "12", "A", 160),
    ],
)
def test_dtmf_is_read_in_both_forms(content_type: str, body: str, digit: str, duration: int) -> None:
    assert read_dtmf(Body(content_type, body.encode())) == Dtmf(digit, duration)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(RELAY, "Duration=100"), (RELAY, "Signal=x"), (RELAY, "Signal=16"), ("application/dtmf", ""), ("text/plain", "5")],
)
def test_what_is_no_key_is_none(content_type: str, body: str) -> None:
    assert read_dtmf(Body(content_type, body.encode())) is None


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_what_we_send_is_what_we_read(digit: str) -> None:
    assert read_dtmf(Dtmf(digit, 120).body()) == Dtmf(digit, 120)


def test_dtmf_goes_both_ways_in_order() -> None:
    pair = ready()
    handle = connect(pair)
    for digit in "123#":
        pair.a.endpoint.info("o1", Dtmf(digit).body(), pair.now)
    pair.b.endpoint.info(handle, Dtmf("9").body(), pair.now)
    pair.run(1)
    heard = [read_dtmf(event.body) for event in pair.b.of_type(ev.CallInfo) if isinstance(event, ev.CallInfo)]
    assert heard == [Dtmf(digit) for digit in "123#"]
    assert pair.a.events[-1] == ev.CallInfo("o1", Dtmf("9").body())


@pytest.mark.parametrize("seed", range(10))
def test_keys_arrive_once_and_in_order_whatever_is_lost(seed: int) -> None:
    pair = ready(seed=seed)
    connect(pair)
    pair.link = Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.4)
    for digit in "0815*":
        pair.a.endpoint.info("o1", Dtmf(digit).body(), pair.now)
    pair.run(90)
    heard = [event.body for event in pair.b.of_type(ev.CallInfo) if isinstance(event, ev.CallInfo)]
    assert heard == [Dtmf(digit).body() for digit in "0815*"]


def test_an_info_waits_for_the_answer_to_the_one_before() -> None:
    alone = Alone()
    up(alone)
    for digit in "12":
        alone.endpoint.info("i1", Dtmf(digit).body(), alone.now)
    (first,) = alone.heard()
    assert first.body.startswith(b"Signal=1")
    assert first.headers.get("Content-Type") == RELAY
    (second,) = alone.say(answer(first, 415))
    assert second.body.startswith(b"Signal=2")
    alone.say(answer(second, 200))
    alone.endpoint.hang_up("i1", alone.now)
    assert [m.method for m in alone.heard() if isinstance(m, Request)] == ["BYE"]


def test_keys_that_nobody_answers_are_dropped() -> None:
    alone = Alone()
    up(alone)
    for _ in range(200):
        alone.endpoint.info("i1", Dtmf("1").body(), alone.now)
    alone.pass_time(40)
    alone.endpoint.info("i1", Dtmf("2").body(), alone.now)
    assert [m.body[:8] for m in alone.heard()] == [b"Signal=2"]


def test_an_info_that_we_cannot_read_gets_415_and_no_key_400() -> None:
    alone = Alone()
    tag = up(alone)
    (response,) = alone.say(info(tag, 2, "application/media_control+xml", "<x/>"))
    assert isinstance(response, Response)
    assert (response.status, response.headers.get("Accept")) == (415, "application/dtmf-relay, application/dtmf")
    assert status(alone.say(info(tag, 3, RELAY, "Signal=x"))) == 400
    assert alone.events() == []


def test_an_info_package_gets_469() -> None:
    alone = Alone()
    tag = up(alone)
    (response,) = alone.say(info(tag, 2, RELAY, "Signal=1", "Info-Package: foo\n"))
    assert isinstance(response, Response)
    assert (response.status, response.headers.get("Recv-Info")) == (469, "nil")


def test_an_empty_info_gets_200() -> None:
    alone = Alone()
    tag = up(alone)
    assert status(alone.say(info(tag, 2, "", ""))) == 200
    assert alone.events() == []


def test_an_info_outside_a_call_gets_481() -> None:
    alone = Alone()
    assert status(alone.say(message("INFO", body="Signal=1", more=f"Content-Type: {RELAY}\n"))) == 481


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([RELAY, "application/dtmf", "x"]), st.binary(max_size=60))
def test_any_bytes_are_a_key_or_none(content_type: str, data: bytes) -> None:
    found = read_dtmf(Body(content_type, data))
    assert found is None or (found.digit in "0123456789*#ABCD" and 40 <= found.duration_ms <= 5000)
