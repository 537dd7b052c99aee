"""Session timers, both roles (:rfc:`4028`): hours pass in milliseconds here."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.calls.session_timer import Terms, min_se, session_expires
from offhook.sip.events import Event
from offhook.sip.messages.message import Headers, Request, Response
from tests.support.sip_alone import Alone, answer, message
from tests.support.sip_calls import ANSWER, OFFER, kinds
from tests.support.sip_pair import A, B, Link, Pair

ABLE = "Allow: INVITE, ACK, BYE, UPDATE\nSupported: timer\n"
CONTACT = "Contact: <sip:x@10.0.0.9:5060>\n"


def pair_with(link: Link | None = None, a: int | None = 1800, b: int | None = 1800, seed: int = 1) -> Pair:
    """Two phones whose accounts ask for these intervals."""
    pair = Pair(link=link, seed=seed)
    pair.account(pair.a, "1001", B, session_expires=a)
    pair.account(pair.b, "1002", A, session_expires=b)
    for peer in (pair.a, pair.b):

        def hears(event: Event, peer=peer) -> None:  # type: ignore[no-untyped-def]
            if isinstance(event, ev.CallReoffer):
                peer.endpoint.accept_reoffer(event.call, ANSWER, pair.now)

        peer.on_event = hears
    return pair


def connect(pair: Pair) -> None:
    pair.a.endpoint.call("o1", "1001", "sip:1002@pbx.test", OFFER, pair.now)
    pair.run(8)
    pair.b.endpoint.answer("i1", ANSWER, pair.now)
    pair.run(8)
    assert kinds(pair.a).count("CallAccepted") == 1
    assert kinds(pair.b).count("CallConfirmed") == 1


def called(alone: Alone, more: str = ABLE) -> tuple[Response, str]:
    """Have a call from outside answered; return our 2xx and tag."""
    alone.say(message(body="v=0", more=more))
    alone.endpoint.answer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    assert isinstance(ok, Response)
    tag = ok.to.tag or ""
    alone.say(message("ACK", branch="z9hG4bKack", to=f"<sip:1001@pbx.test>;tag={tag}"))
    alone.events()
    return ok, tag


def calling(alone: Alone, granted: str, more: str = ABLE) -> Request:
    """Place a call that is answered with these terms; return its INVITE."""
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    assert isinstance(invite, Request)
    terms = f"Session-Expires: {granted}\n" if granted else ""
    alone.say(answer(invite, 200, body="v=0", more=CONTACT + more + terms))
    alone.events()
    return invite


def within(method: str, tag: str, cseq: int, **more: str) -> str:
    return message(method, to=f"<sip:1001@pbx.test>;tag={tag}", cseq=cseq, branch=f"z9hG4bKw{method}{cseq}", **more)


def methods(messages: list[Request | Response]) -> list[str]:
    return [m.method for m in messages if isinstance(m, Request)]


def test_a_call_is_refreshed_by_update_for_hours() -> None:
    pair = pair_with()
    connect(pair)
    pair.run(4 * 3600)
    updates = pair.requests("UPDATE", pair.a)
    assert len(updates) == 15 or len(updates) == 16
    assert {update.headers.get("Session-Expires") for update in updates} == {"1800;refresher=uac"}
    assert {update.body for update in updates} == {b""}
    assert not pair.requests("UPDATE", pair.b)
    assert kinds(pair.a)[-1] == "CallAccepted"
    pair.a.endpoint.hang_up("o1", pair.now)
    pair.run(100)
    assert pair.a.endpoint.deadline() is None
    assert pair.b.endpoint.deadline() is None


@pytest.mark.parametrize("seed", range(6))
def test_a_call_is_kept_on_a_rough_link_for_hours(seed: int) -> None:
    pair = pair_with(Link(loss=0.25, duplicate=0.25, delay=0.02, jitter=0.4), a=180, b=180, seed=seed)
    connect(pair)
    pair.run(3 * 3600)
    assert "CallOver" not in kinds(pair.a) + kinds(pair.b)


@pytest.mark.parametrize(("vanishing", "staying"), [("a", "b"), ("b", "a")])
def test_a_call_whose_other_side_vanished_ends_by_itself(vanishing: str, staying: str) -> None:
    pair = pair_with()
    connect(pair)
    answered = pair.now - 8
    pair.link.loss = 1.0
    pair.run(1800)
    here = getattr(pair, staying)
    over = [event for event in here.events if isinstance(event, ev.CallOver)]
    assert [event.reason for event in over] == ["nobody refreshed the call"]
    byes = [at for at, source, _, data in pair.log if data.startswith(b"BYE") and source == here.address]
    assert byes[0] - answered == pytest.approx(1800 - 32, abs=9)
    assert b'Reason: SIP;cause=408;text="Session timer expired"' in bytes(pair.requests("BYE", here)[0])
    pair.run(60)
    assert here.endpoint.settled
    assert vanishing != staying


def test_a_short_outage_at_the_time_of_the_refresh_costs_nothing() -> None:
    pair = pair_with()
    connect(pair)
    pair.run(890 - 8)
    pair.link.loss = 1.0
    pair.run(120)
    pair.link.loss = 0.0
    pair.run(3600)
    assert "CallOver" not in kinds(pair.a) + kinds(pair.b)


def test_the_2xx_says_who_refreshes_and_requires_it() -> None:
    for asked, said, require in [
        ("Session-Expires: 600\n", "600;refresher=uac", ("timer",)),
        ("Session-Expires: 600;refresher=uas\n", "600;refresher=uas", ("timer",)),
        ("x: 600;refresher=uac\n", "600;refresher=uac", ("timer",)),
        ("", "1800;refresher=uac", ("timer",)),
        ("Min-SE: 7200\n", "7200;refresher=uac", ("timer",)),
    ]:
        ok, _ = called(Alone(), ABLE + asked)
        assert ok.headers.get("Session-Expires") == said
        assert ok.require == require


def test_a_caller_that_knows_no_timers_but_whose_proxy_does_is_refreshed_by_us() -> None:
    alone = Alone()
    ok, _ = called(alone, "Allow: INVITE, ACK, BYE, UPDATE\nSession-Expires: 600\n")
    assert ok.headers.get("Session-Expires") == "600;refresher=uas"
    assert ok.require == ()
    (update, *_) = alone.pass_time(301)
    assert isinstance(update, Request)
    assert (update.method, update.headers.get("Session-Expires")) == ("UPDATE", "600;refresher=uac")


def test_a_caller_that_knows_no_timers_gets_none() -> None:
    alone = Alone()
    ok, _ = called(alone, "")
    assert "Session-Expires" not in ok.headers
    assert alone.pass_time(8000) == []


def test_an_account_that_asks_for_none_still_takes_what_it_is_asked_for() -> None:
    alone = Alone(session_expires=None)
    assert called(alone)[0].headers.get("Session-Expires") is None
    other = Alone(session_expires=None)
    assert called(other, ABLE + "Session-Expires: 300\n")[0].headers.get("Session-Expires") == "300;refresher=uac"


def test_an_interval_that_is_too_short_gets_422_with_min_se() -> None:
    alone = Alone(min_se=120)
    (refused,) = alone.say(message(body="v=0", more=ABLE + "Session-Expires: 100\n"))
    assert isinstance(refused, Response)
    assert (refused.status, refused.headers.get("Min-SE")) == (422, "120")
    assert alone.events() == []


def test_422_raises_the_interval_of_the_same_call() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    assert invite.headers.get("Session-Expires") == "1800"
    assert "Min-SE" not in invite.headers
    ack, again = alone.say(answer(invite, 422, more="Min-SE: 3600\n"))
    assert methods([ack, again]) == ["ACK", "INVITE"]
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("3600", "3600")
    assert (again.call_id, again.from_.tag) == (invite.call_id, invite.from_.tag)
    assert again.cseq.number == invite.cseq.number + 1
    assert (again.body, again.headers.get_all("Content-Type")) == (OFFER.data, ["application/sdp"])
    assert alone.events() == [ev.CallTrying("o1")]


def test_422_that_asks_for_nothing_new_is_a_refusal() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", OFFER, alone.now)
    (invite,) = alone.heard()
    alone.say(answer(invite, 422, more="Min-SE: 90\n"))
    refused = alone.events()[-1]
    assert isinstance(refused, ev.CallRefused)
    assert refused.status == 422


def test_422_to_a_refresh_raises_the_interval_too() -> None:
    alone = Alone(session_expires=300)
    calling(alone, "300;refresher=uac")
    (update, *_) = alone.pass_time(151)
    (again,) = alone.say(answer(update, 422, more="Min-SE: 900\n"))
    assert again.headers.get("Session-Expires") == "900;refresher=uac"
    assert again.headers.get("Min-SE") == "900"
    alone.say(answer(again, 200, more="Session-Expires: 900;refresher=uac\n"))
    assert alone.pass_time(440) == []


def test_where_update_is_not_known_the_refresh_is_a_reinvite_with_what_was_agreed() -> None:
    alone = Alone()
    calling(alone, "300;refresher=uac", "Allow: INVITE, ACK, BYE\n")
    (again, *_) = alone.pass_time(151)
    assert methods([again]) == ["INVITE"]
    assert again.body == OFFER.data
    ok = answer(again, 200, body="v=0", more=CONTACT + "Session-Expires: 300;refresher=uac\n")
    assert methods(alone.say(ok)) == ["ACK"]
    assert alone.events() == []


def test_a_refresh_whose_answer_is_new_is_told() -> None:
    alone = Alone()
    calling(alone, "300;refresher=uac", "Allow: INVITE, ACK, BYE\n")
    (again, *_) = alone.pass_time(151)
    alone.say(answer(again, 200, body="v=0 moved", more=CONTACT + "Session-Expires: 300;refresher=uac\n"))
    (accepted,) = alone.events()
    assert isinstance(accepted, ev.ReofferAccepted)
    assert accepted.body is not None
    assert accepted.body.data == b"v=0 moved"


def test_a_call_that_we_placed_ends_where_the_other_side_was_to_refresh_it() -> None:
    alone = Alone()
    calling(alone, "300;refresher=uas")
    assert alone.pass_time(267) == []
    (bye, *_) = alone.pass_time(2)
    assert methods([bye]) == ["BYE"]
    assert alone.events() == [ev.CallOver("o1", "nobody refreshed the call")]


def test_each_refresh_of_theirs_begins_the_time_anew_and_may_change_it() -> None:
    alone = Alone()
    _, tag = called(alone, ABLE + "Session-Expires: 300;refresher=uac\n")
    alone.pass_time(150)
    (ok,) = alone.say(within("UPDATE", tag, 2, more=ABLE + "Session-Expires: 600;refresher=uac\n"))
    assert ok.headers.get("Session-Expires") == "600;refresher=uac"
    assert alone.pass_time(560) == []
    assert methods(alone.pass_time(20))[:1] == ["BYE"]


def test_a_reinvite_refreshes_as_well() -> None:
    alone = Alone()
    _, tag = called(alone, ABLE + "Session-Expires: 300;refresher=uac\n")
    alone.pass_time(200)
    alone.say(within("INVITE", tag, 2, body="v=0", more=ABLE + "Session-Expires: 300;refresher=uac\n"))
    alone.endpoint.accept_reoffer("i1", ANSWER, alone.now)
    (ok,) = alone.heard()
    assert ok.headers.get("Session-Expires") == "300;refresher=uac"
    alone.say(within("ACK", tag, 2))
    assert alone.pass_time(260) == []


def test_a_refresh_that_is_too_short_gets_422() -> None:
    alone = Alone()
    _, tag = called(alone)
    (refused,) = alone.say(within("UPDATE", tag, 2, more=ABLE + "Session-Expires: 30\n"))
    assert isinstance(refused, Response)
    assert (refused.status, refused.headers.get("Min-SE")) == (422, "90")


def test_an_offer_of_ours_says_the_terms_and_counts_as_a_refresh() -> None:
    alone = Alone()
    calling(alone, "300;refresher=uac")
    alone.pass_time(140)
    alone.endpoint.update("o1", ANSWER, alone.now)
    (update,) = alone.heard()
    assert update.headers.get("Session-Expires") == "300;refresher=uac"
    alone.say(answer(update, 200, body="v=0", more="Session-Expires: 300;refresher=uac\n"))
    assert alone.pass_time(140) == []
    assert methods(alone.pass_time(20))[:1] == ["UPDATE"]


def test_a_2xx_without_terms_ends_the_timer() -> None:
    alone = Alone()
    calling(alone, "300;refresher=uac")
    (update, *_) = alone.pass_time(151)
    alone.say(answer(update, 200))
    assert alone.pass_time(8000) == []


def test_481_to_a_refresh_ends_the_call() -> None:
    alone = Alone()
    calling(alone, "300;refresher=uac")
    (update, *_) = alone.pass_time(151)
    assert methods(alone.say(answer(update, 481))) == ["BYE"]
    assert [type(event).__name__ for event in alone.events()] == ["CallOver"]


def test_an_absurd_interval_does_not_make_us_flood() -> None:
    alone = Alone()
    calling(alone, "1;refresher=uac")
    assert len([m for m in alone.pass_time(12) if isinstance(m, Request) and m.method == "UPDATE"]) <= 4


@pytest.mark.parametrize("target", ["urn:service:sos", "sip:112@pbx.test"])
def test_an_emergency_call_asks_for_nothing_and_is_not_ended_by_the_timer(target: str) -> None:
    alone = Alone(reliable="required")
    headers = (("Priority", "emergency"),)
    alone.endpoint.call("o1", "desk", target, OFFER, alone.now, headers=headers)
    (invite,) = alone.heard()
    assert "Session-Expires" not in invite.headers
    assert invite.require == ()
    alone.say(answer(invite, 200, body="v=0", more=CONTACT + ABLE + "Session-Expires: 300;refresher=uas\n"))
    alone.events()
    assert alone.pass_time(8000) == []
    assert alone.events() == []


def test_terms_are_what_the_account_says() -> None:
    assert Terms.of(None).headers() == ()
    assert Terms(60, 90).headers() == (("Session-Expires", "60"),)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40))
def test_intervals_of_any_text_are_read_or_not(text: str) -> None:
    headers = Headers()
    headers.add("Session-Expires", text)
    headers.add("Min-SE", text)
    response = Response(200, "", headers, b"")
    found = session_expires(response)
    assert found is None or (0 <= found[0] < 2**31 and found[1] in ("", "uac", "uas"))
    assert 90 <= min_se(response) < 2**31
