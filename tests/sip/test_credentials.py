"""Digest from the server's side: credentials are checked, and a server's own proof is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.messages.credentials import Credentials, challenge, next_nonce, proves, verify
from offhook.sip.messages.digest import Challenge, answer, response_hash

ALGORITHMS = ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"]
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


def credentials(challenges: list[str], body: bytes = b"", nc: int = 1) -> list[Credentials]:
    values = answer(Challenge.parse_many(challenges), "1001", "secret", "NOTIFY", "sip:1001@x", body, "cn", nc)
    return Credentials.parse_many(values)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_who_knows_the_password_is_let_in_and_nobody_else(algorithm: str) -> None:
    (made,) = credentials([challenge("phone", "n1", algorithm)])
    assert (made.algorithm, made.nc, made.nonce) == (algorithm, 1, "n1")
    assert verify(made, "1001", "phone", "secret", "NOTIFY", "sip:1001@x", b"")
    assert not verify(made, "1001", "phone", "Secret", "NOTIFY", "sip:1001@x", b"")
    assert not verify(made, "1001", "phone", "", "NOTIFY", "sip:1001@x", b"")


@pytest.mark.parametrize(
    "asked",
    [
        ("1002", "phone", "secret", "NOTIFY", "sip:1001@x"),
        ("1001", "other", "secret", "NOTIFY", "sip:1001@x"),
        ("1001", "phone", "secret", "INVITE", "sip:1001@x"),
        ("1001", "phone", "secret", "NOTIFY", "sip:1002@x"),
    ],
)
def test_credentials_serve_one_user_realm_method_and_uri(asked: tuple[str, str, str, str, str]) -> None:
    (made,) = credentials([challenge("phone", "n1")])
    assert not verify(made, *asked, b"")


def test_auth_int_covers_the_body() -> None:
    (made,) = credentials(['Digest realm="phone", nonce="n", qop="auth-int", algorithm=SHA-256'], b"hello")
    assert made.qop == "auth-int"
    assert verify(made, "1001", "phone", "secret", "NOTIFY", "sip:1001@x", b"hello")
    assert not verify(made, "1001", "phone", "secret", "NOTIFY", "sip:1001@x", b"hellO")


def test_the_old_form_without_qop_is_checked_too() -> None:
    (made,) = credentials(['Digest realm="phone", nonce="n"'])
    assert made.qop is None
    assert verify(made, "1001", "phone", "secret", "NOTIFY", "sip:1001@x", b"")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Basic dXNlcjpwYXNz",
        'Digest username="1001", realm="phone", nonce="n", uri="sip:x"',
        'Digest realm="phone", nonce="n", uri="sip:x", response="00"',
        "Digest username=",
    ],
)
def test_what_is_not_whole_is_left_out(value: str) -> None:
    assert Credentials.parse_many([value]) == []


@pytest.mark.parametrize(
    "more",
    ["algorithm=SHA3-256", "qop=auth", 'qop=auth, cnonce="c", nc=0000000g', 'qop=auth, cnonce="c", nc=1', "qop=tls"],
)
def test_what_cannot_be_reckoned_is_refused(more: str) -> None:
    text = f'Digest username="1001", realm="phone", nonce="n", uri="sip:x", response="{"0" * 32}", {more}'
    (made,) = Credentials.parse_many([text])
    assert not verify(made, "1001", "phone", "secret", "NOTIFY", "sip:x", b"")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_server_proves_the_password_by_rspauth(algorithm: str) -> None:
    (made,) = credentials([challenge("phone", "n1", algorithm)])
    proof = response_hash(algorithm, "1001", "phone", "secret", "n1", "cn", "00000001", "auth", ("", made.uri), b"")
    info = f'rspauth="{proof}", cnonce="cn", nc=00000001, qop=auth, nextnonce="n2"'
    assert proves(info, made, "secret", b"") is True
    assert proves(info, made, "another", b"") is False
    assert next_nonce(info) == "n2"


@pytest.mark.parametrize("info", ['nextnonce="x"', "", 'rspauth="00", cnonce="of another request"', "nonsense"])
def test_without_a_proof_there_is_none_to_check(info: str) -> None:
    (made,) = credentials([challenge("phone", "n1")])
    assert proves(info, made, "secret", b"") is None


@given(st.lists(st.text(max_size=120), max_size=3), st.text(max_size=80))
def test_any_text_gives_credentials_or_none(values: list[str], info: str) -> None:
    for made in Credentials.parse_many(values):
        verify(made, made.username, made.realm, "secret", "X", made.uri, b"")
        proves(info, made, "secret", b"")
    next_nonce(info)


@given(
    WORDS, WORDS, st.sampled_from(ALGORITHMS), st.sampled_from(["", "auth", "auth-int", "auth,auth-int"]), st.binary()
)
def test_what_the_client_answers_the_server_accepts(
    user: str, password: str, algorithm: str, qop: str, body: bytes
) -> None:
    asked = Challenge("Digest", "r", "n", algorithm, tuple(filter(None, qop.split(","))))
    values = answer([asked], user, password, "INVITE", "sip:x", body, "c", 7)
    (made,) = Credentials.parse_many(values)
    assert verify(made, user, "r", password, "INVITE", "sip:x", body)
    assert not verify(made, user, "r", password + "x", "INVITE", "sip:x", body)
