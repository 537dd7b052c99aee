"""A call that is up: re-INVITE both ways, glare, order, BYE."""

import pytest

from offhook.sip import events as ev
from offhook.sip.errors import LocalError
from offhook.sip.events import Body
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER, connect, kinds, place, ready
from tests.support.sip_pair import Link, Pair, Peer

NEW = Body("application/sdp", b"v=0 new offer\r\n")
NEWER = Body("application/sdp", b"v=0 new answer\r\n")


def up(alone: Alone) -> str:
    """Have a call from outside answered; return our To tag."""
    out = alone.say(message(body="v=0"))
    assert [m.status for m in out if isinstance(m, Response)] == [100]
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    tag = ok.to.tag or ""
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={tag}"))
    alone.events()
    return tag


def within(method: str, tag: str, cseq: int, **more: str) -> str:
    """Return a request of the dialog that :func:`up` made."""
    return message(method, to=f"<sip:1001@pbx.test>;tag={tag}", cseq=cseq, branch=f"z9hG4bKw{method}{cseq}", **more)


def status(messages: list[Request | Response]) -> list[int]:
    return [m.status for m in messages if isinstance(m, Response)]


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_either_side_may_offer_anew(side: str) -> None:
    pair = ready()
    handle = connect(pair)
    ours, theirs = (pair.a, pair.b) if side == "caller" else (pair.b, pair.a)
    mine, other = ("o1", handle) if side == "caller" else (handle, "o1")
    ours.endpoint.reinvite(mine, NEW, pair.now)
    pair.run(0.1)
    assert theirs.events[-1] == ev.CallReoffer(other, NEW)
    theirs.endpoint.accept_reoffer(other, NEWER, pair.now)
    pair.run(0.1)
    assert ours.events[-1] == ev.ReofferAccepted(mine, NEWER)
    assert theirs.events[-1] == ev.CallConfirmed(other, None)
    ours.endpoint.hang_up(mine, pair.now)
    pair.run(0.1)
    assert kinds(theirs)[-1] == "CallOver"
    pair.run(100)
    assert pair.a.endpoint.deadline() is None
    assert pair.b.endpoint.deadline() is None


def test_a_refused_offer_leaves_the_session_as_it_was() -> None:
    pair = ready()
    handle = connect(pair)
    pair.a.endpoint.reinvite("o1", NEW, pair.now)
    pair.run(0.1)
    pair.b.endpoint.reject_reoffer(handle, 488, pair.now)
    pair.run(0.1)
    assert pair.a.events[-1] == ev.ReofferRefused("o1", 488)
    pair.b.endpoint.hang_up(handle, pair.now)
    pair.run(0.1)
    assert kinds(pair.a)[-1] == "CallOver"


def test_offers_that_cross_are_both_refused_with_491_and_made_again() -> None:
    pair = ready(link=Link(delay=0.05))
    handle = connect_slowly(pair)
    pair.a.endpoint.reinvite("o1", NEW, pair.now)
    pair.b.endpoint.reinvite(handle, NEW, pair.now)
    crossed = pair.now
    for peer, call in ((pair.a, "o1"), (pair.b, handle)):

        def hears(event: ev.Event, peer: Peer = peer, call: str = call) -> None:
            if isinstance(event, ev.CallReoffer):
                peer.endpoint.accept_reoffer(call, NEWER, pair.now)
            elif isinstance(event, ev.ReofferStale):
                peer.endpoint.reinvite(call, NEW, pair.now)

        peer.on_event = hears
    pair.run(10)
    assert pair.statuses().count(491) == 2
    again = [
        (at - crossed, source == pair.a.address)
        for at, source, _, data in pair.log
        if data.startswith(b"INVITE") and at > crossed
    ]
    assert [by_caller for _, by_caller in again] == [False, True]
    assert 0.1 <= again[0][0] <= 2.2
    assert 2.2 <= again[1][0] <= 4.2
    assert kinds(pair.a).count("ReofferAccepted") == 1
    assert kinds(pair.b).count("ReofferAccepted") == 1


