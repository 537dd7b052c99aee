"""An INVITE that takes the place of a call (:rfc:`3891`)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.calls.replaces import Replaces
from offhook.sip.errors import RemoteError
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER


def status_of(messages: list[Request | Response]) -> int:
    (response,) = messages
    assert isinstance(response, Response)
    return response.status


def up(alone: Alone) -> str:
    """A call from bob that is up; return our tag in it."""
    alone.say(message(body="v=0"))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (accepted,) = alone.heard()
    assert isinstance(accepted, Response)
    tag = accepted.to.tag or ""
    alone.say(message("ACK", to=f"<sip:1001@pbx.test>;tag={tag}", branch="z9hG4bKack"))
    alone.events()
    return tag


def taking(value: str, **more: str) -> str:
    fields = {"branch": "z9hG4bKc", "call_id": "c2", "caller": "<sip:carol@pbx.test>;tag=k1"} | more
    return message(more=f"Replaces: {value}\nRequire: replaces\n", body="v=0", **fields)  # type: ignore[arg-type]


def test_a_call_that_is_up_is_named_to_the_application() -> None:
    alone = Alone()
    tag = up(alone)
    assert status_of(alone.say(taking(f"c1;to-tag={tag};from-tag=b1"))) == 100
    (event,) = alone.events()
    assert isinstance(event, ev.IncomingCall)
    assert event.replaces == "i1"
    alone.endpoint.answer(event.call, ANSWER, alone.now)
    alone.endpoint.hang_up("i1", alone.now)
    sent = alone.heard()
    assert [m.status if isinstance(m, Response) else m.method for m in sent] == [200, "BYE"]


def test_a_call_that_we_placed_can_be_taken_over_as_well() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    alone.say(answer(invite, 200, more="Contact: <sip:bob@10.0.0.9:5060>\n"))
    alone.events()
    value = f"{invite.call_id};from-tag=t1;to-tag={invite.from_.tag}"
    assert status_of(alone.say(taking(value))) == 100
    (event,) = alone.events()
    assert isinstance(event, ev.IncomingCall)
    assert event.replaces == "o1"


@pytest.mark.parametrize("value", ["c1;to-tag=x;from-tag=b1", "c1;to-tag=TAG;from-tag=x", "c9;to-tag=TAG;from-tag=b1"])
def test_a_dialog_that_we_do_not_know_gets_481(value: str) -> None:
    alone = Alone()
    tag = up(alone)
    assert status_of(alone.say(taking(value.replace("TAG", tag)))) == 481
    assert alone.events() == []


def test_a_call_that_still_rings_here_is_not_replaced() -> None:
    alone = Alone()
    alone.say(message(body="v=0"))
    alone.endpoint.ring("i1", alone.now)
    (ringing,) = alone.heard()
    alone.events()
    assert status_of(alone.say(taking(f"c1;to-tag={ringing.to.tag};from-tag=b1"))) == 481


def test_early_only_does_not_touch_a_call_that_is_up() -> None:
    alone = Alone()
    tag = up(alone)
    assert status_of(alone.say(taking(f"c1;to-tag={tag};from-tag=b1;early-only"))) == 486


def test_a_call_that_is_being_ended_gets_603() -> None:
    alone = Alone()
    tag = up(alone)
    alone.endpoint.hang_up("i1", alone.now)
    alone.heard()
    assert status_of(alone.say(taking(f"c1;to-tag={tag};from-tag=b1"))) == 603


def test_a_call_that_is_over_gets_481() -> None:
    alone = Alone()
    tag = up(alone)
    alone.say(message("BYE", to=f"<sip:1001@pbx.test>;tag={tag}", branch="z9hG4bKbye", cseq=2))
    alone.events()
    assert status_of(alone.say(taking(f"c1;to-tag={tag};from-tag=b1"))) == 481


@pytest.mark.parametrize("value", ["", "c1", "c1;to-tag=1", "c1;from-tag=1", 'c1;to-tag="a b";from-tag=1', "a b;c"])
def test_what_cannot_be_read_gets_400(value: str) -> None:
    alone = Alone()
    up(alone)
    assert status_of(alone.say(taking(value))) == 400


def test_two_replaces_get_400() -> None:
    alone = Alone()
    up(alone)
    assert status_of(alone.say(taking("c1;to-tag=1;from-tag=2\nReplaces: c1;to-tag=1;from-tag=2"))) == 400


def test_a_peer_without_tag_is_named_by_0() -> None:
    assert [d.remote_tag for d in Replaces("c", "t", "0").dialogs] == ["0", ""]


def test_the_option_tag_is_offered() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:bob@pbx.test", OFFER, alone.now)
    assert {"replaces", "norefersub"} <= set(alone.heard()[0].supported)


@given(st.text(max_size=80))
def test_any_replaces_is_read_or_refused(text: str) -> None:
    with suppress(RemoteError):
        replaces = Replaces.parse(text)
        assert Replaces.parse(str(replaces)) == replaces
