"""UPDATE both ways, before and after the answer (:rfc:`3311`), and offers that wait for their turn."""

import pytest

from offhook.sip import events as ev
from offhook.sip.events import Body, Event
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER, connect, kinds, place, ready
from tests.support.sip_pair import Link, Pair, Peer

NEW = Body("application/sdp", b"v=0 new offer\r\n")
NEWER = Body("application/sdp", b"v=0 new answer\r\n")
LAST = Body("application/sdp", b"v=0 last offer\r\n")
ABLE = "Allow: INVITE, ACK, BYE, PRACK, UPDATE\nSupported: 100rel\n"


def statuses(messages: list[Request | Response]) -> list[int]:
    return [m.status for m in messages if isinstance(m, Response)]


def methods(messages: list[Request | Response]) -> list[str]:
    return [m.method for m in messages if isinstance(m, Request)]


def accepting(pair: Pair, peer: Peer) -> None:
    """Have ``peer`` accept whatever it is offered."""

    def hears(event: Event) -> None:
        if isinstance(event, ev.CallReoffer):
            peer.endpoint.accept_reoffer(event.call, NEWER if event.body else NEW, pair.now)
        elif isinstance(event, ev.ReofferStale):
            peer.endpoint.update(event.call, LAST, pair.now)

    peer.on_event = hears


def up(alone: Alone, more: str = ABLE) -> str:
    """Have a call from outside answered; return our To tag."""
    alone.say(message(body="v=0", more=more))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    tag = ok.to.tag or ""
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={tag}"))
    alone.events()
    return tag


def within(method: str, tag: str, cseq: int, **more: str) -> str:
    return message(method, to=f"<sip:1001@pbx.test>;tag={tag}", cseq=cseq, branch=f"z9hG4bKw{method}{cseq}", **more)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_may_offer_by_update_in_a_call_that_is_up(side: str) -> None:
    pair = ready()
    handle = connect(pair)
    ours, theirs = (pair.a, pair.b) if side == "caller" else (pair.b, pair.a)
    mine, other = ("o1", handle) if side == "caller" else (handle, "o1")
    ours.endpoint.update(mine, NEW, pair.now)
    pair.run(0.1)
    assert theirs.events[-1] == ev.CallReoffer(other, NEW)
    theirs.endpoint.accept_reoffer(other, NEWER, pair.now)
    pair.run(0.1)
    assert ours.events[-1] == ev.ReofferAccepted(mine, NEWER)
    assert len(pair.requests("UPDATE")) == 1
    assert len(pair.requests("INVITE")) == 1
    ours.endpoint.hang_up(mine, pair.now)
    pair.run(100)
    assert pair.a.endpoint.deadline() is None
    assert pair.b.endpoint.deadline() is None


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_may_offer_by_update_before_the_answer(side: str) -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(1)
    ours, theirs = (pair.a, pair.b) if side == "caller" else (pair.b, pair.a)
    mine = "o1" if side == "caller" else handle
    accepting(pair, theirs)
    ours.endpoint.update(mine, NEW, pair.now)
    pair.run(1)
    assert ours.events[-1] == ev.ReofferAccepted(mine, NEWER)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(1)
    accepted = pair.a.events[-1]
    assert isinstance(accepted, ev.CallAccepted)
    assert accepted.body is None
    assert kinds(pair.b)[-1] == "CallConfirmed"


def test_an_offer_before_there_is_a_session_waits_until_the_answer() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(1)
    pair.b.endpoint.update(handle, NEW, pair.now)
    pair.run(1)
    assert not pair.requests("UPDATE")
    accepting(pair, pair.a)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(1)
    assert pair.b.events[-1] == ev.ReofferStale(handle), "the answer is newer"
    pair.b.endpoint.update(handle, LAST, pair.now)
    pair.run(1)
    assert pair.b.events[-1] == ev.ReofferAccepted(handle, NEWER)


def test_where_the_other_side_takes_no_update_it_is_a_reinvite() -> None:
    alone = Alone()
    up(alone, "Allow: INVITE, ACK, BYE\n")
    alone.endpoint.update("i1", NEW, alone.now)
    assert methods(alone.heard()) == ["INVITE"]


