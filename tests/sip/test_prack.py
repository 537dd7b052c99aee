"""Reliable provisional responses and their PRACK, both roles (:rfc:`3262`)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.calls.reliable import rack_of, rseq_of
from offhook.sip.events import Body
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.messages.uri import parse_uri
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER, kinds, place, ready
from tests.support.sip_pair import A, B, Link, Pair

NEW = Body("application/sdp", b"v=0 new offer\r\n")
NEWER = Body("application/sdp", b"v=0 new answer\r\n")


def pair_with(link: Link | None = None, *, a: str = "supported", b: str = "supported") -> Pair:
    """Two phones whose accounts handle 100rel as said."""
    pair = Pair(link=link)
    pair.account(pair.a, "1001", B, reliable=a)
    pair.account(pair.b, "1002", A, reliable=b)
    return pair


def sent(pair: Pair, status: int) -> list[Response]:
    return [m for m in pair.messages() if isinstance(m, Response) and m.status == status]


def statuses(messages: list[Request | Response]) -> list[int]:
    return [m.status for m in messages if isinstance(m, Response)]


def methods(messages: list[Request | Response]) -> list[str]:
    return [m.method for m in messages if isinstance(m, Request)]


def test_early_media_is_acknowledged_and_the_2xx_then_has_no_answer() -> None:
    pair = ready()
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(3)
    (progress,) = sent(pair, 183)
    (prack,) = pair.requests("PRACK")
    assert progress.require == ("100rel",)
    number, cseq = progress.headers.get("RSeq"), pair.requests("INVITE")[0].cseq.number
    assert prack.headers.get("RAck") == f"{number} {cseq} INVITE"
    assert prack.cseq.number == cseq + 1
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(0.1)
    assert kinds(pair.a) == ["CallTrying", "CallProgress", "CallAccepted"]
    ok = [m for m in sent(pair, 200) if m.cseq.method == "INVITE"]
    assert [m.body for m in ok] == [b""]
    assert kinds(pair.b)[-1] == "CallConfirmed"


def test_a_reliable_response_is_repeated_doubling_until_its_prack() -> None:
    lost = {"count": 0}

    def drop(data: bytes) -> bool:
        lost["count"] += data.startswith(b"PRACK")
        return data.startswith(b"PRACK") and lost["count"] <= 4

    pair = ready(link=Link(drop=drop))
    handle = place(pair)
    started = pair.now
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(20)
    times = [at - started for at, _, _, data in pair.log if data.startswith(b"SIP/2.0 183")]
    assert [round(at, 2) for at in times] == [0, 0.5, 1.5, 3.5, 7.5]
    assert kinds(pair.a).count("CallProgress") == 1


def test_without_prack_the_call_is_refused_after_64_t1() -> None:
    pair = ready(link=Link(drop=lambda data: data.startswith(b"PRACK")))
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(31)
    assert "CallOver" not in kinds(pair.b)
    pair.run(2)
    assert pair.b.events[-1] == ev.CallOver(handle, "no PRACK came")
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 504
    pair.run(100)
    assert pair.a.endpoint.settled
    assert pair.b.endpoint.settled
    assert pair.b.endpoint.deadline() is None


def test_the_2xx_waits_for_the_prack_of_a_session_description() -> None:
    blocked = {"on": True}
    pair = ready(link=Link(drop=lambda data: blocked["on"] and data.startswith(b"PRACK")))
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(0.1)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(2)
    assert "CallAccepted" not in kinds(pair.a)
    blocked["on"] = False
    pair.run(5)
    assert kinds(pair.a)[-1] == "CallAccepted"
    assert kinds(pair.b)[-1] == "CallConfirmed"


def test_a_cancel_while_the_2xx_waits_for_the_prack_ends_the_call() -> None:
    pair = ready(link=Link(drop=lambda data: data.startswith(b"PRACK")))
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(0.1)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(1)
    assert kinds(pair.b)[-1] == "CallOver"
    pair.run(100)
    assert pair.a.endpoint.settled
    assert pair.b.endpoint.settled


def test_ringing_without_a_description_holds_no_answer_back() -> None:
    pair = pair_with(Link(drop=lambda data: data.startswith(b"PRACK")), a="required")
    handle = place(pair)
    pair.b.endpoint.ring(handle, pair.now)
    pair.run(0.1)
    assert sent(pair, 180)[0].require == ("100rel",)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(0.1)
    assert kinds(pair.a)[-1] == "CallAccepted"
    pair.run(40)
    assert len(sent(pair, 180)) == 1


def test_ringing_is_reliable_only_where_the_caller_requires_it() -> None:
    for mode, tags in (("supported", ()), ("required", ("100rel",))):
        pair = pair_with(a=mode)
        handle = place(pair)
        pair.b.endpoint.ring(handle, pair.now)
        pair.run(1)
        assert sent(pair, 180)[0].require == tags
        assert len(pair.requests("PRACK")) == len(tags)


def test_a_caller_that_knows_no_100rel_gets_the_same_answer_in_183_and_2xx() -> None:
    pair = pair_with(a="off")
    handle = place(pair)
    pair.b.endpoint.early_media(handle, ANSWER, pair.now)
    pair.run(1)
    pair.b.endpoint.answer(handle, ANSWER, pair.now)
    pair.run(1)
    assert sent(pair, 183)[0].require == ()
    assert [m.body for m in sent(pair, 200) if m.cseq.method == "INVITE"] == [ANSWER.data]
    assert "100rel" not in pair.requests("INVITE")[0].supported


def test_a_caller_without_100rel_gets_421_where_it_is_required() -> None:
    pair = pair_with(a="off", b="required")
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(1)
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 421
    assert refused.response is not None
    assert refused.response.require == ("100rel",)
    assert pair.b.events == []


def test_a_caller_that_requires_100rel_gets_420_where_it_is_off() -> None:
    pair = pair_with(a="required", b="off")
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(1)
    refused = pair.a.events[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 420
    assert refused.response is not None
    assert refused.response.headers.get("Unsupported") == "100rel"


def test_an_offer_in_183_is_answered_in_its_prack() -> None:
    pair = ready()
    handle = place(pair, body=None)
    pair.b.endpoint.early_media(handle, OFFER, pair.now)
    pair.run(1)
    assert pair.a.events[-1] == ev.CallReoffer("o1", OFFER)
    assert not pair.requests("PRACK")
    pair.a.endpoint.accept_reoffer("o1", ANSWER, pair.now)
    pair.run(1)
    assert pair.requests("PRACK")[-1].body == ANSWER.data
    assert pair.b.events[-1] == ev.ReofferAccepted(handle, ANSWER)
    pair.b.endpoint.answer(handle, OFFER, pair.now)
    pair.run(1)
    assert [m.body for m in sent(pair, 200) if m.cseq.method == "INVITE"] == [b""]
    assert kinds(pair.a)[-1] == "CallAccepted"
    assert kinds(pair.b)[-1] == "CallConfirmed"


def test_an_offer_may_not_go_into_a_response_that_could_get_lost() -> None:
    pair = pair_with(a="off")
    handle = place(pair, body=None)
    pair.b.endpoint.early_media(handle, OFFER, pair.now)
    pair.run(1)
    assert [m.body for m in sent(pair, 183)] == [b""]


# -- the callee, by hand ----------------------------------------------------------------------------------------


def early(alone: Alone) -> tuple[str, str]:
    """Have a call from outside answered by a reliable 183; return our tag and the RSeq."""
    alone.say(message(body="v=0", more="Supported: 100rel\nAllow: INVITE, PRACK, UPDATE\n"))
    alone.endpoint.early_media("i1", ANSWER, alone.now)
    (progress,) = alone.heard()
    return progress.to.tag or "", progress.headers.get("RSeq") or ""


def prack(tag: str, rack: str, cseq: int = 2, body: str = "") -> str:
    to = f"<sip:1001@pbx.test>;tag={tag}"
    return message("PRACK", to=to, cseq=cseq, branch=f"z9hG4bKp{cseq}", more=f"RAck: {rack}\n", body=body)


def test_a_prack_for_nothing_gets_481() -> None:
    alone = Alone()
    tag, number = early(alone)
    assert statuses(alone.say(prack(tag, f"{int(number) + 1} 1 INVITE", 2))) == [481]
    assert statuses(alone.say(prack(tag, f"{number} 2 INVITE", 3))) == [481]
    assert statuses(alone.say(prack(tag, "nonsense", 4))) == [481]
    assert statuses(alone.say(prack(tag, f"{number} 1 INVITE", 5))) == [200]
    assert statuses(alone.say(prack(tag, f"{number} 1 INVITE", 6))) == [481]


def test_an_offer_in_a_prack_is_answered_in_its_200_and_holds_the_2xx_back() -> None:
    alone = Alone()
    tag, number = early(alone)
    alone.events()
    assert alone.say(prack(tag, f"{number} 1 INVITE", body="v=0 more")) == []
    (reoffer,) = alone.events()
    assert isinstance(reoffer, ev.CallReoffer)
    alone.endpoint.answer("i1", None, alone.now)
    assert alone.heard() == []
    alone.endpoint.accept_reoffer("i1", NEWER, alone.now)
    answered, accepted = alone.heard()
    assert (answered.cseq.method, answered.body) == ("PRACK", NEWER.data)
    assert (accepted.cseq.method, accepted.body) == ("INVITE", b"")


def test_an_offer_in_a_prack_may_be_refused_and_the_response_is_acknowledged_all_the_same() -> None:
    alone = Alone()
    tag, number = early(alone)
    alone.say(prack(tag, f"{number} 1 INVITE", body="v=0 more"))
    alone.endpoint.reject_reoffer("i1", 488, alone.now)
    assert statuses(alone.heard()) == [488]
    assert alone.pass_time(30) == []
    alone.endpoint.answer("i1", None, alone.now)
    assert statuses(alone.heard()) == [200]


def test_responses_wait_their_turn_and_are_numbered_one_by_one() -> None:
    alone = Alone()
    alone.say(message(body="v=0", more="Require: 100rel\n"))
    alone.endpoint.ring("i1", alone.now)
    (ringing,) = alone.heard()
    tag, number = ringing.to.tag or "", int(ringing.headers.get("RSeq") or "")
    alone.endpoint.early_media("i1", ANSWER, alone.now)
    assert alone.heard() == []
    second, done = alone.say(prack(tag, f"{number} 1 INVITE"))
    assert statuses([second, done]) == [183, 200]
    assert int(second.headers.get("RSeq") or "") == number + 1


# -- the caller, by hand ----------------------------------------------------------------------------------------


def calling(alone: Alone) -> Request | Response:
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    return invite


def reliable(invite: Request | Response, number: int, status: int = 183, body: str = "", tag: str = "t1") -> str:
    more = f"Require: 100rel\nRSeq: {number}\nContact: <sip:x@10.0.0.9:5060>\n"
    return answer(invite, status, more=more, body=body, tag=tag)


def test_a_response_after_one_that_is_missing_waits_and_a_repeated_one_is_told_once() -> None:
    alone = Alone()
    invite = calling(alone)
    (first,) = alone.say(reliable(invite, 7, body="v=0 early"))
    assert isinstance(first, Request)
    alone.say(answer(first, 200))
    assert alone.say(reliable(invite, 9, 180)) == []
    assert alone.say(reliable(invite, 7, body="v=0 early")) == []
    (second,) = alone.say(reliable(invite, 8, 180))
    assert second.headers.get("RAck") == f"8 {invite.cseq.number} INVITE"
    (third,) = alone.say(reliable(invite, 9, 180))
    assert third.headers.get("RAck") == f"9 {invite.cseq.number} INVITE"
    progress = [event.status for event in alone.events() if isinstance(event, ev.CallProgress)]
    assert progress == [183, 180, 180]


def test_a_prack_that_was_refused_is_made_again_when_the_response_is_repeated() -> None:
    alone = Alone()
    invite = calling(alone)
    (first,) = alone.say(reliable(invite, 7))
    assert alone.say(reliable(invite, 7)) == []
    alone.say(answer(first, 500))
    (again,) = alone.say(reliable(invite, 7))
    assert again.headers.get("RAck") == first.headers.get("RAck")
    assert again.cseq.number == first.cseq.number + 1


def test_the_prack_goes_by_the_route_of_its_early_dialog() -> None:
    alone = Alone()
    invite = calling(alone)
    text = reliable(invite, 7).replace("Require:", "Record-Route: <sip:10.0.0.20;lr>\nRequire:")
    (prack,) = alone.say(text)
    assert isinstance(prack, Request)
    assert (prack.method, str(prack.uri)) == ("PRACK", "sip:x@10.0.0.9:5060")
    assert [str(route) for route in prack.routes] == ["<sip:10.0.0.20;lr>"]
    assert alone.sent[-1][1].remote == ("10.0.0.20", 5060)


def test_after_giving_up_a_reliable_response_is_still_acknowledged() -> None:
    alone = Alone()
    invite = calling(alone)
    alone.say(answer(invite, 100))
    alone.endpoint.hang_up("o1", alone.now)
    alone.heard()
    alone.events()
    assert methods(alone.say(reliable(invite, 7))) == ["PRACK"]
    assert alone.events() == []


def test_the_bye_after_prack_counts_on_from_it() -> None:
    alone = Alone()
    invite = calling(alone)
    (first,) = alone.say(reliable(invite, 7, body="v=0"))
    alone.say(answer(first, 200))
    alone.say(answer(invite, 200, more="Contact: <sip:x@10.0.0.9:5060>\n"))
    alone.endpoint.hang_up("o1", alone.now)
    (bye,) = alone.heard()
    assert bye.cseq.number == first.cseq.number + 1


def test_a_late_fork_is_ended_with_a_number_that_its_dialog_has_not_seen() -> None:
    alone = Alone()
    invite = calling(alone)
    (first,) = alone.say(reliable(invite, 7, tag="p"))
    alone.say(answer(invite, 200, tag="q", more="Contact: <sip:q@10.0.0.9>\n", body="v=0"))
    ack, bye = alone.say(answer(invite, 200, tag="p", more="Contact: <sip:p@10.0.0.9>\n", body="v=0"))
    assert methods([ack, bye]) == ["ACK", "BYE"]
    assert bye.cseq.number > first.cseq.number
    assert bye.headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'


@pytest.mark.parametrize("mode", ["supported", "required"])
@pytest.mark.parametrize("seed", range(12))
def test_early_media_gets_through_whatever_is_lost(seed: int, mode: str) -> None:
    pair = Pair(seed=seed, link=Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.4))
    pair.account(pair.a, "1001", B, reliable=mode)
    pair.account(pair.b, "1002", A)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    pair.b.endpoint.ring("i1", pair.now)
    pair.b.endpoint.early_media("i1", ANSWER, pair.now)
    pair.run(15)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(20)
    media = [event for event in pair.a.events if isinstance(event, ev.CallProgress) and event.body is not None]
    assert [event.body for event in media] == [ANSWER]
    assert kinds(pair.a).count("CallAccepted") == 1
    assert kinds(pair.b).count("CallConfirmed") == 1
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(200)
    for peer in (pair.a, pair.b):
        assert peer.endpoint.settled
        assert peer.endpoint.deadline() is None


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40))
def test_numbers_of_any_text_are_read_or_not(text: str) -> None:
    headers = Headers()
    headers.add("RAck", text)
    headers.add("RSeq", text)
    headers.add("Require", "100rel")
    rack = rack_of(Request("PRACK", parse_uri("sip:x@y"), headers))
    assert rack is None or (rack[0] >= 0 and rack[1] >= 0 and rack[2])
    rseq = rseq_of(Response(183, "", headers, b""))
    assert rseq is None or 0 < rseq < 2**32
