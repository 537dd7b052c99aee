"""The crypto attribute: every form of RFC 4568 section 9; no text at all does worse than UnusableCrypto."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offhook.sdp.crypto import SUITES, CryptoAttribute, MasterKey, UnusableCrypto, own_crypto, readable
from offhook.sdp.description import Attribute, SessionDescription
from offhook.sdp.errors import MalformedDescription

MATERIAL = bytes(range(30))
KEY = base64.b64encode(MATERIAL).decode()
OTHER = base64.b64encode(bytes(range(30, 60))).decode()
CM = "AES_CM_128_HMAC_SHA1_80"


def key_of(info: str) -> MasterKey:
    (key,) = CryptoAttribute.parse(f"1 {CM} inline:{info}").keys
    return key


@pytest.mark.parametrize(
    ("info", "lifetime", "mki"),
    [
        (KEY, None, b""),
        (f"{KEY}|2^20", 1 << 20, b""),
        (f"{KEY}|2^48", 1 << 48, b""),
        (f"{KEY}|1048575", 1048575, b""),
        (f"{KEY}|2^20|1:4", 1 << 20, b"\0\0\0\1"),
        (f"{KEY}|66051:3", None, b"\1\2\3"),
        (f"{KEY}|2^20|1:128", 1 << 20, bytes(127) + b"\1"),
    ],
)
def test_a_key_may_have_lifetime_and_mki(info: str, lifetime: int | None, mki: bytes) -> None:
    assert key_of(info) == MasterKey(MATERIAL, lifetime, mki)


@pytest.mark.parametrize("suite", list(SUITES))
def test_each_suite_has_keys_of_its_own_length(suite: str) -> None:
    form = SUITES[suite]
    (line,) = own_crypto(bytes, (suite,))
    assert line == CryptoAttribute(1, suite, (MasterKey(bytes(form.key + form.salt)),))
    assert CryptoAttribute.parse(line.line()) == line
    for wrong in (form.key, form.key + form.salt - 1, form.key + form.salt + 1):
        with pytest.raises(UnusableCrypto):
            CryptoAttribute.parse(f"1 {suite} inline:{base64.b64encode(bytes(wrong)).decode()}")


def test_the_sizes_are_those_of_the_registered_suites() -> None:
    assert {name: (form.key, form.salt) for name, form in SUITES.items()} == {
        "AES_CM_128_HMAC_SHA1_80": (16, 14),
        "AES_CM_128_HMAC_SHA1_32": (16, 14),
        "AEAD_AES_128_GCM": (16, 12),
        "AEAD_AES_256_GCM": (32, 12),
    }


def test_a_key_without_its_padding_is_the_same_key() -> None:
    text = base64.b64encode(bytes(28)).decode()
    assert text.endswith("==")
    assert CryptoAttribute.parse(f"1 AEAD_AES_128_GCM inline:{text.rstrip('=')}").keys[0].material == bytes(28)


def test_several_keys_have_an_mki_each() -> None:
    line = CryptoAttribute.parse(f"7 {CM} inline:{KEY}|2^20|1:4;inline:{OTHER}|2^20|2:4")
    assert [key.mki for key in line.keys] == [b"\0\0\0\1", b"\0\0\0\2"]
    assert CryptoAttribute.parse(line.line()) == line
    for wrong in (
        f"inline:{KEY};inline:{OTHER}",
        f"inline:{KEY}|1:4;inline:{OTHER}",
        f"inline:{KEY}|1:4;inline:{OTHER}|1:4",
        f"inline:{KEY}|1:4;inline:{OTHER}|2:1",
    ):
        with pytest.raises(UnusableCrypto):
            CryptoAttribute.parse(f"7 {CM} {wrong}")


def test_hints_and_extensions_that_may_be_ignored_are() -> None:
    line = CryptoAttribute.parse(f"000000001 {CM} inline:{KEY} WSH=128 -NEW -OTHER=5 ")
    assert (line.tag, line.session) == (1, ("WSH=128", "-NEW", "-OTHER=5"))


@pytest.mark.parametrize(
    "parameter",
    [
        *("KDR=0", "KDR=24", "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP", "FEC_ORDER=FEC_SRTP"),
        *(f"FEC_KEY=inline:{OTHER}", "WSH=63", "WSH=x", "SOMETHING_NEW"),
    ],
)
def test_what_would_change_the_packets_refuses_its_line_and_the_next_serves(parameter: str) -> None:
    with pytest.raises(UnusableCrypto, match="session parameter"):
        CryptoAttribute.parse(f"1 {CM} inline:{KEY} {parameter}")
    lines = (f"1 {CM} inline:{KEY} {parameter}", f"2 {CM} inline:{OTHER}")
    assert [line.tag for line in readable(lines)] == [2]


@pytest.mark.parametrize(
    "value",
    [
        *("", "1", f"1 {CM}", f"x {CM} inline:{KEY}", f"-1 {CM} inline:{KEY}", f"1234567890 {CM} inline:{KEY}"),
        *(f"1 F8_128_HMAC_SHA1_80 inline:{KEY}", f"1 NULL inline:{KEY}", f"1 {CM} {KEY}", f"1 {CM} uri:{KEY}"),
        *(f"1 {CM} inline:", f"1 {CM} inline:{KEY[:-1]}!", f"1 {CM} inline:{KEY[:-1]}", f"1 {CM} inline:{KEY}|"),
        *(f"1 {CM} inline:{KEY}|0", f"1 {CM} inline:{KEY}|2^49", f"1 {CM} inline:{KEY}|2^999999999999999"),
        *(f"1 {CM} inline:{KEY}|999999999999999", f"1 {CM} inline:{KEY}|2^20|2^20", f"1 {CM} inline:{KEY}|1:0"),
        *(f"1 {CM} inline:{KEY}|1:129", f"1 {CM} inline:{KEY}|256:1", f"1 {CM} inline:{KEY}|1:4|2^20"),
        *(f"1 {CM} inline:{KEY};", f"1 {CM} ;inline:{KEY}", f" 1 {CM} inline:{KEY}", f"1 {CM} inline:{KEY}\x00"),
        f"1 {CM} inline:{KEY}|{'9' * 310}:128",
    ],
)
def test_what_breaks_the_grammar_is_refused(value: str) -> None:
    with pytest.raises(UnusableCrypto):
        CryptoAttribute.parse(value)


def test_of_two_lines_with_one_tag_the_first_counts() -> None:
    assert [line.keys[0].material for line in readable((f"1 {CM} inline:{KEY}", f"1 {CM} inline:{OTHER}"))] == [
        MATERIAL
    ]


def test_our_own_lines_have_a_key_each() -> None:
    counter = iter(range(9))
    lines = own_crypto(lambda n: bytes([next(counter)]) * n)
    assert [line.tag for line in lines] == [1, 2, 3, 4]
    assert [line.suite for line in lines] == list(SUITES)
    assert len({line.keys[0].material[:1] for line in lines}) == 4
    assert lines[0].with_tag(9).line() == f"9 {CM} inline:{base64.b64encode(bytes(30)).decode()}"


def test_no_key_shows_itself() -> None:
    line = CryptoAttribute.parse(f"1 {CM} inline:{KEY}|2^20|1:4")
    media = SessionDescription.parse(
        f"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 {CM} inline:{KEY}\r\n".encode()
    )
    for shown in (repr(line), str(line), repr(line.keys[0]), repr(media), repr(Attribute("crypto", line.line()))):
        assert KEY not in shown
        assert KEY[:8] not in shown
        assert repr(MATERIAL)[2:20] not in shown
    assert KEY.encode() in bytes(media)


@pytest.mark.parametrize("value", [f"1 {CM} inline:{KEY[:-2]}!!", f"1 {CM} inline:{KEY} KDR={KEY}", f"{KEY} {KEY}"])
def test_no_refusal_quotes_a_key(value: str) -> None:
    with pytest.raises(UnusableCrypto) as caught:
        CryptoAttribute.parse(value)
    assert KEY[:8] not in str(caught.value)


GRAMMAR = st.builds(
    "{} {} {}{}".format,
    st.integers(0, 10**10),
    st.sampled_from([*SUITES, "aes_cm_128_hmac_sha1_80", "NULL", "a-b"]),
    st.lists(
        st.builds(
            "{}:{}{}{}".format,
            st.sampled_from(["inline", "INLINE", "uri", ""]),
            st.sampled_from([KEY, OTHER, KEY[:-4], base64.b64encode(bytes(44)).decode(), "=", "|"]),
            st.sampled_from(["", "|2^20", "|2^49", "|0", "|12345"]),
            st.sampled_from(["", "|1:4", "|2:4", "|300:1", "|1:0", "|1:4:5"]),
        ),
        min_size=1,
        max_size=4,
    ).map(";".join),
    st.lists(st.sampled_from([" KDR=1", " WSH=64", " -X", " UNENCRYPTED_SRTP", "  "]), max_size=3).map("".join),
)


@settings(max_examples=500)
@given(GRAMMAR | st.text(max_size=80))
@example(f"1 {CM} " + "inline:" * 3000)
@example("1" + " " * 60000)
@example(f"1 {CM} inline:{KEY}" + " -x" * 20000)
def test_any_text_is_a_line_that_reads_the_same_again_or_is_refused(value: str) -> None:
    try:
        line = CryptoAttribute.parse(value)
    except UnusableCrypto:
        return
    assert CryptoAttribute.parse(line.line()) == line
    form = SUITES[line.suite]
    assert all(len(key.material) == form.key + form.salt for key in line.keys)


@settings(max_examples=200)
@given(st.binary(max_size=120))
def test_any_bytes_in_a_crypto_line_leave_the_description_readable(data: bytes) -> None:
    text = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:" + data
    try:
        media = SessionDescription.parse(text).media[0]
    except MalformedDescription:
        return
    readable(media.values("crypto"))