def test_an_update_that_is_not_allowed_after_all_is_made_again_as_a_reinvite() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.update("i1", NEW, alone.now)
    (update,) = alone.heard()
    (invite,) = alone.say(answer(update, 405))
    assert isinstance(invite, Request)
    assert (invite.method, invite.body) == ("INVITE", NEW.data)
    assert alone.events() == []


def test_an_update_without_offer_is_answered_at_once_and_refreshes_the_target() -> None:
    alone = Alone()
    tag = up(alone)
    assert statuses(alone.say(within("UPDATE", tag, 2, more="Contact: <sip:bob@10.0.0.9:5082>\n"))) == [200]
    assert alone.events() == []
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert isinstance(bye, Request)
    assert str(bye.uri) == "sip:bob@10.0.0.9:5082"


def test_an_update_before_the_answer_refreshes_the_target_too() -> None:
    alone = Alone()
    alone.say(message(body="v=0", more=ABLE))
    alone.endpoint.ring("i1", alone.now)
    (ringing,) = alone.heard()
    tag = ringing.to.tag or ""
    assert statuses(alone.say(within("UPDATE", tag, 2, more="Contact: <sip:bob@10.0.0.9:5082>\n"))) == [200]
    alone.endpoint.answer("i1", ANSWER, alone.now)
    alone.heard()
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={tag}"))
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert isinstance(bye, Request)
    assert str(bye.uri) == "sip:bob@10.0.0.9:5082"


def test_an_offer_by_update_before_ours_is_answered_gets_491() -> None:
    alone = Alone()
    tag = up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    alone.heard()
    assert statuses(alone.say(within("UPDATE", tag, 2, body="v=0"))) == [491]


def test_an_offer_by_update_before_the_invites_is_answered_gets_500_with_retry_after() -> None:
    alone = Alone()
    alone.say(message(body="v=0", more=ABLE))
    alone.endpoint.ring("i1", alone.now)
    (ringing,) = alone.heard()
    (response,) = alone.say(within("UPDATE", ringing.to.tag or "", 2, body="v=0"))
    assert isinstance(response, Response)
    assert response.status == 500
    assert response.retry_after is not None
    assert 0 <= response.retry_after <= 10


def test_a_second_update_before_the_first_is_answered_gets_500() -> None:
    alone = Alone()
    tag = up(alone)
    assert alone.say(within("UPDATE", tag, 2, body="v=0")) == []
    assert statuses(alone.say(within("UPDATE", tag, 3, body="v=0"))) == [500]
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    (ok,) = alone.heard()
    assert (ok.cseq.number, ok.body) == (2, NEWER.data)


def test_a_refused_update_leaves_the_session_as_it_was() -> None:
    pair = ready()
    handle = connect(pair)
    pair.a.endpoint.update("o1", NEW, pair.now)
    pair.run(0.1)
    pair.b.endpoint.reject_reoffer(handle, 488, pair.now)
    pair.run(0.1)
    assert pair.a.events[-1] == ev.ReofferRefused("o1", 488)
    accepting(pair, pair.a)
    pair.b.endpoint.update(handle, NEW, pair.now)
    pair.run(0.1)
    assert pair.b.events[-1] == ev.ReofferAccepted(handle, NEWER)


def test_updates_that_cross_are_both_refused_with_491_and_made_again() -> None:
    pair = ready(link=Link(delay=0.05))
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.3)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(0.3)
    for peer in (pair.a, pair.b):
        accepting(pair, peer)
    pair.a.endpoint.update("o1", NEW, pair.now)
    pair.b.endpoint.update("i1", NEW, pair.now)
    pair.run(10)
    assert pair.statuses().count(491) == 2
    assert kinds(pair.a).count("ReofferAccepted") == 1
    assert kinds(pair.b).count("ReofferAccepted") == 1


def test_of_offers_made_while_one_is_on_its_way_the_last_is_sent_when_that_ends() -> None:
    pair = ready()
    connect(pair)
    accepting(pair, pair.b)
    for body in (NEW, OFFER, LAST):
        pair.a.endpoint.reinvite("o1", body, pair.now)
    pair.run(1)
    offers = [invite.body for invite in pair.requests("INVITE", pair.a)]
    assert offers == [OFFER.data, NEW.data, LAST.data]
    assert kinds(pair.a).count("ReofferAccepted") == 2