def connect_slowly(pair: Pair) -> str:
    """Bring a call up over a link with some delay."""
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.2)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(0.2)
    assert "CallConfirmed" in kinds(pair.b)
    return "i1"


def test_an_old_cseq_gets_500() -> None:
    alone = Alone()
    tag = up(alone)
    assert status(alone.say(within("INVITE", tag, 5, body="v=0"))) == [100]
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    alone.heard()
    alone.say(within("ACK", tag, 5))
    assert status(alone.say(within("BYE", tag, 4))) == [500]
    assert status(alone.say(within("BYE", tag, 6))) == [200]


def test_a_second_offer_before_the_first_is_answered_gets_500_with_retry_after() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0"))
    (response,) = alone.say(within("INVITE", tag, 3, body="v=0"))
    assert isinstance(response, Response)
    assert response.status == 500
    assert 0 <= (response.retry_after or 0) < 10
    assert response.retry_after is not None


def test_an_offer_while_ours_waits_gets_491() -> None:
    alone = Alone()
    tag = up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    assert [m.method for m in alone.heard() if isinstance(m, Request)] == ["INVITE"]
    assert status(alone.say(within("INVITE", tag, 2, body="v=0"))) == [491]


def test_a_reinvite_that_is_cancelled_leaves_the_call_up() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0"))
    cancel = within("CANCEL", tag, 2).replace("z9hG4bKwCANCEL2", "z9hG4bKwINVITE2")
    assert status(alone.say(cancel)) == [200, 487]
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    assert alone.heard() == []
    assert [type(event).__name__ for event in alone.events()] == ["CallReoffer"]
    assert status(alone.say(within("BYE", tag, 3))) == [200]


def test_the_target_is_refreshed_by_a_reinvite_and_by_its_answer() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0", more="Contact: <sip:bob@10.0.0.9:5082>\n"))
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    alone.heard()
    alone.say(within("ACK", tag, 2))
    alone.endpoint.reinvite("i1", NEW, alone.now)
    (reinvite,) = alone.heard()
    assert isinstance(reinvite, Request)
    assert str(reinvite.uri) == "sip:bob@10.0.0.9:5082"
    alone.say(answer(reinvite, 200, more="Contact: <sip:bob@10.0.0.9:5084>\n"))
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert isinstance(bye, Request)
    assert str(bye.uri) == "sip:bob@10.0.0.9:5084"
    assert alone.sent[-1][1].remote == ("10.0.0.9", 5084)


def test_a_refused_reinvite_does_not_refresh_the_target() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0", more="Contact: <sip:bob@10.0.0.9:5082>\n"))
    alone.endpoint.reject_reoffer("i1", 488, alone.now)
    alone.heard()
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert isinstance(bye, Request)
    assert str(bye.uri) == "sip:bob@10.0.0.9:5060"


def test_a_reinvite_in_a_body_that_we_cannot_read_gets_415() -> None:
    alone = Alone()
    tag = up(alone)
    (response,) = alone.say(within("INVITE", tag, 2, body="<x/>", more="Content-Type: application/xml\n"))
    assert isinstance(response, Response)
    assert response.status == 415
    assert "application/sdp" in (response.headers.get("Accept") or "")


def test_a_reinvite_without_offer_is_passed_up_as_such() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2))
    assert alone.events() == [ev.CallReoffer("i1", None)]
    alone.endpoint.accept_reoffer("i1", NEW, alone.now)
    alone.heard()
    alone.say(within("ACK", tag, 2, body="v=0 answer"))
    (confirmed,) = alone.events()
    assert isinstance(confirmed, ev.CallConfirmed)
    assert confirmed.body is not None
    assert confirmed.body.data == b"v=0 answer"


def test_481_to_a_reinvite_ends_the_call() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    (reinvite,) = alone.heard()
    out = alone.say(answer(reinvite, 481))
    assert [m.method for m in out if isinstance(m, Request)] == ["ACK", "BYE"]
    assert [type(event).__name__ for event in alone.events()] == ["ReofferRefused", "CallOver"]


