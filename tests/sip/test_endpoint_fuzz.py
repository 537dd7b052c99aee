"""Nothing that comes in raises, stalls, or reaches a call that is up."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.events import Flow, Transport
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import parse_datagram
from tests.support.mutate import mutate
from tests.support.sip_alone import HERE, Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER

STRANGER = ("192.0.2.66", 5060)


class Busy:
    """An endpoint with one call up, one ringing here, one ringing there, and a REGISTER on its way."""

    def __init__(self) -> None:
        self.alone = alone = Alone(register=True)
        (register,) = alone.heard()
        alone.say(message(body="v=0"))
        alone.endpoint.answer("i1", ANSWER, alone.now)
        (ok,) = alone.heard()
        self.tag = ok.to.tag or ""
        alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={self.tag}"))
        alone.say(message(branch="z9hG4bKring", call_id="ring", body="v=0"))
        alone.endpoint.ring("i2", alone.now)
        alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
        *_, invite = alone.heard()
        alone.say(answer(invite, 180, tag="far"))
        contact = "Contact: <sip:x@10.0.0.9>\nRecord-Route: <sip:10.0.0.9;lr>\n"
        challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256\n'
        self.corpus = [
            text.replace("\n", "\r\n").encode()
            for text in (
                message(branch="z9hG4bKnew", call_id="new", body="v=0"),
                message("INVITE", to=f"<sip:1001@pbx.test>;tag={self.tag}", cseq=2, branch="z9hG4bKre", body="v=0"),
                message("ACK", to=f"<sip:1001@pbx.test>;tag={self.tag}", branch="z9hG4bKack2"),
                message("CANCEL", branch="z9hG4bKring", call_id="ring"),
                message(
                    "OPTIONS", more="Require: a, b\nRoute: <sip:1.2.3.4;lr>\nSupported: x\nReason: SIP;cause=200\n"
                ),
                message("REGISTER", more="Authorization: Digest username=x\nExpires: 60\n"),
                message("MESSAGE", body="hello", more="Content-Type: text/plain\n"),
                answer(invite, 183, tag="far", more=contact, body="v=0"),
                answer(invite, 407, more=challenge.replace("WWW", "Proxy")),
                answer(invite, 486, tag="far"),
                answer(invite, 200, tag="far", more=contact, body="v=0"),
                answer(register, 401, more=challenge),
                answer(register, 423, more="Min-Expires: 7200\n"),
                answer(register, 200, more="Contact: <sip:1001@10.0.0.1:5060>;expires=60, <sip:y@z>;expires=x\n"),
            )
        ]
        alone.events()

    def check(self) -> None:
        """Probe with OPTIONS, then see that the call which is up is up."""
        probe = self.alone.say(message("OPTIONS", branch=f"z9hG4bKp{self.alone.now}", call_id="probe"))
        assert [m.status for m in probe if isinstance(m, Response)] == [200]
        within = message(
            "OPTIONS",
            to=f"<sip:1001@pbx.test>;tag={self.tag}",
            cseq=2**31 - 1,
            branch=f"z9hG4bKq{self.alone.now}",
        )
        held = self.alone.say(within)
        assert [m.status for m in held if isinstance(m, Response)] == [200]


def give(alone: Alone, data: bytes, transport: Transport = "udp") -> None:
    """Let a stranger send bytes; what is answered must be a message that parses."""
    alone.endpoint.receive(data, Flow(transport, HERE, STRANGER, int(transport != "udp")), alone.now)
    for transmit in alone.endpoint.to_send(alone.now):
        assert transmit.data
    alone.events()


@given(st.binary(max_size=2000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_taken(data: bytes) -> None:
    alone = Alone()
    give(alone, data)
    give(alone, data, "tcp")


@pytest.mark.parametrize("seed", range(8))
def test_broken_messages_never_raise_and_never_reach_the_call_that_is_up(seed: int) -> None:
    random = Random(seed)
    busy = Busy()
    for number in range(250):
        give(busy.alone, mutate(random.choice(busy.corpus), busy.corpus, random))
        if number % 50 == 49:
            busy.alone.now += 1.0
            busy.alone.endpoint.tick(busy.alone.now)
            busy.alone.heard_raw()
    # A mutation may hit the CSeq of a re-INVITE and be a valid one: then the probe's own number still holds.
    busy.check()


@pytest.mark.parametrize("seed", range(4))
def test_broken_messages_on_a_stream_never_raise(seed: int) -> None:
    random = Random(seed)
    busy = Busy()
    for number in range(150):
        flow = Flow("tcp", HERE, STRANGER, number)
        for _ in range(3):
            busy.alone.endpoint.receive(mutate(random.choice(busy.corpus), busy.corpus, random), flow, busy.alone.now)
        busy.alone.endpoint.flow_closed(flow, busy.alone.now)
        busy.alone.heard_raw()
        busy.alone.events()
    busy.check()


def test_a_datagram_of_more_than_64_kib_is_refused_or_dropped() -> None:
    alone = Alone()
    give(alone, b"A" * 65_537)
    text = message(body="v" * 66_000).replace("\n", "\r\n").encode()
    alone.endpoint.receive(text, alone.flow(), alone.now)
    (response,) = alone.heard()
    assert isinstance(response, Response)
    assert response.status == 513


@pytest.mark.parametrize("seed", range(3))
def test_hours_of_noise_leave_no_memory_behind(seed: int) -> None:
    random = Random(seed)
    busy = Busy()
    for _ in range(40):
        for _ in range(20):
            give(busy.alone, mutate(random.choice(busy.corpus), busy.corpus, random))
        busy.alone.now += 40.0
        busy.alone.endpoint.tick(busy.alone.now)
        busy.alone.heard_raw()
        for event in busy.alone.events():
            if isinstance(event, ev.IncomingCall):
                busy.alone.endpoint.reject(event.call, 486, "", busy.alone.now)
        busy.alone.heard_raw()
    busy.alone.endpoint.close(busy.alone.now)
    busy.alone.pass_time(200)
    assert busy.alone.endpoint.deadline() is None
    assert busy.alone.endpoint.settled


@given(st.sampled_from([100, 180, 200, 302, 401, 486, 503, 699]), st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_in_a_response_to_our_invite_is_taken(status: int, contact: str, tag: str) -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    clean = contact.replace("\r", "").replace("\n", "")
    data = answer(invite, status, tag=tag, more=f"Contact: {clean}\nRecord-Route: <{clean}>\nRetry-After: {clean}\n")
    alone.endpoint.receive(data.replace("\n", "\r\n").encode("utf-8", "replace"), alone.flow(), alone.now)
    alone.pass_time(100)
    alone.endpoint.hang_up("o1", alone.now)
    alone.pass_time(100)
    alone.events()


def test_what_is_answered_to_noise_can_be_read_again() -> None:
    random = Random(3)
    busy = Busy()
    answered = 0
    for _ in range(500):
        data = mutate(random.choice(busy.corpus[:7]), busy.corpus, random)
        busy.alone.endpoint.receive(data, Flow("udp", HERE, STRANGER), busy.alone.now)
        for transmit in busy.alone.endpoint.to_send(busy.alone.now):
            head = transmit.data.split(b"\r\n", 1)[0]
            assert head.startswith((b"SIP/2.0 ", b"ACK ", b"BYE ", b"INVITE ")), head
            if head.startswith((b"SIP/2.0 1", b"SIP/2.0 2")):
                assert isinstance(parse_datagram(transmit.data), Request | Response)
            answered += 1
        busy.alone.events()
    assert answered > 100
