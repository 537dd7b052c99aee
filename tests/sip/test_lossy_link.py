"""Whole calls over a link that loses, doubles, delays and reorders; each seed is one fate."""

import pytest

from offhook.sip import events as ev
from offhook.sip.events import Body, Event
from offhook.sip.messages.message import Response
from tests.support.sip_calls import ANSWER, OFFER, kinds, ready
from tests.support.sip_pair import Link, Pair, Peer
from tests.support.sip_registrar import Registrar, registering

NEW = Body("application/sdp", b"v=0 new offer\r\n")


def rough(seed: int) -> Pair:
    """A link with 25 % loss, 25 % duplicates and delays that reorder."""
    return ready(seed=seed, link=Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.4))


def answering(pair: Pair) -> None:
    """Have b ring, answer after a while, and accept whatever it is offered; a accepts as well."""

    def b_hears(event: Event) -> None:
        if isinstance(event, ev.IncomingCall):
            pair.b.endpoint.ring(event.call, pair.now)
        elif isinstance(event, ev.CallReoffer):
            pair.b.endpoint.accept_reoffer(event.call, ANSWER, pair.now)
        elif isinstance(event, ev.ReofferStale):
            pair.b.endpoint.reinvite(event.call, NEW, pair.now)

    def a_hears(event: Event) -> None:
        if isinstance(event, ev.CallReoffer):
            pair.a.endpoint.accept_reoffer(event.call, ANSWER, pair.now)
        elif isinstance(event, ev.ReofferStale):
            pair.a.endpoint.reinvite(event.call, NEW, pair.now)

    pair.a.on_event, pair.b.on_event = a_hears, b_hears


def is_quiet(peer: Peer) -> bool:
    """True when nothing is left of any call: no dialog, no transaction, no timer."""
    return peer.endpoint.settled and peer.endpoint.deadline() is None


@pytest.mark.parametrize("seed", range(25))
def test_a_call_comes_up_is_renewed_and_ends_whatever_is_lost(seed: int) -> None:
    pair = rough(seed)
    answering(pair)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    assert kinds(pair.b).count("IncomingCall") == 1
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(12)
    assert kinds(pair.a).count("CallAccepted") == 1
    assert kinds(pair.b).count("CallConfirmed") == 1
    pair.b.endpoint.reinvite("i1", NEW, pair.now)
    pair.run(20)
    assert kinds(pair.a).count("CallReoffer") == 1
    assert kinds(pair.b).count("ReofferAccepted") == 1
    ender, other, handle = (pair.a, pair.b, "o1") if seed % 2 else (pair.b, pair.a, "i1")
    ender.endpoint.hang_up(handle, pair.now)
    pair.run(60)
    assert kinds(other).count("CallOver") == 1
    assert kinds(ender).count("CallOver") == 0
    pair.run(100)
    assert is_quiet(pair.a)
    assert is_quiet(pair.b)


@pytest.mark.parametrize("seed", range(25))
def test_a_cancel_at_any_moment_leaves_both_sides_idle(seed: int) -> None:
    pair = rough(seed)
    answering(pair)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(0.1 * seed)
    pair.a.endpoint.hang_up("o1", pair.now)
    heard = len(pair.a.events)
    pair.run(0.07 * (seed % 7))
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(200)
    assert len(pair.a.events) == heard
    assert kinds(pair.b).count("IncomingCall") == kinds(pair.b).count("CallOver")
    assert is_quiet(pair.a)
    assert is_quiet(pair.b)


@pytest.mark.parametrize("seed", range(10))
def test_a_refusal_gets_through_and_is_acknowledged(seed: int) -> None:
    pair = rough(seed)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(10)
    pair.b.endpoint.reject("i1", 486, "", pair.now)
    pair.run(100)
    refused = [event for event in pair.a.events if isinstance(event, ev.CallRefused)]
    assert [event.status for event in refused] == [486]
    assert is_quiet(pair.a)
    assert is_quiet(pair.b)


@pytest.mark.parametrize("seed", range(10))
def test_offers_that_cross_on_a_rough_link_end_in_one_session(seed: int) -> None:
    pair = rough(seed)
    answering(pair)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(12)
    pair.a.endpoint.reinvite("o1", NEW, pair.now)
    pair.b.endpoint.reinvite("i1", NEW, pair.now)
    pair.run(60)
    assert kinds(pair.a).count("ReofferAccepted") == 1
    assert kinds(pair.b).count("ReofferAccepted") == 1
    pair.a.endpoint.close(pair.now)
    pair.run(150)
    assert is_quiet(pair.a)
    assert is_quiet(pair.b)


@pytest.mark.parametrize("seed", range(10))
def test_both_hang_up_at_about_the_same_time(seed: int) -> None:
    pair = rough(seed)
    answering(pair)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(0.05 * seed)
    pair.b.endpoint.hang_up("i1", pair.now)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(200)
    assert is_quiet(pair.a)
    assert is_quiet(pair.b)


@pytest.mark.parametrize("seed", range(10))
def test_registration_holds_on_a_rough_link(seed: int) -> None:
    pair = Pair(seed=seed, link=Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.4))
    registrar = Registrar(pair, algorithm="SHA-256")
    registrar.granted = 300
    registering(pair, registrar)
    pair.run(7200)
    assert kinds(pair.a).count("Registered") >= 20
    assert kinds(pair.a).count("RegistrationFailed") <= 1
    pair.a.endpoint.close(pair.now)
    pair.run(5)
    assert pair.a.endpoint.settled


@pytest.mark.parametrize("seed", range(5))
def test_a_repeated_request_never_gets_two_different_final_answers(seed: int) -> None:
    pair = rough(seed)
    answering(pair)
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(12)
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(60)
    finals: dict[tuple[str, str], set[bytes]] = {}
    for message in pair.messages():
        if isinstance(message, Response) and message.status >= 200:
            key = (message.via.branch or "", message.cseq.method)
            finals.setdefault(key, set()).add(bytes(message))
    assert all(len(answers) == 1 for answers in finals.values())
