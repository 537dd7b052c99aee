"""Digest: challenges as servers write them, and answers against the examples of the RFCs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import LocalError
from offhook.sip.messages.digest import Challenge, answer

# RFC 7616 section 3.9.1
REALM = "http-auth@example.org"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def challenges(*values: str) -> list[Challenge]:
    return Challenge.parse_many(values)


def fields(value: str) -> dict[str, str]:
    """The parameters of credentials, as they stand."""
    assert value.startswith("Digest ")
    return dict(part.split("=", 1) for part in value.removeprefix("Digest ").split(", "))


def respond(challenge: str, nc: int = 1, body: bytes = b"", method: str = "GET") -> dict[str, str]:
    values = answer(challenges(challenge), "Mufasa", "Circle of Life", method, "/dir/index.html", body, CNONCE, nc)
    assert len(values) == 1
    return fields(values[0])


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_come_out(algorithm: str, expected: str) -> None:
    given_ = respond(
        f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", opaque="{OPAQUE}"'
    )
    assert given_ == {
        "username": '"Mufasa"',
        "realm": f'"{REALM}"',
        "nonce": f'"{NONCE}"',
        "uri": '"/dir/index.html"',
        "response": f'"{expected}"',
        "algorithm": algorithm,
        "cnonce": f'"{CNONCE}"',
        "opaque": f'"{OPAQUE}"',
        "qop": "auth",
        "nc": "00000001",
    }


def test_the_example_of_rfc_2617_comes_out() -> None:
    values = answer(
        challenges(
            'Digest realm="testrealm@host.com", qop="auth,auth-int", '
            'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
        ),
        *("Mufasa", "Circle Of Life", "GET", "/dir/index.html", b"", "0a4f113b", 1),
    )
    assert fields(values[0])["response"] == '"6629fae49393a05397450978507c4ef1"'
    assert "algorithm" not in fields(values[0])


def test_without_qop_the_old_form_is_used() -> None:
    given_ = respond('Digest realm="r", nonce="n"')
    ha1 = hashlib.md5(b"Mufasa:r:Circle of Life").hexdigest()
    ha2 = hashlib.md5(b"GET:/dir/index.html").hexdigest()
    assert given_["response"] == f'"{hashlib.md5(f"{ha1}:n:{ha2}".encode()).hexdigest()}"'
    assert not {"qop", "nc", "cnonce", "opaque"} & given_.keys()


@pytest.mark.parametrize(("algorithm", "new"), [("MD5-sess", hashlib.md5), ("SHA-256-sess", hashlib.sha256)])
def test_a_session_hashes_the_secret_once_more(algorithm: str, new: "type[hashlib._Hash]") -> None:
    def h(*parts: str) -> str:
        return str(new(":".join(parts).encode()).hexdigest())

    secret = h(h("Mufasa", "r", "Circle of Life"), "n", CNONCE)
    given_ = respond(f'Digest realm="r", nonce="n", qop="auth", algorithm={algorithm}', nc=0x1F)
    expected = h(secret, "n", "0000001f", CNONCE, "auth", h("GET", "/dir/index.html"))
    assert (given_["response"], given_["nc"], given_["algorithm"]) == (f'"{expected}"', "0000001f", algorithm)
    without = respond(f'Digest realm="r", nonce="n", algorithm={algorithm}')
    assert without["cnonce"] == f'"{CNONCE}"'


def test_where_only_auth_int_is_offered_the_body_is_hashed_too() -> None:
    given_ = respond('Digest realm="r", nonce="n", qop="auth-int"', body=b"v=0\r\n")
    ha1 = hashlib.md5(b"Mufasa:r:Circle of Life").hexdigest()
    ha2 = hashlib.md5(b"GET:/dir/index.html:" + hashlib.md5(b"v=0\r\n").hexdigest().encode()).hexdigest()
    expected = hashlib.md5(f"{ha1}:n:00000001:{CNONCE}:auth-int:{ha2}".encode()).hexdigest()
    assert (given_["response"], given_["qop"]) == (f'"{expected}"', "auth-int")


def test_the_topmost_supported_challenge_of_each_realm_is_answered() -> None:
    found = challenges(
        'Digest realm="a", nonce="1", algorithm=SHA3-256, qop="auth"',
        'Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth"',
        'Digest realm="a", nonce="3", algorithm=MD5, qop="auth"',
        'Digest realm="b", nonce="4"',
        'Digest realm="c", nonce="5", qop="token"',
        'Basic realm="d"',
    )
    values = [fields(value) for value in answer(found, "u", "p", "INVITE", "sip:x", b"", "c", 1)]
    assert [(value["realm"], value["nonce"]) for value in values] == [('"a"', '"2"'), ('"b"', '"4"')]
    assert answer(found[:1], "u", "p", "INVITE", "sip:x", b"", "c", 1) == []


def test_a_challenge_is_read_whatever_its_spelling() -> None:
    found = challenges(
        'DIGEST  Realm = "a, \\"b\\"" ,NONCE="n=", qop="AUTH,auth-int",stale=TRUE , algorithm="md5",domain="sip:x", x=y'
    )
    assert found == [Challenge("DIGEST", 'a, \\"b\\"', "n=", "md5", ("auth", "auth-int"), None, True)]
    assert found[0].supported
    value = answer(found, "u", "p", "X", "sip:x", b"", "c", 1)[0]
    assert 'realm="a, \\"b\\""' in value
    assert "algorithm=md5" in value


def test_several_challenges_may_stand_in_one_header() -> None:
    found = challenges(
        'Digest realm="a", nonce="1", algorithm=SHA-256, Digest realm="a", nonce="2",Basic realm="b", '
        'Digest realm="c",nonce="3"'
    )
    assert [(challenge.realm, challenge.nonce) for challenge in found] == [("a", "1"), ("a", "2"), ("c", "3")]


@pytest.mark.parametrize(
    "value",
    [
        *("", "Digest", "Digest realm", 'Digest realm="a', 'Digest nonce="n"', 'Digest realm="a" nonce="n"', "=,", '"'),
        *("Bearer abc==", "Basic dXNlcg==", ",,,", "Digest realm=a, nonce", "\x00"),
    ],
)
def test_what_makes_no_sense_is_left_out(value: str) -> None:
    good = 'Digest realm="r", nonce="n"'
    assert challenges(value) == []
    assert [challenge.realm for challenge in challenges(value, good)] == ["r"]


def test_empty_list_elements_are_passed_over() -> None:
    assert challenges('Digest ,, realm="r",, nonce="n",')[0].nonce == "n"


def test_a_name_of_ours_cannot_break_a_line() -> None:
    with pytest.raises(LocalError):
        answer(challenges('Digest realm="r", nonce="n"'), "u\r\nX: y", "p", "X", "sip:x", b"", "c", 1)


def test_names_and_passwords_are_utf8() -> None:
    value = answer(challenges('Digest realm="r", nonce="n"'), 'Jäsøn "x"', "Doe€", "X", "sip:x", b"", "c", 1)[0]
    ha1 = hashlib.md5('Jäsøn "x":r:Doe€'.encode()).hexdigest()
    ha2 = hashlib.md5(b"X:sip:x").hexdigest()
    assert f'response="{hashlib.md5(f"{ha1}:n:{ha2}".encode()).hexdigest()}"' in value
    assert 'username="Jäsøn \\"x\\""' in value


@given(st.lists(st.text(max_size=60) | st.from_regex(r'(Digest|[a-z]+) [a-z="\\, ]{0,40}', fullmatch=True), max_size=3))
def test_any_text_gives_challenges_or_none(values: list[str]) -> None:
    found = challenges(*values)
    for value in answer(found, "u", "p", "X", "sip:x", b"", "c", 1):
        assert value.startswith("Digest ")


def test_sha_512_256_is_known() -> None:
    def hashed(text: str) -> str:
        return hashlib.new("sha512_256", text.encode()).hexdigest()

    # FIPS 180-4: the truncation has initial values of its own, it is not the front of SHA-512.
    assert hashed("abc").startswith("53048e2681941ef99b2e29b76b4c7dab")
    given_ = respond('Digest realm="r", qop="auth", algorithm=SHA-512-256, nonce="n"')
    secret, what = hashed("Mufasa:r:Circle of Life"), hashed("GET:/dir/index.html")
    assert given_["response"] == f'"{hashed(f"{secret}:n:00000001:{CNONCE}:auth:{what}")}"'


@pytest.mark.parametrize(
    ("minimum", "nonces"), [("MD5", ['"1"', '"4"']), ("SHA-256", ['"1"']), ("SHA-512-256", ['"2"'])]
)
def test_a_hash_below_the_minimum_is_passed_over(minimum: str, nonces: list[str]) -> None:
    found = challenges(
        'Digest realm="a", nonce="1", algorithm=SHA-256, qop="auth"',
        'Digest realm="a", nonce="2", algorithm=SHA-512-256, qop="auth"',
        'Digest realm="a", nonce="3", algorithm=MD5, qop="auth"',
        'Digest realm="b", nonce="4"',
    )
    values = answer(found, "u", "p", "INVITE", "sip:x", b"", "c", 1, minimum)
    assert [fields(value)["nonce"] for value in values] == nonces