def test_an_offer_made_while_one_is_refused_is_sent_all_the_same() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    (first,) = alone.heard()
    alone.endpoint.reinvite("i1", LAST, alone.now)
    out = alone.say(answer(first, 488))
    assert methods(out) == ["ACK", "INVITE"]
    assert out[-1].body == LAST.data
    assert alone.events() == [ev.ReofferRefused("i1", 488)]


def test_a_reinvite_without_offer_is_answered_in_its_ack() -> None:
    pair = ready()
    handle = connect(pair)
    accepting(pair, pair.a)
    accepting(pair, pair.b)
    pair.a.endpoint.reinvite("o1", None, pair.now)
    pair.run(1)
    assert pair.a.events[-1] == ev.CallReoffer("o1", NEW)
    assert pair.requests("ACK")[-1].body == NEWER.data
    assert pair.b.events[-1] == ev.CallConfirmed(handle, NEWER)
    pair.b.endpoint.update(handle, OFFER, pair.now)
    pair.run(1)
    assert pair.b.events[-1] == ev.ReofferAccepted(handle, NEWER)


def test_hanging_up_before_the_offer_in_a_2xx_is_answered_acknowledges_it_first() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", None, alone.now)
    (invite,) = alone.heard()
    contact = "Contact: <sip:x@10.0.0.9:5060>\n"
    assert alone.say(answer(invite, 200, body="v=0 offer", more=contact)) == []
    assert alone.say(answer(invite, 200, body="v=0 offer", more=contact)) == []
    alone.endpoint.hang_up("o1", alone.now)
    out = alone.heard()
    assert methods(out) == ["ACK", "BYE"]
    assert out[0].body == b""
    alone.endpoint.accept_reoffer("o1", ANSWER, alone.now)
    assert alone.heard() == []


def test_an_offer_that_waits_when_the_call_ends_is_never_sent() -> None:
    alone = Alone()
    tag = up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    (first,) = alone.heard()
    alone.endpoint.reinvite("i1", LAST, alone.now)
    assert statuses(alone.say(within("BYE", tag, 2))) == [200]
    assert methods(alone.say(answer(first, 487))) == ["ACK"]
    alone.pass_time(40)
    assert alone.endpoint.settled


def test_a_500_with_retry_after_is_tried_again_twice() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.update("i1", NEW, alone.now)
    for _ in range(3):
        update = alone.pass_time(2)[0]
        assert methods([update]) == ["UPDATE"]
        alone.say(answer(update, 500, more="Retry-After: 2\n"))
    assert alone.pass_time(10) == []
    assert alone.events() == [ev.ReofferRefused("i1", 500)]


def test_headers_in_a_contact_steer_nothing_that_we_send() -> None:
    alone = Alone()
    more = "Contact: <sip:bob@10.0.0.9:5060;method=REFER?Route=%3Csip:evil%3E&Subject=x>\n"
    tag = up(alone, ABLE + more)
    assert tag
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert isinstance(bye, Request)
    assert str(bye.uri) == "sip:bob@10.0.0.9:5060"
    assert "Route" not in bye.headers


@pytest.mark.parametrize("seed", range(15))
def test_updates_and_reinvites_from_both_sides_settle_whatever_is_lost(seed: int) -> None:
    pair = ready(seed=seed, link=Link(loss=0.2, duplicate=0.25, delay=0.02, jitter=0.4))
    for peer in (pair.a, pair.b):
        accepting(pair, peer)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    pair.b.endpoint.early_media("i1", ANSWER, pair.now)
    pair.run(12)
    pair.b.endpoint.update("i1", NEW, pair.now)
    pair.run(0.3 * (seed % 4))
    pair.a.endpoint.update("o1", NEW, pair.now)
    pair.run(15)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(15)
    pair.a.endpoint.reinvite("o1", OFFER, pair.now)
    pair.b.endpoint.update("i1", LAST, pair.now)
    pair.run(60)
    assert kinds(pair.a).count("ReofferAccepted") == 2
    assert kinds(pair.b).count("ReofferAccepted") == 2
    assert kinds(pair.a).count("CallAccepted") == 1
    assert kinds(pair.b).count("CallConfirmed") >= 1
    (pair.a if seed % 2 else pair.b).endpoint.hang_up("o1" if seed % 2 else "i1", pair.now)
    pair.run(200)
    for peer in (pair.a, pair.b):
        assert peer.endpoint.settled
        assert peer.endpoint.deadline() is None