def test_silence_to_a_reinvite_does_not_end_a_call_whose_sound_may_flow() -> None:
    alone = Alone()
    tag = up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    alone.pass_time(33)
    assert alone.events() == [ev.ReofferRefused("i1", 408)]
    assert status(alone.say(within("BYE", tag, 2))) == [200]


def test_a_bye_that_crosses_ours_ends_both() -> None:
    pair = ready(link=Link(delay=0.05))
    handle = connect_slowly(pair)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.b.endpoint.hang_up(handle, pair.now)
    pair.run(1)
    assert pair.a.endpoint.settled
    assert pair.b.endpoint.settled
    assert "CallOver" not in kinds(pair.a) + kinds(pair.b)


def test_a_bye_that_nobody_answers_ends_the_call_for_us_after_timer_f() -> None:
    pair = ready()
    connect(pair)
    pair.link.loss = 1.0
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(31)
    assert not pair.a.endpoint.settled
    pair.run(2)
    assert pair.a.endpoint.settled


def test_a_bye_is_signed_when_the_server_wants_it() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    (again,) = alone.say(answer(bye, 407, more='Proxy-Authenticate: Digest realm="p", nonce="n", qop="auth"\n'))
    assert 'realm="p"' in (again.headers.get("Proxy-Authorization") or "")
    assert again.cseq.number == bye.cseq.number + 1
    alone.say(answer(again, 200))
    assert alone.endpoint.settled


def test_a_request_after_the_end_gets_481() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("BYE", tag, 2))
    assert status(alone.say(within("OPTIONS", tag, 3))) == [481]


def test_an_options_within_the_call_gets_200() -> None:
    alone = Alone()
    tag = up(alone)
    assert status(alone.say(within("OPTIONS", tag, 2))) == [200]


def test_a_bye_for_a_call_that_rings_ends_it() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(0.1)
    ringing = [m for m in pair.messages() if isinstance(m, Response) and m.status == 180]
    invite = pair.requests("INVITE")[0]
    bye = message(
        "BYE",
        "sip:1002@10.0.0.2",
        to=str(ringing[0].to),
        caller=str(invite.from_),
        call_id=invite.call_id,
        cseq=invite.cseq.number + 1,
        via="SIP/2.0/UDP 10.0.0.1:5060",
        branch="z9hG4bKearly",
    )
    pair.b.endpoint.receive(
        bye.replace("\n", "\r\n").encode(), ev.Flow("udp", pair.b.address, pair.a.address), pair.now
    )
    pair.run(0.1)
    assert pair.statuses(pair.b)[-2:] == [200, 487]
    assert kinds(pair.b)[-1] == "CallOver"
    assert kinds(pair.a)[-1] == "CallRefused"


def test_a_route_that_names_no_host_ends_in_nothing_but_a_dropped_bye() -> None:
    alone = Alone()
    alone.say(message(body="v=0", more="Record-Route: <tel:+1234>\n"))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={ok.to.tag}"))
    alone.endpoint.reinvite("i1", NEW, alone.now)
    alone.endpoint.hang_up("i1", alone.now)
    assert alone.heard() == []
    assert alone.endpoint.settled


def test_a_server_that_cannot_be_read_is_our_own_fault() -> None:
    for server in ("", "host:port", "host:99999", "[::1"):
        with pytest.raises(LocalError):
            Alone(server=server)
    with pytest.raises(LocalError):
        Alone(uri="mailto:x@y")


def test_a_stranger_who_challenges_our_bye_gets_no_digest() -> None:
    alone = Alone()
    alone.say(message(body="v=0", more="Contact: <sip:eve@192.0.2.66:5060>\n"), remote=("192.0.2.66", 5060))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={ok.to.tag}"))
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert alone.sent[-1][1].remote == ("192.0.2.66", 5060)
    challenge = 'Proxy-Authenticate: Digest realm="pbx.test", nonce="n"\n'
    assert alone.say(answer(bye, 407, more=challenge), remote=("192.0.2.66", 5060)) == []
    assert alone.endpoint.settled


