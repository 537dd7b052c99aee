"""NOTIFY check-sync: challenged with the account's own credentials, each nonce good for a while and for one request."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip import events as ev
from offhook.sip.messages.digest import Challenge, answer
from offhook.sip.messages.message import Request, Response
from offhook.sip.settings import EndpointSettings
from tests.support.sip_alone import Alone, message

STRANGER = ("203.0.113.9", 5060)


def notify(count: int, authorization: str = "", event: str = "check-sync") -> str:
    """Return the server's NOTIFY, the ``count``-th."""
    more = f"Event: {event}\nSubscription-State: terminated\n"
    more += f"Authorization: {authorization}\n" if authorization else ""
    return message("NOTIFY", branch=f"z9hG4bKn{count}", call_id=f"n{count}", more=more)


def one(messages: list[Request | Response]) -> Response:
    (response,) = messages
    assert isinstance(response, Response)
    return response


def asked(alone: Alone, count: int = 1) -> list[Challenge]:
    """Send a NOTIFY without credentials; return the challenges that it gets."""
    response = one(alone.say(notify(count)))
    assert response.status == 401
    return Challenge.parse_many(response.headers.get_all("WWW-Authenticate"))


def signed(challenge: Challenge, password: str = "secret", nc: int = 1, uri: str = "sip:1001@10.0.0.1") -> str:
    (value,) = answer([challenge], "1001", password, "NOTIFY", uri, b"", "c1c2", nc)
    return value


def heard(alone: Alone) -> list[ev.CheckSync]:
    return [event for event in alone.events() if isinstance(event, ev.CheckSync)]


@pytest.mark.parametrize(("event", "reboot"), [("check-sync", False), ("Check-Sync;reboot=true", True)])
def test_who_has_the_password_may_ask(event: str, reboot: bool) -> None:
    alone = Alone()
    challenges = asked(alone)
    assert [challenge.algorithm for challenge in challenges] == ["SHA-256", "MD5"]
    assert {challenge.realm for challenge in challenges} == {"pbx.test"}
    assert heard(alone) == []
    for number, challenge in enumerate(challenges):
        nc = number + 1
        assert one(alone.say(notify(2 + number, signed(challenge, nc=nc), event))).status == 200
    assert heard(alone) == [ev.CheckSync("desk", reboot)] * 2


def test_a_wrong_password_is_challenged_again_and_soon_no_more() -> None:
    alone = Alone()
    (challenge, _) = asked(alone)
    statuses = [one(alone.say(notify(n, signed(challenge, "guess")))).status for n in range(2, 12)]
    assert statuses == [401] * 5 + [403] * 5
    alone.pass_time(120)
    (challenge, _) = asked(alone, 20)
    assert one(alone.say(notify(21, signed(challenge)))).status == 200
    assert heard(alone) == [ev.CheckSync("desk", False)]


def test_credentials_count_once() -> None:
    alone = Alone()
    (challenge, _) = asked(alone)
    assert one(alone.say(notify(2, signed(challenge)))).status == 200
    again = one(alone.say(notify(3, signed(challenge))))
    assert again.status == 401
    assert Challenge.parse_many(again.headers.get_all("WWW-Authenticate"))[0].stale
    assert one(alone.say(notify(4, signed(challenge, nc=2)))).status == 200
    assert len(heard(alone)) == 2


def test_a_nonce_grows_stale() -> None:
    alone = Alone()
    (challenge, _) = asked(alone)
    alone.pass_time(61)
    response = one(alone.say(notify(2, signed(challenge))))
    assert response.status == 401
    fresh = Challenge.parse_many(response.headers.get_all("WWW-Authenticate"))[0]
    assert fresh.stale
    assert one(alone.say(notify(3, signed(fresh)))).status == 200


def test_a_nonce_that_is_not_ours_is_worth_nothing() -> None:
    alone = Alone()
    (challenge, _) = asked(alone)
    for nonce in ("", "x", "0.0.0", challenge.nonce[:-1] + "z", "ffffffffffff" + challenge.nonce):
        made = Challenge("Digest", "pbx.test", nonce, "SHA-256", ("auth",))
        assert one(alone.say(notify(hash(nonce) & 0xFFFF, signed(made)))).status in (401, 403)
    assert heard(alone) == []


def test_a_proxy_may_have_put_another_request_uri_before_us_but_not_another_user() -> None:
    alone = Alone()
    (challenge, _) = asked(alone)
    assert one(alone.say(notify(2, signed(challenge, uri="sip:1002@pbx.test")))).status == 401
    assert one(alone.say(notify(3, signed(challenge, uri="sip:1001@pbx.test")))).status == 200


def test_the_hash_that_the_account_asks_for_at_least_is_asked_of_the_server_too() -> None:
    alone = Alone(auth_minimum="SHA-256")
    (challenge,) = asked(alone)
    assert challenge.algorithm == "SHA-256"
    weak = Challenge("Digest", "pbx.test", challenge.nonce, "MD5", ("auth",))
    assert one(alone.say(notify(2, signed(weak)))).status == 401
    assert one(alone.say(notify(3, signed(challenge)))).status == 200


def test_without_the_challenge_only_the_server_may_ask() -> None:
    alone = Alone(EndpointSettings(check_sync_auth=False))
    assert one(alone.say(notify(1), remote=STRANGER)).status == 403
    assert one(alone.say(notify(2))).status == 200
    assert len(heard(alone)) == 1


def test_an_account_without_password_lets_nobody_ask() -> None:
    alone = Alone(password="")
    assert one(alone.say(notify(1))).status == 403


def test_a_stranger_is_not_even_challenged() -> None:
    alone = Alone(EndpointSettings(accept_from="servers"))
    assert one(alone.say(notify(1), remote=STRANGER)).status == 403


def test_other_events_are_not_for_this_door() -> None:
    alone = Alone()
    assert one(alone.say(notify(1, event="message-summary"))).status == 200
    assert one(alone.say(notify(2, event="resync"))).status == 489
    assert heard(alone) == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "Digest ", 'Digest username="1001", realm="pbx.test", ']))
def test_no_credentials_that_are_made_up_do_anything(text: str, start: str) -> None:
    alone = Alone()
    value = (start + text).replace("\r", "").replace("\n", "")
    alone.say(notify(1, value or "x"))
    assert heard(alone) == []
