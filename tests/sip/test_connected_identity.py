"""Who is at the other end, as it changes during a call (:rfc:`4916`, :rfc:`3325`)."""

import pytest

from offhook.sip import events as ev
from offhook.sip.messages.message import Request, Response
from offhook.sip.settings import EndpointSettings
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER
from tests.support.sip_pair import A, B, Link, Pair

BOB = "<sip:bob@pbx.test>;tag=b1"
CAROL = '"Carol" <sip:carol@pbx.test>;tag=b1'
ABLE = "Allow: INVITE, ACK, BYE, UPDATE\nSupported: from-change\n"
STRANGER = ("192.0.2.66", 5060)


def up(alone: Alone, contact: str = "Contact: <sip:bob@10.0.0.9:5060>\n") -> str:
    """Have a call from outside answered; return our To tag."""
    alone.say(message(body="v=0", more=ABLE + contact))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    tag = ok.to.tag or ""
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={tag}"))
    alone.events()
    return tag


def within(method: str, tag: str, cseq: int, caller: str = BOB, more: str = "", body: str = "") -> str:
    to, branch = f"<sip:1001@pbx.test>;tag={tag}", f"z9hG4bKw{method}{cseq}"
    return message(method, to=to, cseq=cseq, branch=branch, caller=caller, more=more, body=body)


def peers(alone: Alone) -> list[str]:
    return [str(event.peer) for event in alone.events() if isinstance(event, ev.PeerChanged)]


def test_a_changed_from_in_an_update_is_told_and_addressed_from_then_on() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("UPDATE", tag, 2, CAROL))
    assert peers(alone) == [CAROL]
    alone.say(within("UPDATE", tag, 3, CAROL))
    assert peers(alone) == []
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert str(bye.to) == CAROL


def test_a_changed_from_in_a_reinvite_is_told() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("INVITE", tag, 2, CAROL, body="v=0"))
    assert peers(alone) == [CAROL]


def test_we_say_that_from_may_change() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    assert "from-change" in invite.supported


def test_an_asserted_identity_of_the_server_is_told_and_no_strangers() -> None:
    asserted = 'P-Asserted-Identity: "Dave" <sip:dave@pbx.test>\n'
    alone = Alone()
    tag = up(alone)
    alone.say(within("UPDATE", tag, 2, more=asserted))
    assert peers(alone) == ['"Dave" <sip:dave@pbx.test>']
    alone.say(within("UPDATE", tag, 3, more=asserted.replace("Dave", "Eve")), remote=STRANGER)
    assert peers(alone) == []


GROUP = "<sip:sales@pbx.test>"


def for_a_group(more: str = ABLE, **account: object) -> tuple[Alone, list[Request | Response]]:
    """Answer a call that was for somebody else at first; return what is sent once it is acknowledged."""
    alone = Alone(display_name="Ann", **account)
    alone.say(message(to=GROUP, body="v=0", more=more + "Contact: <sip:bob@10.0.0.9:5060>\n"))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    return alone, alone.say(message("ACK", branch="z9hG4bKack", to=f"{GROUP};tag={ok.to.tag}"))


def test_who_answers_a_call_for_somebody_else_says_so() -> None:
    alone, (update,) = for_a_group()
    assert isinstance(update, Request)
    assert (update.method, update.body, update.from_.display, str(update.from_.uri)) == (
        *("UPDATE", b"", "Ann"),
        "sip:1001@pbx.test",
    )
    assert update.from_.tag
    alone.say(answer(update, 200))
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert str(bye.from_) == str(update.from_)


def test_who_refuses_to_hear_of_it_is_addressed_as_before() -> None:
    alone, (update,) = for_a_group()
    alone.say(answer(update, 403))
    alone.endpoint.hang_up("i1", alone.now)
    (bye,) = alone.heard()
    assert str(bye.from_.uri) == "sip:sales@pbx.test"
    assert bye.from_.tag == update.from_.tag


def test_saying_who_answered_leaves_the_session_timer_as_it_was_agreed() -> None:
    more = ABLE.replace("from-change", "from-change, timer") + "Session-Expires: 1800;refresher=uac\n"
    alone, (update,) = for_a_group(more)
    assert update.headers.get("Session-Expires") == "1800;refresher=uas"
    terms = "Session-Expires: 600;refresher=uas\nRequire: timer\nContact: <sip:bob@10.0.0.12>\n"
    alone.say(answer(update, 200, more=terms))
    assert alone.pass_time(600 - 33) == []
    bye = alone.pass_time(2)[0]
    assert isinstance(bye, Request)
    assert (bye.method, str(bye.uri)) == ("BYE", "sip:bob@10.0.0.12"), "what was agreed last counts"


def test_nothing_is_said_to_who_cannot_hear_it_nor_by_who_keeps_to_himself_nor_without_news() -> None:
    assert for_a_group("Allow: INVITE, ACK, BYE, UPDATE\n")[1] == []
    assert for_a_group("Allow: INVITE, ACK, BYE\nSupported: from-change\n")[1] == []
    assert for_a_group(privacy=True)[1] == []
    alone = Alone()
    up(alone)
    assert alone.heard() == []


def test_an_identity_that_cannot_be_read_is_none() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(within("UPDATE", tag, 2, more="P-Asserted-Identity: <<<\n"))
    assert peers(alone) == []


def test_who_answered_is_told_after_the_call_is_accepted() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    more = 'Contact: <sip:x@10.0.0.9:5060>\nP-Asserted-Identity: "Reception" <sip:20@pbx.test>, <tel:+4420>\n'
    alone.say(answer(invite, 200, more=more, body="v=0"))
    accepted, changed = alone.events()[-2:]
    assert isinstance(accepted, ev.CallAccepted)
    assert isinstance(changed, ev.PeerChanged)
    assert (changed.call, str(changed.peer)) == ("o1", '"Reception" <sip:20@pbx.test>')


def test_who_answers_a_reinvite_is_told() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.reinvite("i1", OFFER, alone.now)
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    alone.say(answer(invite, 200, more="P-Asserted-Identity: <sip:zed@pbx.test>\n", body="v=0"))
    assert peers(alone) == ["<sip:zed@pbx.test>"]


@pytest.mark.parametrize("seed", range(6))
def test_the_caller_of_a_number_that_is_diverted_sees_who_answered_whatever_is_lost(seed: int) -> None:
    link = Link(loss=0.2, duplicate=0.2, delay=0.02, jitter=0.3)
    pair = Pair(seed=seed, link=link, settings=EndpointSettings(any_user=True))
    pair.account(pair.a, "1001", B)
    pair.account(pair.b, "1002", A, display_name="Ann")

    def hears(event: ev.Event) -> None:
        if not isinstance(event, ev.IncomingCall):
            return
        if event.account is None:
            moved = (("Contact", "<sip:1002@pbx.test>"),)
            pair.b.endpoint.reject(event.call, 302, "", pair.now, moved)
        else:
            pair.b.endpoint.answer(event.call, ANSWER, pair.now)

    pair.b.on_event = hears
    pair.a.endpoint.call("o1", "1001", "sip:sales@pbx.test", OFFER, pair.now)
    pair.run(60)
    (changed,) = pair.a.of_type(ev.PeerChanged)
    assert isinstance(changed, ev.PeerChanged)
    assert (changed.peer.display, str(changed.peer.uri)) == ("Ann", "sip:1002@pbx.test")
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(80)
    assert not pair.a.endpoint._calls
    assert not pair.b.endpoint._calls
