"""One call's session descriptions: hold, addresses, versions, keys, whatever two sessions do to each other."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.engine.bodies import SDP
from offhook.engine.mediarules import MediaRules
from offhook.engine.session import MediaSession
from offhook.engine.sessions import MediaOffer, Sessions
from offhook.sdp.description import Direction, Media, SessionDescription
from offhook.sdp.errors import NotAcceptable
from offhook.sdp.security import SrtpMode
from offhook.sip import events as sip
from offhook.sip.events import Body
from tests.support.engine_bench import PORTS, MediaNotes, PortNotes


class Side:
    """Sessions with a notebook in place of media."""

    def __init__(self) -> None:
        self.media = MediaNotes()
        self.ports = PortNotes(next(PORTS), 9)
        self.sessions = Sessions(self.media, self.ports, MediaOffer(), lambda: 70, "test")

    def open(self, rules: MediaRules | None = None, ip: str = "127.0.0.1") -> MediaSession:
        return self.sessions.open(ip, any_port=True, rules=rules)

    def close(self) -> None:
        for sockets in self.ports.taken:
            sockets.close()


@pytest.fixture
def side() -> Iterator[Side]:
    made = Side()
    yield made
    made.close()


def agree(one: MediaSession, two: MediaSession) -> None:
    """The first offers, the second answers."""
    one.take_answer(two.answer_to(one.offer()))
    one.run()
    two.run()


def media_of(body: Body) -> Media:
    return SessionDescription.parse(body.data).media[0]


def direction_of(body: Body) -> Direction | None:
    return media_of(body).direction


def test_an_offer_with_keys_does_not_show_them(side: Side) -> None:
    session = side.open(MediaRules("required"))
    offer = session.offer()
    (key, *_) = [line.split("inline:")[1] for line in media_of(offer).values("crypto")]
    assert key.encode() in offer.data
    for shown in (repr(offer), repr(session), repr(sip.CallReoffer("a", offer)), f"{session.plan}"):
        assert key not in shown


def test_our_hold_is_sendonly_and_inactive_where_both_hold(side: Side) -> None:
    one, two = side.open(), side.open()
    agree(one, two)
    one.set_hold(True)
    offer = one.offer()
    assert direction_of(offer) == "sendonly"
    answer = two.answer_to(offer)
    assert direction_of(answer) == "recvonly"
    one.take_answer(answer)
    assert (one.held, two.held) == (False, True)
    two.set_hold(True)
    offer = two.offer()
    assert direction_of(offer) == "inactive"
    answer = one.answer_to(offer)
    assert direction_of(answer) == "inactive"
    two.take_answer(answer)
    assert (one.held, two.held) == (True, True)
    one.set_hold(False)
    offer = one.offer()
    assert direction_of(offer) == "sendrecv"
    answer = two.answer_to(offer)
    assert direction_of(answer) == "sendonly", "the other side holds still"
    one.take_answer(answer)
    assert (one.held, two.held) == (True, False)
    two.set_hold(False)
    agree(two, one)
    assert (one.held, two.held) == (False, False)
    assert [(plan.send, plan.receive) for plan in side.media.running.values()] == [(True, True)] * 2


def test_on_our_hold_nothing_is_sent_or_played_from_the_first_moment(side: Side) -> None:
    one, two = side.open(), side.open()
    agree(one, two)
    one.set_hold(True)
    plan = side.media.running[one.stream]
    assert (plan.send, plan.receive) == (False, False)
    one.set_hold(False)
    plan = side.media.running[one.stream]
    assert (plan.send, plan.receive) == (True, True)


@pytest.mark.parametrize("offered", ["a=sendonly\r\n", "a=inactive\r\n", "c=IN IP4 0.0.0.0\r\n"])
def test_hold_in_all_its_forms_is_understood_and_zeros_are_never_sent(side: Side, offered: str) -> None:
    one, two = side.open(), side.open()
    agree(one, two)
    text = two.offer().data.decode()
    if offered.startswith("c="):
        text = text.replace("c=IN IP4 127.0.0.1\r\n", offered)
    else:
        text = text.replace("a=sendrecv\r\n", offered)
    answer = one.answer_to(Body(SDP, text.encode()))
    assert one.held
    assert not side.media.running[one.stream].send
    assert direction_of(answer) == ("inactive" if "inactive" in offered else "recvonly")
    one.set_hold(True)
    for body in (answer, one.offer()):
        assert b"0.0.0.0" not in body.data
        assert media_of(body).port == media_of(two.offer()).port - 2
    one.set_hold(False)
    one.answer_to(two.offer())
    assert not one.held


def test_an_offer_that_cannot_be_used_changes_nothing(side: Side) -> None:
    one, two = side.open(MediaRules("required")), side.open(MediaRules("optional"))
    agree(one, two)
    before, plan = side.media.running[one.stream], one.plan
    version = SessionDescription.parse(one.offer().data).origin.version
    for text in (
        two.offer().data.replace(b"RTP/SAVP 0 8", b"RTP/SAVP 18 9"),
        two.offer().data.replace(b"a=crypto", b"a=cryptic"),
        b"v=0\r\n",
        b"what?",
    ):
        with pytest.raises(NotAcceptable):
            one.answer_to(Body(SDP, text))
        with pytest.raises(NotAcceptable):
            one.take_answer(Body(SDP, text))
    assert one.plan is plan
    assert side.media.running[one.stream] == before
    assert int(SessionDescription.parse(one.offer().data).origin.version) == int(version) + 1


def test_ipv6_sessions_say_ip6_and_meet(side: Side) -> None:
    one, two = side.open(MediaRules("required"), "::1"), side.open(MediaRules("optional"), "::1")
    offer = one.offer()
    description = SessionDescription.parse(offer.data)
    assert (str(description.connection), description.origin.address_type) == ("IN IP6 ::1", "IP6")
    one.take_answer(two.answer_to(offer))
    assert one.plan is not None
    assert one.plan.remote == ("::1", media_of(two.offer()).port)
    with pytest.raises(NotAcceptable):
        side.open().answer_to(one.offer())


def test_a_call_that_is_plain_is_offered_plain_and_one_that_is_secured_with_what_is_used(side: Side) -> None:
    one, two = side.open(MediaRules("optional")), side.open()
    agree(one, two)
    assert not one.secured
    assert media_of(one.offer()).values("crypto") == ()
    three = side.open(MediaRules("required", ("AEAD_AES_128_GCM",)))
    four = side.open(MediaRules("optional"))
    agree(four, three)
    offer = media_of(four.offer())
    assert offer.protocol == "RTP/AVP"
    assert [line.split()[1] for line in offer.values("crypto")][:2] == ["AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"]
    assert media_of(three.offer()).protocol == "RTP/AVP", "as the call began"


def test_a_plain_call_may_be_secured_by_the_other_side_later(side: Side) -> None:
    one, two = side.open(MediaRules("optional")), side.open(MediaRules("optional"))
    plain = Body(SDP, b"\r\n".join(line for line in two.offer().data.split(b"\r\n") if b"crypto" not in line))
    one.answer_to(plain)
    one.run()
    assert not one.secured
    one.answer_to(two.offer())
    assert one.secured
    assert side.media.running[one.stream].crypto is not None


def test_a_key_is_not_used_again_after_a_time_without_srtp(side: Side) -> None:
    one, two = side.open(MediaRules("optional")), side.open(MediaRules("optional"))
    agree(two, one)
    before = side.media.running[one.stream].crypto
    plain = Body(SDP, b"\r\n".join(line for line in two.offer().data.split(b"\r\n") if b"crypto" not in line))
    one.answer_to(plain)
    assert not one.secured
    one.answer_to(side.open(MediaRules("optional")).offer())
    after = side.media.running[one.stream].crypto
    assert before is not None
    assert after is not None
    assert after.send != before.send


def test_an_answer_for_something_else_than_rtp_changes_nothing(side: Side) -> None:
    one, two = side.open(MediaRules("optional")), side.open(MediaRules("optional"))
    agree(one, two)
    answer = two.answer_to(one.offer())
    with pytest.raises(NotAcceptable):
        one.take_answer(Body(SDP, answer.data.replace(b"RTP/AVP", b"UDP/BFCP")))
    assert one.secured
    agree(one, two)


def test_the_lock_comes_once_and_only_where_more_than_one_codec_was_answered(side: Side) -> None:
    one, two = side.open(MediaRules(codec_lock=True)), side.open()
    agree(one, two)
    assert one.lock_codec()
    assert not one.lock_codec()
    agree(one, two)
    assert media_of(one.offer()).formats == ("0", "101")
    other = side.open()
    agree(other, two)
    assert not other.lock_codec()


def test_a_session_that_moves_owes_an_offer_until_it_has_made_one(side: Side) -> None:
    one, two = side.open(MediaRules("required")), side.open(MediaRules("required"))
    agree(one, two)
    before = media_of(one.offer())
    one.move("127.0.0.2")
    assert one.owes_offer
    assert one.address == "127.0.0.2"
    offer = one.offer()
    assert not one.owes_offer
    assert b"c=IN IP4 127.0.0.2\r\n" in offer.data
    after = media_of(offer)
    assert after.port != before.port
    assert not set(after.values("crypto")) & set(before.values("crypto"))
    assert len(side.ports.open) == 2
    one.close()
    assert len(side.ports.open) == 1


MODES = st.sampled_from(["off", "optional", "required"])
STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["offer", "hold", "resume", "move", "lost answer", "rekey"])), max_size=12
)


@settings(max_examples=150)
@given(MODES, MODES, STEPS)
def test_after_every_exchange_both_have_the_same_keys_and_matching_directions(
    first: SrtpMode, second: SrtpMode, steps: list[tuple[bool, str]]
) -> None:
    side = Side()
    try:
        one, two = side.open(MediaRules(first)), side.open(MediaRules(second))
        if {first, second} == {"off", "required"}:
            with pytest.raises(NotAcceptable):
                agree(one, two)
            return
        agree(one, two)
        for turned, step in [(False, "offer"), *steps]:
            here, there = (two, one) if turned else (one, two)
            if step in ("hold", "resume"):
                here.set_hold(step == "hold")
            elif step == "move":
                here.move("127.0.0.1")
            elif step == "lost answer":
                with suppress(NotAcceptable):
                    there.answer_to(here.offer())
                continue  # the next exchange must mend it
            agree(here, there)
            check(side, here, there)
    finally:
        side.close()


def check(side: Side, one: MediaSession, two: MediaSession) -> None:
    assert one.plan is not None
    assert two.plan is not None
    assert (one.plan.send, one.plan.receive) == (two.plan.receive, two.plan.send)
    assert one.secured == two.secured
    mine, yours = side.media.running[one.stream], side.media.running[two.stream]
    assert mine.remote == ("127.0.0.1", side.media.ports[two.stream])
    assert yours.remote == ("127.0.0.1", side.media.ports[one.stream])
    if mine.crypto is not None and yours.crypto is not None:
        assert mine.crypto.receive == (yours.crypto.send,)
        assert yours.crypto.receive == (mine.crypto.send,)
        assert mine.crypto.send != yours.crypto.send


def test_keys_come_from_the_random_source_that_was_given() -> None:
    side = Side()
    drawn: list[int] = []

    def random(count: int) -> bytes:
        drawn.append(count)
        return os.urandom(count)

    sessions = Sessions(side.media, side.ports, MediaOffer(), lambda: 1, "test", {"a": MediaRules("optional")}, random)
    sessions.open("127.0.0.1", rules=sessions.rules("a"))
    assert sorted(drawn) == [28, 30, 30, 44]
    drawn.clear()
    sessions.open("127.0.0.1", rules=sessions.rules("b"))
    assert drawn == []
    side.close()
