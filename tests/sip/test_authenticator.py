"""Answering challenges over time: several realms, nonces that end, sessions, a minimum, a server's own proof."""

import pytest

from offhook.sip import events as ev
from offhook.sip.messages.credentials import Credentials, verify
from offhook.sip.messages.digest import response_hash
from offhook.sip.messages.message import Request, Response
from tests.support.sip_alone import Alone, answer

FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def challenge(nonce: str, realm: str = "r", status: int = 401, more: str = ', qop="auth"') -> str:
    return f'{FIELDS[status][0]}: Digest realm="{realm}", nonce="{nonce}"{more}\n'


def given(request: Request | Response, status: int = 401) -> dict[str, Credentials]:
    """The credentials in a request, by realm."""
    return {made.realm: made for made in Credentials.parse_many(request.headers.get_all(FIELDS[status][1]))}


def registering(**account: object) -> tuple[Alone, Request | Response]:
    alone = Alone(register=True, **account)
    (request,) = alone.heard()
    return alone, request


def refused(alone: Alone) -> ev.RegistrationFailed:
    event = alone.events()[-1]
    assert isinstance(event, ev.RegistrationFailed)
    return event


def test_several_realms_are_answered_in_one_request() -> None:
    alone, first = registering()
    more = challenge("1", "a") + challenge("2", "b") + challenge("3", "a", more=", algorithm=SHA-256")
    (second,) = alone.say(answer(first, 401, more=more))
    made = given(second)
    assert {realm: (one.nonce, one.algorithm) for realm, one in made.items()} == {"a": ("1", None), "b": ("2", None)}
    for realm, one in made.items():
        assert verify(one, "1001", realm, "secret", "REGISTER", "sip:pbx.test", b"")


def test_a_proxy_that_comes_in_later_adds_its_realm_and_keeps_the_others() -> None:
    alone, first = registering()
    (second,) = alone.say(answer(first, 407, more=challenge("1", "p", 407)))
    (third,) = alone.say(answer(second, 401, more=challenge("2", "r")))
    (fourth,) = alone.say(answer(third, 407, more=challenge("3", "q", 407)))
    assert set(given(fourth, 407)) == {"p", "q"}
    assert set(given(fourth)) == {"r"}
    assert [one.nc for one in given(fourth, 407).values()] == [3, 1]


def test_stale_is_tried_again_and_the_count_begins_anew() -> None:
    alone, request = registering()
    for nonce in ("1", "2", "3"):
        (request,) = alone.say(answer(request, 401, more=challenge(nonce, more=', qop="auth", stale=true')))
        assert (given(request)["r"].nonce, given(request)["r"].nc) == (nonce, 1)


def test_even_stale_ends_some_time() -> None:
    alone, request = registering()
    for number in range(10):
        out = alone.say(answer(request, 401, more=challenge(str(number), more=', qop="auth", stale=true')))
        if not out:
            break
        (request,) = out
    assert number <= 4
    assert refused(alone).status == 401


@pytest.mark.parametrize(
    ("account", "more", "words"),
    [
        ({"auth_minimum": "SHA-256"}, challenge("1"), "offers MD5 only, `auth.minimum` asks for SHA-256"),
        ({"password": ""}, challenge("1"), "set `password`"),
        ({}, 'WWW-Authenticate: Bearer realm="r", nonce="x"\n', "in no way that this phone knows"),
        ({}, "", "in no way that this phone knows"),
    ],
)
def test_why_no_answer_is_given_is_said(account: dict[str, object], more: str, words: str) -> None:
    alone, request = registering(**account)
    assert alone.say(answer(request, 401, more=more)) == []
    assert words in refused(alone).reason


def test_a_wrong_password_is_said_to_be_one() -> None:
    alone, request = registering()
    (request,) = alone.say(answer(request, 401, more=challenge("1")))
    assert alone.say(answer(request, 401, more=challenge("1"))) == []
    assert "check `user` and `password`" in refused(alone).reason


def test_the_minimum_passes_weaker_ones_over_and_takes_what_is_enough() -> None:
    alone, request = registering(auth_minimum="SHA-256")
    more = challenge("1", more=", algorithm=MD5") + challenge("2", more=', algorithm=SHA-512-256, qop="auth"')
    (again,) = alone.say(answer(request, 401, more=more))
    assert given(again)["r"].algorithm == "SHA-512-256"


def test_a_session_keeps_its_first_cnonce_and_others_take_a_new_one_each_time() -> None:
    for algorithm, kept in (("SHA-256-sess", True), ("SHA-256", False)):
        alone, request = registering()
        more = challenge("1", more=f', algorithm={algorithm}, qop="auth"')
        (request,) = alone.say(answer(request, 401, more=more))
        alone.say(answer(request, 200, more="Expires: 600\n"))
        alone.endpoint.refresh_registration("desk", alone.now)
        (again,) = alone.heard()
        one, two = given(request)["r"], given(again)["r"]
        assert (one.nc, two.nc) == (1, 2)
        assert (one.cnonce == two.cnonce) is kept
        assert verify(two, "1001", "r", "secret", "REGISTER", "sip:pbx.test", b"")


def proof(made: Credentials, password: str = "secret") -> str:
    nc = f"{made.nc:08x}"
    return response_hash(
        made.algorithm, "1001", made.realm, password, made.nonce, made.cnonce, nc, made.qop, ("", made.uri), b""
    )


def test_the_next_nonce_is_used_ahead_and_counts_from_one() -> None:
    alone, request = registering()
    (request,) = alone.say(answer(request, 401, more=challenge("1")))
    info = f'Authentication-Info: nextnonce="2", rspauth="{proof(given(request)["r"])}", qop=auth\n'
    alone.say(answer(request, 200, more=f"Expires: 600\n{info}"))
    assert isinstance(alone.events()[-1], ev.Registered)
    alone.endpoint.refresh_registration("desk", alone.now)
    (again,) = alone.heard()
    assert (given(again)["r"].nonce, given(again)["r"].nc) == ("2", 1)


def test_a_registrar_that_cannot_prove_the_password_is_not_believed() -> None:
    alone, request = registering()
    (request,) = alone.say(answer(request, 401, more=challenge("1")))
    info = f'Authentication-Info: rspauth="{proof(given(request)["r"], "guess")}", qop=auth\n'
    alone.say(answer(request, 200, more=f"Expires: 600\n{info}"))
    assert "rspauth" in refused(alone).reason


def test_a_next_nonce_that_would_break_out_of_its_quotes_is_none() -> None:
    alone, request = registering()
    (request,) = alone.say(answer(request, 401, more=challenge("1")))
    alone.say(answer(request, 200, more='Expires: 600\nAuthentication-Info: nextnonce="a\\"b"\n'))
    alone.endpoint.refresh_registration("desk", alone.now)
    (again,) = alone.heard()
    assert given(again)["r"].nonce == "1"


def test_auth_int_alone_is_answered_with_the_body_in_the_hash() -> None:
    alone = Alone()
    alone.endpoint.call("o1", "desk", "sip:x@pbx.test", ev.Body("application/sdp", b"v=0\r\n"), alone.now)
    (invite,) = alone.heard()
    out = alone.say(answer(invite, 407, more=challenge("1", status=407, more=', qop="auth-int", algorithm=SHA-256')))
    (signed,) = [m for m in out if isinstance(m, Request) and m.method == "INVITE"]
    made = given(signed, 407)["r"]
    assert made.qop == "auth-int"
    assert verify(made, "1001", "r", "secret", "INVITE", "sip:x@pbx.test", b"v=0\r\n")
