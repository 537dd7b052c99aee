"""REFER both ways (:rfc:`3515`) with three endpoints: the flows of :rfc:`5589`, on links good and bad."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.calls.refer import ReferTo, refer_to
from offhook.sip.calls.replaces import Replaces
from offhook.sip.calls.sipfrag import parse_status, status_fragment
from offhook.sip.errors import RemoteError
from offhook.sip.events import Body
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.messages.uri import parse_uri
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER
from tests.support.sip_pair import Link, Peer
from tests.support.sip_transfer import Three, progress


def requested(peer: Peer) -> ev.TransferRequested:
    (event,) = peer.of_type(ev.TransferRequested)
    assert isinstance(event, ev.TransferRequested)
    return event


def is_settled(three: Three) -> bool:
    three.run(250)
    return all(peer.endpoint.settled and peer.endpoint.deadline() is None for peer in three.all)


def notifies(three: Three) -> list[tuple[str, str]]:
    """The body's status line and the subscription's state of every NOTIFY that was sent."""
    return [(m.body.decode().strip(), m.headers.get("Subscription-State") or "") for m in three.requests("NOTIFY")]


# -- blind (RFC 5589 section 6) ------------------------------------------------------------------------------------


def test_a_blind_transfer_is_told_of_until_the_target_answers() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.answering.discard("c")
    three.a.endpoint.refer("ab", "sip:1003@pbx.test", three.now)
    three.run(5)
    event = requested(three.b)
    assert (event.target, event.account, event.call) == ("sip:1003@pbx.test", "to-a", "i1")
    assert str(event.referred_by) == "<sip:1001@pbx.test>"
    three.c.endpoint.answer(three.ringing["c"], ANSWER, three.now)
    three.run(5)
    assert progress(three.a) == [(100, False), (180, False), (200, True)]
    assert notifies(three) == [
        ("SIP/2.0 100 Trying", "active;expires=180"),
        ("SIP/2.0 180 Ringing", "active;expires=179"),
        ("SIP/2.0 200 OK", "terminated;reason=noresource"),
    ]
    three.a.endpoint.hang_up("ab", three.now)
    three.b.endpoint.hang_up("new", three.now)
    assert is_settled(three)


def test_digits_alone_are_transferred_to_at_the_domain_of_the_account() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(1)
    assert requested(three.b).target == "sip:1003@pbx.test"


def test_the_called_side_may_transfer_as_well() -> None:
    three = Three()
    handle = three.connect(three.a, three.b, "ab")
    three.b.endpoint.refer(handle, "1003", three.now)
    three.run(5)
    assert requested(three.a).call == "ab"
    assert progress(three.b)[-1] == (200, True)


def test_the_call_that_follows_says_who_referred_it() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(5)
    invite = three.requests("INVITE", three.b)[0]
    assert invite.headers.get("Referred-By") == "<sip:1001@pbx.test>"


def test_a_transferor_who_hangs_up_at_once_hears_of_the_end_all_the_same() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.answering.discard("c")
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(1)
    three.a.endpoint.hang_up("ab", three.now)
    three.run(5)
    assert three.b.of_type(ev.CallOver)
    three.c.endpoint.answer(three.ringing["c"], ANSWER, three.now)
    three.run(5)
    assert progress(three.a)[-1] == (200, True)
    assert three.statuses(three.a).count(481) == 0
    three.b.endpoint.hang_up("new", three.now)
    assert is_settled(three)


@pytest.mark.parametrize("status", [404, 486, 603])
def test_a_transfer_that_fails_says_why_and_leaves_the_call_up(status: int) -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.refusing["c"] = status
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(5)
    assert progress(three.a)[-1] == (status, True)
    assert notifies(three)[-1][1] == "terminated;reason=noresource"
    assert not three.a.of_type(ev.CallOver)
    three.a.endpoint.hang_up("ab", three.now)
    assert is_settled(three)


@pytest.mark.parametrize("status", [403, 603])
def test_a_transferee_who_refuses_is_heard(status: int) -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.obeying.clear()
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(1)
    three.b.endpoint.refuse_transfer(requested(three.b).key, status, three.now)
    three.run(1)
    assert progress(three.a) == [(status, True)]
    assert three.requests("NOTIFY") == []
    three.a.endpoint.hang_up("ab", three.now)
    assert is_settled(three)


def test_a_transferee_who_never_decides_declines_in_the_end() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.obeying.clear()
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(40)
    assert progress(three.a)[-1][1]
    assert len(progress(three.a)) == 1


def test_a_call_that_the_transferee_gives_up_is_told() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.answering.discard("c")
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(5)
    three.b.endpoint.hang_up("new", three.now)
    three.run(5)
    assert progress(three.a)[-1] == (487, True)


def test_a_transfer_that_cannot_be_placed_after_all_is_told() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.obeying.clear()
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(1)
    key = requested(three.b).key
    three.b.endpoint.accept_transfer(key, "new", three.now)
    three.run(1)
    three.b.endpoint.refuse_transfer(key, 503, three.now)
    three.run(1)
    assert progress(three.a)[-1] == (503, True)


def test_without_news_wanted_none_are_sent() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.a.endpoint.refer("ab", "1003", three.now, quiet=True)
    three.run(5)
    assert three.requests("NOTIFY") == []
    assert progress(three.a) == [(202, True)]
    assert three.c.of_type(ev.CallConfirmed)
    three.a.endpoint.hang_up("ab", three.now)
    three.b.endpoint.hang_up("new", three.now)
    assert is_settled(three)


def test_two_transfers_in_one_call_are_told_apart_by_their_ids() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.answering.discard("c")
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(1)
    three.obeying.clear()
    three.a.endpoint.refer("ab", "sip:1003@pbx.test;x=2", three.now)
    three.run(1)
    second = three.b.of_type(ev.TransferRequested)[1]
    assert isinstance(second, ev.TransferRequested)
    three.b.endpoint.accept_transfer(second.key, "none", three.now)
    three.run(1)
    number = three.requests("REFER")[1].cseq.number
    assert {m.headers.get("Event") for m in three.requests("NOTIFY")} == {"refer", f"refer;id={number}"}
    three.b.endpoint.refuse_transfer(second.key, 404, three.now)
    three.run(1)
    assert progress(three.a)[-1] == (404, True)
    three.c.endpoint.answer(three.ringing["c"], ANSWER, three.now)
    three.run(1)
    assert progress(three.a)[-1] == (200, True)


def test_a_call_that_is_not_up_cannot_be_transferred() -> None:
    three = Three()
    three.a.endpoint.refer("nothing", "1003", three.now)
    three.run(1)
    assert progress(three.a) == [(481, True)]


# -- attended (RFC 5589 section 7) ---------------------------------------------------------------------------------


def test_an_attended_transfer_joins_the_other_two_and_ends_both_calls_of_the_transferor() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    at_c = three.connect(three.a, three.c, "ac")
    three.a.endpoint.refer("ab", "", three.now, replaces="ac")
    three.run(5)
    assert three.taken_over == [("c", at_c)]
    over = three.a.of_type(ev.CallOver)
    assert [event.call for event in over if isinstance(event, ev.CallOver)] == ["ac"]
    assert progress(three.a)[-1] == (200, True)
    three.a.endpoint.hang_up("ab", three.now)
    three.run(1)
    assert [type(event) for event in three.b.events][-1] is ev.CallOver
    three.b.endpoint.hang_up("new", three.now)
    assert is_settled(three)


def test_refer_to_carries_the_dialog_as_the_target_sees_it() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.connect(three.a, three.c, "ac")
    three.a.endpoint.refer("ab", "", three.now, replaces="ac")
    three.run(5)
    invite = three.requests("INVITE", three.a)[-1]
    accepted = [m for m in three.messages(three.c) if isinstance(m, Response) and m.cseq.method == "INVITE"][-1]
    replaces = Replaces.parse(three.requests("INVITE", three.b)[0].headers.get("Replaces") or "")
    assert replaces.call_id == invite.call_id
    assert replaces.from_tag == invite.from_.tag
    assert replaces.to_tag != invite.from_.tag
    assert accepted.to.tag != replaces.to_tag  # that was the new call's


@pytest.mark.parametrize(
    ("contact", "caller", "expected"),
    [
        ("<sip:bob@10.0.0.9:5060>", "<sip:bob@pbx.test>", "sip:bob@pbx.test"),
        ("<sip:bob@pbx.test;gr=urn:uuid:1>", "<sip:bob@pbx.test>", "sip:bob@pbx.test;gr=urn:uuid:1"),
        ("<sip:x@10.0.0.9:5060>", "<sip:anonymous@anonymous.invalid>", "sip:x@10.0.0.9:5060"),
    ],
)
def test_the_target_is_named_so_that_it_can_be_reached(contact: str, caller: str, expected: str) -> None:
    alone, _ = talking()
    more = f"Contact: {contact}\n"
    alone.say(message(caller=f"{caller};tag=b1", body="v=0", more=more))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (accepted,) = alone.heard()
    alone.say(
        message("ACK", to=f"<sip:1001@pbx.test>;tag={accepted.to.tag}", caller=f"{caller};tag=b1", branch="z9hG4bKa")
    )
    alone.endpoint.refer("o1", "", alone.now, replaces="i1")
    (request,) = alone.heard()
    target = request.headers.get("Refer-To") or ""
    assert target.startswith(f"<{expected}?Replaces=c1%3Bto-tag%3Db1%3Bfrom-tag%3D")


def test_an_attended_transfer_without_a_second_call_is_refused_here() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.a.endpoint.refer("ab", "", three.now, replaces="ac")
    three.run(1)
    assert progress(three.a) == [(481, True)]
    assert three.requests("REFER") == []


def test_when_the_consultation_is_over_meanwhile_the_transfer_fails_with_481() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    at_c = three.connect(three.a, three.c, "ac")
    three.obeying.clear()
    three.a.endpoint.refer("ab", "", three.now, replaces="ac")
    three.run(1)
    three.c.endpoint.hang_up(at_c, three.now)
    three.run(40)
    event = requested(three.b)
    three.b.endpoint.accept_transfer(event.key, "new", three.now)
    three.b.endpoint.call("new", "to-c", event.target, OFFER, three.now, headers=event.headers)
    three.run(5)
    assert not any(isinstance(e, ev.CallAccepted) and e.call == "new" for e in three.b.events)


# -- bad links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_a_blind_transfer_comes_through_loss_duplication_and_reordering(seed: int) -> None:
    three = Three(seed)
    three.connect(three.a, three.b, "ab")
    three.link = Link(loss=0.2, duplicate=0.2, delay=0.02, jitter=0.3)
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(60)
    assert progress(three.a)[-1] == (200, True)
    assert [final for _, final in progress(three.a)].count(True) == 1
    assert len(three.b.of_type(ev.TransferRequested)) == 1
    assert len(three.c.of_type(ev.IncomingCall)) == 1
    three.a.endpoint.hang_up("ab", three.now)
    three.b.endpoint.hang_up("new", three.now)
    assert is_settled(three)


@pytest.mark.parametrize("seed", range(12))
def test_an_attended_transfer_comes_through_loss_duplication_and_reordering(seed: int) -> None:
    three = Three(seed)
    three.connect(three.a, three.b, "ab")
    at_c = three.connect(three.a, three.c, "ac")
    three.link = Link(loss=0.2, duplicate=0.2, delay=0.02, jitter=0.3)
    three.a.endpoint.refer("ab", "", three.now, replaces="ac")
    three.run(60)
    assert three.taken_over == [("c", at_c)]
    assert progress(three.a)[-1] == (200, True)
    three.a.endpoint.hang_up("ab", three.now)
    three.b.endpoint.hang_up("new", three.now)
    assert is_settled(three)


def test_a_transferee_who_falls_silent_is_given_up() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.link = Link(loss=1.0)
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(40)
    assert progress(three.a) == [(0, True)]
    assert not three.a.of_type(ev.CallOver)


# -- the transferor, message by message ------------------------------------------------------------------------------


def talking() -> tuple[Alone, Request]:
    """A call of ours that is up; return the INVITE."""
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    alone.say(answer(invite, 200, more="Contact: <sip:bob@10.0.0.9:5060>\n"))
    alone.events()
    return alone, invite


def news(
    invite: Request, status: str, state: str, *, event: str = "refer", cseq: int = 1, kind: str = "message/sipfrag"
) -> str:
    head = f"Event: {event}\nSubscription-State: {state}\nContent-Type: {kind}\n"
    return message(
        "NOTIFY",
        branch=f"z9hG4bKn{cseq}",
        to=invite.headers.get("From") or "",
        caller="<sip:bob@pbx.test>;tag=t1",
        call_id=invite.call_id,
        cseq=cseq,
        more=head,
        body=status,
    )


def told(alone: Alone) -> list[tuple[int, bool]]:
    return [(event.status, event.final) for event in alone.events() if isinstance(event, ev.TransferProgress)]


def status_of(messages: list[Request | Response]) -> int:
    (response,) = messages
    assert isinstance(response, Response)
    return response.status


def refer(alone: Alone) -> Request:
    alone.endpoint.refer("o1", "1003", alone.now)
    (request,) = alone.heard()
    assert isinstance(request, Request)
    assert request.method == "REFER"
    return request


def test_news_may_come_before_the_answer_to_the_refer() -> None:
    alone, invite = talking()
    request = refer(alone)
    assert status_of(alone.say(news(invite, "SIP/2.0 180 Ringing\r\n", "active;expires=60"))) == 200
    alone.say(answer(request, 202))
    assert told(alone) == [(180, False)]


def test_a_refer_without_any_news_is_given_up_after_timer_n() -> None:
    alone, _ = talking()
    alone.say(answer(refer(alone), 202))
    assert told(alone) == [(100, False)]
    alone.pass_time(31)
    assert told(alone) == []
    alone.pass_time(2)
    assert told(alone) == [(0, True)]


def test_news_that_end_without_a_final_status_are_the_last_word() -> None:
    alone, invite = talking()
    alone.say(answer(refer(alone), 202))
    alone.say(news(invite, "SIP/2.0 100 Trying\r\n", "terminated;reason=noresource"))
    assert told(alone) == [(100, False), (100, True)]
    assert status_of(alone.say(news(invite, "SIP/2.0 200 OK\r\n", "active", cseq=2))) == 481


def test_a_final_status_counts_though_the_subscription_goes_on() -> None:
    alone, invite = talking()
    alone.say(answer(refer(alone), 202))
    alone.say(news(invite, "SIP/2.0 200 OK\r\n", "active;expires=60"))
    assert told(alone)[-1] == (200, True)
    assert status_of(alone.say(news(invite, "SIP/2.0 200 OK\r\n", "terminated", cseq=2))) == 200
    assert told(alone) == []


def test_the_news_are_subscribed_to_again_before_they_expire() -> None:
    alone, invite = talking()
    request = refer(alone)
    alone.say(answer(request, 202))
    alone.say(news(invite, "SIP/2.0 180 Ringing\r\n", "active;expires=60"))
    again = alone.pass_time(40)[0]
    assert isinstance(again, Request)
    assert (again.method, again.headers.get("Event")) == ("SUBSCRIBE", f"refer;id={request.cseq.number}")
    alone.say(answer(again, 481))
    assert told(alone)[-1] == (0, True)


def test_news_of_another_refer_or_package_or_without_sense_are_refused() -> None:
    alone, invite = talking()
    alone.say(answer(refer(alone), 202))
    assert status_of(alone.say(news(invite, "x", "active", event="refer;id=77"))) == 481
    assert status_of(alone.say(news(invite, "x", "active", event="presence", cseq=2))) == 489
    assert status_of(alone.say(news(invite, "x", '"', cseq=3))) == 400
    assert told(alone) == [(100, False)]


def test_a_refer_that_is_challenged_is_signed_and_sent_again() -> None:
    alone, _ = talking()
    request = refer(alone)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5\n'
    (again,) = alone.say(answer(request, 401, more=challenge))
    assert isinstance(again, Request)
    assert "Authorization" in again.headers
    assert again.headers.get("Refer-To") == "<sip:1003@pbx.test>"


# -- the transferee, message by message ------------------------------------------------------------------------------


def referral(alone: Alone, more: str, *, number: int = 5, **fields: str) -> list[Request | Response]:
    request = {"to": "<sip:1001@pbx.test>"} | fields
    return alone.say(message("REFER", branch=f"z9hG4bKr{number}", cseq=number, more=more, **request))  # type: ignore[arg-type]


def test_the_accounts_server_may_refer_outside_any_call() -> None:
    alone = Alone()
    assert referral(alone, "Refer-To: <sip:1003@pbx.test>\n") == []
    (event,) = alone.events()
    assert isinstance(event, ev.TransferRequested)
    assert event.call is None
    alone.endpoint.accept_transfer(event.key, "n1", alone.now)
    accepted, notify = alone.heard()
    assert isinstance(accepted, Response)
    assert isinstance(notify, Request)
    assert (accepted.status, notify.method) == (202, "NOTIFY")
    assert accepted.contacts
    assert notify.from_.tag == accepted.to.tag
    alone.say(answer(notify, 200))
    alone.endpoint.call("n1", "desk", event.target, OFFER, alone.now, headers=event.headers)
    (invite,) = alone.heard()
    (ack,) = alone.say(answer(invite, 486))
    (last,) = alone.pass_time(0)
    assert isinstance(last, Request)
    assert ack is not None
    assert last.body == b"SIP/2.0 486 X\r\n"
    assert last.headers.get("Subscription-State") == "terminated;reason=noresource"


def test_who_names_a_call_that_is_up_may_refer_it_from_outside() -> None:
    alone, invite = talking()
    other = ("10.0.0.66", 5060)
    named = f"Target-Dialog: {invite.call_id};local-tag=t1;remote-tag={invite.from_.tag}\n"
    text = message("REFER", branch="z9hG4bKr9", call_id="r9", more=f"Refer-To: <sip:1003@pbx.test>\n{named}")
    assert alone.say(text, remote=other) == []
    (event,) = alone.events()
    assert isinstance(event, ev.TransferRequested)
    assert event.call == "o1"
    wrong = named.replace("local-tag=t1", "local-tag=t2")
    text = message("REFER", branch="z9hG4bKr8", call_id="r8", more=f"Refer-To: <sip:1003@pbx.test>\n{wrong}")
    assert status_of(alone.say(text, remote=other)) == 403


@pytest.mark.parametrize("where", ["in the call", "outside, by its name"])
def test_an_emergency_call_is_never_referred(where: str) -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "urn:service:sos", OFFER, alone.now)
    (invite,) = alone.heard()
    alone.say(answer(invite, 200, more="Contact: <sip:desk@10.0.0.9:5060>\n", body="v=0\n"))
    alone.events()
    to, caller = str(invite.from_), "<urn:service:sos>;tag=t1"
    more = "Refer-To: <sip:1003@pbx.test>\n"
    if where == "in the call":
        refer = message("REFER", to=to, caller=caller, call_id=invite.call_id, branch="z9hG4bKr1", more=more)
    else:
        more += f"Target-Dialog: {invite.call_id};local-tag=t1;remote-tag={invite.from_.tag}\n"
        refer = message("REFER", branch="z9hG4bKr9", call_id="r9", more=more)
    assert status_of(alone.say(refer)) == 403
    assert alone.events() == []
    alone.endpoint.hang_up("o1", alone.now)
    (bye,) = alone.heard()
    assert isinstance(bye, Request)
    assert bye.method == "BYE", "it was up all the while"


def test_the_server_may_stop_hearing_of_a_call_that_it_asked_for() -> None:
    alone = Alone()
    referral(alone, "Refer-To: <sip:1003@pbx.test>\n")
    (event,) = alone.events()
    assert isinstance(event, ev.TransferRequested)
    alone.endpoint.accept_transfer(event.key, "n1", alone.now)
    accepted, notify = alone.heard()
    alone.say(answer(notify, 200))
    to = f"<sip:1001@pbx.test>;tag={accepted.to.tag}"
    stop = message("SUBSCRIBE", to=to, branch="z9hG4bKs", cseq=9, more="Event: refer\nExpires: 0\n")
    taken, last = alone.say(stop)
    assert isinstance(taken, Response)
    assert (taken.status, last.headers.get("Subscription-State")) == (200, "terminated;reason=timeout")
    alone.say(answer(last, 200))
    alone.pass_time(60)
    assert alone.endpoint.settled


def test_what_is_not_decided_when_the_phone_stops_is_refused() -> None:
    alone = Alone()
    referral(alone, "Refer-To: <sip:1003@pbx.test>\n")
    alone.endpoint.close(alone.now)
    assert status_of(alone.heard()) == 480
    assert alone.endpoint.settled


def test_nobody_else_may_refer_outside_a_call() -> None:
    alone = Alone()
    text = message("REFER", more="Refer-To: <sip:1003@pbx.test>\n")
    assert status_of(alone.say(text, remote=("10.0.0.66", 5060))) == 403
    assert alone.events() == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ("", 400),
        ("Refer-To: <sip:a@x>\nRefer-To: <sip:b@x>\n", 400),
        ("Refer-To: <sip:a@x>, <sip:b@x>\n", 400),
        ("Refer-To: nonsense\n", 400),
        ("Refer-To: <sip:a@x?Replaces=bad>\n", 400),
        ("Refer-To: <http://x/>\n", 416),
        ("Refer-To: <urn:service:sos>\n", 403),
        ("Refer-To: <urn:service:sos.police>\n", 403),
        ("Refer-To: <sip:a@x;method=BYE>\n", 403),
    ],
)
def test_a_refer_that_we_never_follow_is_refused_at_once(more: str, status: int) -> None:
    alone = Alone()
    assert status_of(referral(alone, more)) == status
    assert alone.events() == []


def test_a_transferor_may_stop_hearing_of_it() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.answering.discard("c")
    three.a.endpoint.refer("ab", "1003", three.now)
    three.run(1)
    refer_, notify = three.requests("REFER")[0], three.requests("NOTIFY")[0]
    text = message(
        "SUBSCRIBE",
        "sip:1002@10.0.0.2:5060",
        to=notify.headers.get("From") or "",
        caller=notify.headers.get("To") or "",
        call_id=notify.call_id,
        cseq=refer_.cseq.number + 10,
        via="SIP/2.0/UDP 10.0.0.1:5060",
        more="Event: refer\nExpires: 0\n",
    ).replace("\n", "\r\n")
    three.b.endpoint.receive(text.encode(), ev.Flow("udp", ("10.0.0.2", 5060), ("10.0.0.1", 5060)), three.now)
    three.run(1)
    assert notifies(three)[-1] == ("SIP/2.0 180 Ringing", "terminated;reason=timeout")
    before = len(three.requests("NOTIFY"))
    three.c.endpoint.answer(three.ringing["c"], ANSWER, three.now)
    three.run(5)
    assert len(three.requests("NOTIFY")) == before


def test_a_subscribe_outside_any_dialog_gets_489() -> None:
    alone = Alone()
    (response,) = alone.say(message("SUBSCRIBE", more="Event: presence\n"))
    assert isinstance(response, Response)
    assert (response.status, response.headers.get("Allow-Events")) == (489, "refer")


def test_at_most_four_transfers_wait_in_one_call() -> None:
    three = Three()
    three.connect(three.a, three.b, "ab")
    three.obeying.clear()
    for _ in range(6):
        three.a.endpoint.refer("ab", "1003", three.now)
        three.run(0.1)
    assert len(three.b.of_type(ev.TransferRequested)) == 4
    assert [status for status, final in progress(three.a) if final] == [503, 503]


# -- parsers -------------------------------------------------------------------------------------------------------


def test_a_status_line_goes_there_and_back() -> None:
    assert parse_status(status_fragment(180, "Ringing")) == (180, "Ringing")
    assert parse_status(status_fragment(603, "")) == (603, "")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"SIP/2.0 200 OK", (200, "OK")),
        (b"\r\nsip/2.0 486 Busy Here\r\nTo: x\r\n", (486, "Busy Here")),
        (b"SIP/2.0 183\n", (183, "")),
        (b"SIP/2.0 99 X", None),
        (b"SIP/2.0 2000 X", None),
        (b"INVITE sip:a@b SIP/2.0\r\n", None),
        (b"", None),
        (b"SIP/2.0 200 " + b"x" * 5000, (200, "x" * 200)),
    ],
)
def test_what_a_fragment_says(data: bytes, expected: tuple[int, str] | None) -> None:
    assert parse_status(Body("message/sipfrag", data)) == expected


def test_a_body_of_another_type_says_nothing() -> None:
    assert parse_status(Body("text/plain", b"SIP/2.0 200 OK")) is None
    assert parse_status(None) is None


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(lambda tail: b"SIP/2.0 200" + tail)))
def test_any_fragment_is_read_or_not_and_nothing_is_raised(data: bytes) -> None:
    found = parse_status(Body("message/sipfrag;version=2.0", data))
    assert found is None or (100 <= found[0] <= 699 and found[1].isprintable())


def with_refer_to(value: str) -> Request:
    headers = Headers()
    headers.add("Refer-To", value)
    return Request("REFER", parse_uri("sip:1001@x"), headers)


def test_a_refer_to_with_replaces_goes_there_and_back() -> None:
    replaces = Replaces("a84b4c76e66710@pc33.test", "7743", "6472")
    value = refer_to(parse_uri("sip:carol@pbx.test;gr=urn:x"), replaces)
    assert "%3Bto-tag%3D7743" in value
    wanted = ReferTo.of(with_refer_to(value))
    assert str(wanted.uri) == "sip:carol@pbx.test;gr=urn:x"
    assert wanted.headers == (("Replaces", str(replaces)),)


def test_of_a_referred_uris_headers_only_replaces_is_taken() -> None:
    value = "<sip:c@x?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3&Require=replaces&Route=%3Csip:evil%3E&From=x>"
    wanted = ReferTo.of(with_refer_to(value))
    assert wanted.headers == (("Replaces", "1;to-tag=2;from-tag=3"), ("Require", "replaces"))


@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map(lambda tail: f"<sip:a@b?{tail}>")))
def test_any_refer_to_is_read_or_refused(text: str) -> None:
    if "\r" in text or "\n" in text:
        return
    status = 0
    wanted = None
    try:
        wanted = ReferTo.of(with_refer_to(text))
    except RemoteError as error:
        status = error.status
    assert status in (0, 400, 403, 416)
    assert wanted is None or {name for name, _ in wanted.headers} <= {"Replaces", "Require", "Referred-By"}