def test_hanging_up_while_an_offer_waits_refuses_it() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0"))
    alone.endpoint.hang_up("i1", alone.now)
    out = alone.heard()
    assert status(out) == [487]
    assert [m.method for m in out if isinstance(m, Request)] == ["BYE"]


def test_a_bye_while_an_offer_waits_refuses_it() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0"))
    assert status(alone.say(within("BYE", tag, 3))) == [200, 487]
    assert [type(event).__name__ for event in alone.events()] == ["CallReoffer", "CallOver"]


def test_an_offer_to_a_call_that_is_ending_gets_481() -> None:
    alone = Alone()
    tag = up(alone)
    alone.endpoint.hang_up("i1", alone.now)
    alone.heard()
    assert status(alone.say(within("INVITE", tag, 2, body="v=0"))) == [481]


def test_an_offer_that_our_answer_overtook_is_not_sent_but_asked_for_anew() -> None:
    """Its session version would be older than that of the answer (RFC 3264 section 8)."""
    alone = Alone()
    tag = up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    (first,) = alone.heard()
    alone.say(answer(first, 491))
    alone.say(within("INVITE", tag, 2, body="v=0"))
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    alone.heard()
    alone.say(within("ACK", tag, 2))
    alone.events()
    assert alone.pass_time(2.1) == []
    assert alone.events() == [ev.ReofferStale("i1")]
    alone.endpoint.reinvite("i1", NEW, alone.now)
    assert [m.body for m in alone.heard()] == [NEW.data]


def test_an_offer_that_nothing_overtook_is_made_again_as_it_is() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.reinvite("i1", NEW, alone.now)
    (first,) = alone.heard()
    for _ in range(3):
        alone.say(answer(first, 491))
        (first,) = [m for m in alone.pass_time(2.1) if isinstance(m, Request)][:1]
        assert first.body == NEW.data


def test_an_offer_made_while_theirs_waits_is_made_later() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, body="v=0"))
    alone.endpoint.reinvite("i1", NEW, alone.now)
    assert alone.heard() == []
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    alone.heard()
    alone.say(within("ACK", tag, 2))
    alone.pass_time(2.1)
    assert ev.ReofferStale("i1") in alone.events()


def test_requests_in_a_call_that_rings_keep_their_order() -> None:
    alone = Alone()
    alone.say(message(body="v=0", cseq=5))
    alone.endpoint.ring("i1", alone.now)
    (ringing,) = alone.heard()
    tag = ringing.to.tag or ""
    assert status(alone.say(within("OPTIONS", tag, 4))) == [500]
    assert status(alone.say(within("OPTIONS", tag, 6))) == [200]
    assert status(alone.say(within("INVITE", tag, 7, body="v=0"))) == [500]
    alone.say(within("ACK", tag, 5))
    assert status(alone.say(within("BYE", tag, 8))) == [200, 487]


def test_words_from_the_other_side_are_made_fit_for_a_log() -> None:
    alone = Alone()
    tag = up(alone)
    reason = 'Reason: Q.850;cause=16;text="bye\x1b[31m \\"now\\""\n'
    alone.say(within("BYE", tag, 2, more=reason))
    (over,) = alone.events()
    assert over == ev.CallOver("i1", 'bye\ufffd[31m "now"')
    alone.endpoint.call("o1", "desk", "sip:x@y", None, alone.now)
    (invite,) = alone.heard()
    raw = answer(invite, 486).replace("SIP/2.0 486 X", "SIP/2.0 486 " + "b\u00fcsy \x07" + "x" * 500)
    alone.say(raw.replace("\n", "\r\n").encode("latin-1"))
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.reason.startswith("b\ufffdsy \ufffdxxx")
    assert len(refused.reason) == 200
    refused.reason.encode()
