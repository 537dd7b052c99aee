"""Subscriptions of ours with all their endings (:rfc:`6665`), message by message."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.messages.uri import parse_uri
from offhook.sip.settings import EndpointSettings
from offhook.sip.subscriptions.state import EventType, SubscriptionState
from tests.support.sip_alone import Alone, answer, message

MWI = "message-summary"
WAITING = "Messages-Waiting: yes\r\n"


def subscribed(alone: Alone, package: str = MWI, expires: int = 3600) -> Request:
    """Subscribe; return the SUBSCRIBE."""
    alone.endpoint.subscribe("k", "desk", package, "sip:1001@pbx.test", alone.now, expires)
    return only_request(alone.heard())


def only_request(messages: list[Request | Response]) -> Request:
    (request,) = messages
    assert isinstance(request, Request)
    return request


def requests(messages: list[Request | Response], method: str = "SUBSCRIBE") -> list[Request]:
    """Each request of a method once, however often it was repeated."""
    found = {m.via.branch: m for m in messages if isinstance(m, Request) and m.method == method}
    return list(found.values())


def status_of(messages: list[Request | Response]) -> int:
    (response,) = messages
    assert isinstance(response, Response)
    return response.status


def notify(
    subscribe: Request,
    state: str = "active;expires=3600",
    *,
    tag: str = "n1",
    cseq: int = 1,
    event: str = "",
    body: str = WAITING,
    kind: str = "application/simple-message-summary",
    more: str = "",
) -> str:
    head = f"Event: {event or subscribe.headers.get('Event')}\n"
    head += f"Subscription-State: {state}\n" if state else ""
    head += f"Content-Type: {kind}\n" if body else ""
    return message(
        "NOTIFY",
        branch=f"z9hG4bK{tag}{cseq}{subscribe.call_id[:6]}",
        to=subscribe.headers.get("From") or "",
        caller=f"<sip:1001@pbx.test>;tag={tag}",
        call_id=subscribe.call_id,
        cseq=cseq,
        more=head + more,
        body=body,
    )


def up(alone: Alone, package: str = MWI, state: str = "active;expires=3600") -> Request:
    """A subscription that stands."""
    request = subscribed(alone, package)
    alone.say(answer(request, 200, tag="n1", more="Expires: 3600\nContact: <sip:10.0.0.9:5060>\n"))
    body = WAITING if package == MWI else ""
    assert status_of(alone.say(notify(request, state, body=body))) == 200
    alone.events()
    return request


def ended(alone: Alone) -> list[tuple[int, str, float | None]]:
    return [(e.status, e.reason, e.retry_in) for e in alone.events() if isinstance(e, ev.SubscriptionEnded)]


# -- coming up -----------------------------------------------------------------------------------------------------


def test_a_subscribe_says_what_it_wants() -> None:
    alone = Alone()
    request = subscribed(alone)
    headers = request.headers
    assert (request.method, str(request.uri)) == ("SUBSCRIBE", "sip:1001@pbx.test")
    assert (headers.get("Event"), headers.get("Expires")) == (MWI, "3600")
    assert headers.get("Accept") == "application/simple-message-summary"
    assert [str(contact.uri) for contact in request.contacts] == ["sip:1001@10.0.0.1:5060"]


def test_news_are_passed_on() -> None:
    alone = Alone()
    request = subscribed(alone)
    alone.say(answer(request, 202, tag="n1", more="Expires: 3600\n"))
    assert status_of(alone.say(notify(request))) == 200
    (event,) = alone.events()
    assert isinstance(event, ev.Notified)
    assert (event.key, event.account, event.package, event.state) == ("k", "desk", MWI, "active")
    assert event.body is not None
    assert event.body.data == WAITING.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def test_a_notify_before_the_2xx_makes_the_dialog() -> None:
    alone = Alone()
    request = subscribed(alone)
    assert status_of(alone.say(notify(request, "active"))) == 200
    assert len(alone.events()) == 1
    alone.say(answer(request, 200, tag="n1", more="Expires: 100\n"))
    again = requests(alone.pass_time(70))
    assert [m.to.tag for m in again] == ["n1"]


def test_a_pending_subscription_is_kept_up_too() -> None:
    alone = Alone()
    request = subscribed(alone)
    alone.say(answer(request, 202, tag="n1", more="Expires: 600\n"))
    assert status_of(alone.say(notify(request, "pending;expires=600", body=""))) == 200
    (event,) = alone.events()
    assert isinstance(event, ev.Notified)
    assert (event.state, event.body) == ("pending", None)
    assert len(requests(alone.pass_time(545))) == 1


def test_without_any_notify_the_subscription_has_failed_after_timer_n() -> None:
    alone = Alone()
    request = subscribed(alone)
    alone.say(answer(request, 200, tag="n1"))
    alone.pass_time(31)
    assert alone.events() == []
    alone.pass_time(2)
    ((status, reason, retry_in),) = ended(alone)
    assert (status, reason) == (0, "no NOTIFY came")
    assert retry_in is not None
    assert 15 <= retry_in <= 30
    assert len(requests(alone.pass_time(31))) == 1


def test_a_fetch_is_told_once() -> None:
    alone = Alone()
    request = subscribed(alone, expires=0)
    assert request.headers.get("Expires") == "0"
    alone.say(answer(request, 200, tag="n1", more="Expires: 0\n"))
    assert status_of(alone.say(notify(request, "terminated;reason=timeout"))) == 200
    notified, over = alone.events()
    assert isinstance(notified, ev.Notified)
    assert over == ev.SubscriptionEnded("k", 0, "timeout", None)
    alone.pass_time(200)
    assert alone.endpoint.settled
    alone.endpoint.subscribe("k", "desk", MWI, "1001", alone.now)  # the key is free


def test_423_raises_the_duration() -> None:
    alone = Alone()
    request = subscribed(alone, expires=60)
    again = only_request(alone.say(answer(request, 423, more="Min-Expires: 1800\n")))
    assert again.headers.get("Expires") == "1800"
    assert again.call_id != request.call_id
    assert status_of(alone.say(notify(again))) == 200
    assert status_of(alone.say(notify(request, tag="n7"))) == 481


def test_a_challenge_is_answered() -> None:
    alone = Alone()
    request = subscribed(alone)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5\n'
    again = only_request(alone.say(answer(request, 401, more=challenge)))
    assert "Authorization" in again.headers
    assert again.cseq.number == request.cseq.number + 1
    assert (again.call_id, again.from_.tag) == (request.call_id, request.from_.tag)
    assert status_of(alone.say(notify(again))) == 200


# -- keeping up ----------------------------------------------------------------------------------------------------


def test_it_is_refreshed_before_it_expires() -> None:
    alone = Alone()
    request = up(alone)
    assert requests(alone.pass_time(3600 - 361)) == []
    (again,) = requests(alone.pass_time(2))
    assert (again.call_id, again.to.tag, str(again.uri)) == (request.call_id, "n1", "sip:bob@10.0.0.9:5060")
    assert again.cseq.number > request.cseq.number
    alone.say(answer(again, 200, more="Expires: 200\n"))
    assert len(requests(alone.pass_time(170))) == 1
    assert alone.events() == []


def test_the_notifiers_word_on_the_duration_counts() -> None:
    alone = Alone()
    up(alone, state="active;expires=300")
    assert len(requests(alone.pass_time(280))) == 1


def test_a_notify_may_shorten_it() -> None:
    alone = Alone()
    request = up(alone)
    alone.say(notify(request, "active;expires=100", cseq=2))
    assert len(requests(alone.pass_time(70))) == 1


def test_a_refresh_that_gets_no_answer_is_tried_again_while_it_lasts() -> None:
    alone = Alone()
    up(alone, state="active;expires=600")
    sent = requests(alone.pass_time(599))
    assert len(sent) >= 2
    assert alone.events() == []
    alone.pass_time(2)
    ((status, reason, retry_in),) = ended(alone)
    assert (status, reason, retry_in) == (0, "expired", 0.0)
    (fresh,) = requests(alone.pass_time(1))[-1:]
    assert not fresh.to.tag


def test_a_refresh_that_meets_503_leaves_the_subscription_as_it_was() -> None:
    alone = Alone()
    request = up(alone, state="active;expires=600")
    (again,) = requests(alone.pass_time(545))
    alone.say(answer(again, 503, more="Retry-After: 20\n"))
    assert alone.events() == []
    assert status_of(alone.say(notify(request, "active;expires=600", cseq=2))) == 200
    assert len(requests(alone.pass_time(560))) >= 1


def test_481_to_a_refresh_means_to_ask_anew_at_once() -> None:
    alone = Alone()
    request = up(alone)
    (again,) = requests(alone.pass_time(3245))
    alone.say(answer(again, 481))
    assert ended(alone) == [(0, "deactivated", 0.0)]
    (fresh,) = requests(alone.pass_time(1))
    assert fresh.call_id != request.call_id
    assert status_of(alone.say(notify(request, cseq=9))) == 481


def test_423_to_a_refresh_raises_the_duration() -> None:
    alone = Alone()
    up(alone)
    (again,) = requests(alone.pass_time(3245))
    longer = only_request(alone.say(answer(again, 423, more="Min-Expires: 7200\n")))
    assert (longer.headers.get("Expires"), longer.to.tag) == ("7200", "n1")


def test_489_to_a_refresh_is_the_end() -> None:
    alone = Alone()
    up(alone)
    (again,) = requests(alone.pass_time(3245))
    alone.say(answer(again, 489))
    assert ended(alone) == [(489, "X", None)]
    assert requests(alone.pass_time(4000)) == []


def test_the_target_is_refreshed_by_a_notify() -> None:
    alone = Alone()
    request = up(alone, state="active;expires=100")
    alone.say(notify(request, "active;expires=100", cseq=2, more="Contact: <sip:new@10.0.0.9:5070>\n"))
    (again,) = requests(alone.pass_time(70))
    assert str(again.uri) == "sip:new@10.0.0.9:5070"


def test_the_route_set_comes_from_the_notify() -> None:
    alone = Alone()
    request = subscribed(alone)
    alone.say(answer(request, 200, tag="n1"))
    alone.say(notify(request, "active;expires=100", more="Record-Route: <sip:10.0.0.9;lr>, <sip:p2.test;lr>\n"))
    (again,) = requests(alone.pass_time(70))
    assert again.headers.get_all("Route") == ["<sip:10.0.0.9;lr>", "<sip:p2.test;lr>"]


def test_an_old_notify_gets_500() -> None:
    alone = Alone()
    request = up(alone)
    assert status_of(alone.say(notify(request, cseq=5))) == 200
    assert status_of(alone.say(notify(request, cseq=4))) == 500


def test_when_the_network_is_back_all_are_renewed() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.network_changed(alone.now)
    assert len(requests(alone.heard())) == 1


def test_what_was_on_its_way_into_the_old_network_is_sent_anew() -> None:
    alone = Alone()
    subscribed(alone)
    alone.pass_time(5)
    alone.endpoint.network_changed(alone.now)
    (again,) = requests(alone.heard())
    assert not again.to.tag
    alone.say(answer(again, 200, tag="n1"))
    alone.say(notify(again))
    assert len(requests(alone.pass_time(3245))) == 1  # a refresh that nobody answers
    alone.endpoint.network_changed(alone.now)
    assert [m.to.tag for m in requests(alone.heard())] == ["n1"]


# -- endings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["deactivated", "timeout"])
def test_who_is_told_to_come_back_does_so_at_once(reason: str) -> None:
    alone = Alone()
    request = up(alone)
    alone.say(notify(request, f"terminated;reason={reason}", cseq=2))
    assert ended(alone) == [(0, reason, 0.0)]
    (fresh,) = requests(alone.pass_time(1))
    assert fresh.call_id != request.call_id


def test_who_is_sent_away_at_once_again_and_again_comes_back_ever_later() -> None:
    alone = Alone()
    waits = []
    request = subscribed(alone)
    for _ in range(6):
        alone.say(notify(request, "terminated;reason=deactivated"))
        ((_, _, retry_in),) = ended(alone)
        assert retry_in is not None
        waits.append(retry_in)
        request = requests(alone.pass_time(retry_in + 0.1))[-1]
    assert waits[0] == 0
    assert all(wait >= 15 for wait in waits[1:])
    assert max(waits) <= 120


@pytest.mark.parametrize("reason", ["probation", "giveup"])
def test_who_is_told_when_to_come_back_waits(reason: str) -> None:
    alone = Alone()
    request = up(alone)
    alone.say(notify(request, f"terminated;reason={reason};retry-after=500", cseq=2))
    ((_, told, retry_in),) = ended(alone)
    assert (told, retry_in) == (reason, 500.0)
    assert requests(alone.pass_time(499)) == []
    assert len(requests(alone.pass_time(2))) == 1


@pytest.mark.parametrize("reason", ["rejected", "noresource", "invariant"])
def test_who_is_told_for_good_does_not_come_back(reason: str) -> None:
    alone = Alone()
    request = up(alone)
    alone.say(notify(request, f"terminated;reason={reason}", cseq=2))
    assert ended(alone) == [(0, reason, None)]
    assert alone.pass_time(4000) == []
    assert alone.endpoint.settled


@pytest.mark.parametrize("state", ["terminated", "terminated;reason=whim"])
def test_an_end_without_known_reason_is_tried_again_later(state: str) -> None:
    alone = Alone()
    request = up(alone)
    alone.say(notify(request, state, cseq=2))
    ((_, _, retry_in),) = ended(alone)
    assert retry_in is not None
    assert retry_in >= 15


@pytest.mark.parametrize("status", [405, 489, 501, 603])
def test_a_notifier_that_does_not_know_the_package_is_not_asked_again(status: int) -> None:
    alone = Alone()
    alone.say(answer(subscribed(alone), status))
    assert ended(alone) == [(status, "X", None)]
    assert alone.pass_time(4000) == []


@pytest.mark.parametrize(("status", "least", "most"), [(403, 300, 600), (404, 300, 600), (480, 15, 30), (500, 15, 30)])
def test_a_refusal_is_tried_again_later(status: int, least: float, most: float) -> None:
    alone = Alone()
    alone.say(answer(subscribed(alone), status))
    ((told, _, retry_in),) = ended(alone)
    assert told == status
    assert retry_in is not None
    assert least <= retry_in <= most


def test_retry_after_of_a_refusal_is_honoured() -> None:
    alone = Alone()
    alone.say(answer(subscribed(alone), 503, more="Retry-After: 900\n"))
    assert ended(alone) == [(503, "X", 900.0)]


def test_silence_is_tried_again() -> None:
    alone = Alone()
    subscribed(alone)
    alone.pass_time(33)
    ((status, _, retry_in),) = ended(alone)
    assert status == 0
    assert retry_in is not None


def test_giving_up_is_told_to_the_notifier_and_nothing_more_is_heard() -> None:
    alone = Alone()
    request = up(alone)
    alone.endpoint.unsubscribe("k", alone.now)
    bye = only_request(alone.heard())
    assert (bye.headers.get("Expires"), bye.to.tag) == ("0", "n1")
    assert not alone.endpoint.settled
    alone.say(answer(bye, 200, more="Expires: 0\n"))
    assert status_of(alone.say(notify(request, "terminated;reason=timeout", cseq=2))) == 200
    assert alone.events() == []
    assert alone.endpoint.settled


def test_giving_up_with_a_notifier_that_is_dead_takes_three_seconds() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.unsubscribe("k", alone.now)
    alone.pass_time(3.1)
    assert alone.endpoint.settled
    assert alone.events() == []


def test_giving_up_before_any_answer_leaves_nothing_behind() -> None:
    alone = Alone()
    request = subscribed(alone)
    alone.endpoint.unsubscribe("k", alone.now)
    alone.say(answer(request, 200, tag="n1"))
    assert status_of(alone.say(notify(request))) == 481
    assert alone.events() == []
    alone.pass_time(100)
    assert alone.endpoint.deadline() is None


def test_closing_the_endpoint_gives_all_up() -> None:
    alone = Alone()
    up(alone)
    alone.endpoint.close(alone.now)
    assert [m.headers.get("Expires") for m in requests(alone.heard())] == ["0"]


# -- forks ---------------------------------------------------------------------------------------------------------


def test_a_package_without_forks_takes_the_first_notifier_only() -> None:
    alone = Alone()
    request = up(alone)
    assert status_of(alone.say(notify(request, tag="n2"))) == 481


def test_forks_of_a_package_that_allows_them_are_kept_up_each() -> None:
    alone = Alone()
    request = up(alone, "dialog", "active;expires=300")
    assert status_of(alone.say(notify(request, "active;expires=300", tag="n2", body=""))) == 200
    assert {m.to.tag for m in requests(alone.pass_time(270))} == {"n1", "n2"}


def test_the_subscription_stands_while_one_fork_does() -> None:
    alone = Alone()
    request = up(alone, "dialog")
    alone.say(notify(request, tag="n2", body=""))
    alone.say(notify(request, "terminated;reason=noresource", cseq=2, body=""))
    assert ended(alone) == []
    alone.say(notify(request, "terminated;reason=noresource", tag="n2", cseq=2, body=""))
    assert ended(alone) == [(0, "noresource", None)]


def test_forks_are_capped() -> None:
    alone = Alone()
    request = up(alone, "dialog")
    statuses = [status_of(alone.say(notify(request, tag=f"m{number}", body=""))) for number in range(10)]
    assert statuses == [200] * 7 + [481] * 3


# -- what does not belong ------------------------------------------------------------------------------------------


def test_a_notify_of_another_package_gets_489() -> None:
    alone = Alone()
    request = up(alone)
    assert status_of(alone.say(notify(request, event="presence", cseq=2))) == 489
    fresh = Alone()
    assert status_of(fresh.say(notify(subscribed(fresh), event="presence"))) == 489
    assert fresh.endpoint.settled


def test_a_body_that_was_not_asked_for_gets_415() -> None:
    alone = Alone()
    request = up(alone)
    assert status_of(alone.say(notify(request, cseq=2, kind="text/html"))) == 415
    assert alone.events() == []


def test_a_notify_without_contact_makes_no_dialog() -> None:
    alone = Alone()
    request = subscribed(alone)
    text = notify(request).replace("Contact: <sip:bob@10.0.0.9:5060>\n", "")
    assert status_of(alone.say(text)) == 400


def test_a_notify_out_of_the_blue_gets_481() -> None:
    alone = Alone()
    text = message("NOTIFY", to="<sip:1001@pbx.test>;tag=x", more=f"Event: {MWI}\nSubscription-State: active\n")
    assert status_of(alone.say(text)) == 481
    outside = message("NOTIFY", branch="z9hG4bKo", more="Event: dialog\nSubscription-State: active\n")
    assert status_of(alone.say(outside)) == 481
    assert status_of(alone.say(message("NOTIFY", branch="z9hG4bKp", call_id="c2", more="Event: nonsense\n"))) == 489
    assert status_of(alone.say(message("NOTIFY", branch="z9hG4bKq", call_id="c3"))) == 489
    assert alone.events() == []


def test_messages_waiting_from_the_server_are_heard_though_nobody_asked() -> None:
    alone = Alone()
    more = f"Event: {MWI}\nSubscription-State: active\nContent-Type: application/simple-message-summary\n"
    assert status_of(alone.say(message("NOTIFY", more=more, body=WAITING))) == 200
    (event,) = alone.events()
    assert isinstance(event, ev.Notified)
    assert (event.key, event.account, event.package) == (None, "desk", MWI)


def test_messages_waiting_from_a_server_of_the_old_school_are_heard_without_state() -> None:
    alone = Alone()
    more = f"Event: {MWI}\nContent-Type: application/simple-message-summary\n"
    assert status_of(alone.say(message("NOTIFY", more=more, body=WAITING))) == 200
    assert len(alone.events()) == 1


def test_messages_waiting_from_a_stranger_are_not_heard() -> None:
    alone = Alone()
    more = f"Event: {MWI}\nSubscription-State: active\nContent-Type: application/simple-message-summary\n"
    assert status_of(alone.say(message("NOTIFY", more=more, body=WAITING), remote=("10.0.0.66", 5060))) == 481
    assert alone.events() == []


def test_servers_only_lets_a_subscriptions_own_notify_in() -> None:
    alone = Alone(EndpointSettings(accept_from="servers"))
    request = subscribed(alone)
    assert status_of(alone.say(notify(request), remote=("10.0.0.77", 5060))) == 200
    assert status_of(alone.say(notify(request, cseq=2), remote=("10.0.0.78", 5060))) == 200


def test_what_cannot_be_subscribed_to_is_said() -> None:
    alone = Alone()
    with pytest.raises(LocalError, match="no account"):
        alone.endpoint.subscribe("k", "nobody", MWI, "x", alone.now)
    with pytest.raises(LocalError, match="no event package"):
        alone.endpoint.subscribe("k", "desk", "presence", "x", alone.now)
    alone.endpoint.subscribe("k", "desk", MWI, "1001", alone.now)
    with pytest.raises(LocalError, match="in use"):
        alone.endpoint.subscribe("k", "desk", MWI, "1001", alone.now)
    alone.endpoint.subscribe("k2", "desk", MWI, "not a : uri", alone.now)
    assert next(e for e in alone.events() if isinstance(e, ev.SubscriptionEnded)).status == 484


# -- headers -------------------------------------------------------------------------------------------------------


def with_headers(**fields: str) -> Request:
    headers = Headers()
    for name, value in fields.items():
        headers.add(name.replace("_", "-"), value)
    return Request("NOTIFY", parse_uri("sip:x@y"), headers)


def test_a_state_is_read() -> None:
    text = "Terminated ; Reason=Probation;retry-after=17;expires=99999999"
    state = SubscriptionState.of(with_headers(Subscription_State=text))
    assert state == SubscriptionState("terminated", "probation", 604800, 17)
    assert state.terminated


def test_numbers_that_are_none_count_as_missing() -> None:
    state = SubscriptionState.of(with_headers(Subscription_State="active;expires=soon;retry-after=-1"))
    assert (state.expires, state.retry_after) == (None, None)


def test_an_event_is_read() -> None:
    assert EventType.of(with_headers(Event="Refer ;id=93809824")) == EventType("refer", "93809824")
    assert str(EventType("refer", "7")) == "refer;id=7"


@given(st.text(max_size=60))
def test_any_event_and_state_are_read_or_refused(text: str) -> None:
    if "\r" in text or "\n" in text:
        return
    for read in (EventType.of, SubscriptionState.of):
        with suppress(RemoteError):
            read(with_headers(Event=text, Subscription_State=text))
