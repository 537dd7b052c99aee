"""Secured streams in offer and answer: RFC 4568, RFC 8643 and what each mode of an account allows."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sdp.crypto import SUITES, own_crypto
from offhook.sdp.description import SessionDescription
from offhook.sdp.errors import NotAcceptable
from offhook.sdp.negotiate import LocalMedia, MediaPlan, accept_answer, accept_offer, make_offer
from offhook.sdp.security import SrtpMode

CM, CM32, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM"
MODES: tuple[SrtpMode, ...] = ("off", "optional", "required")


def local(mode: SrtpMode, address: str = "192.0.2.1", fill: int = 1) -> LocalMedia:
    crypto = own_crypto(lambda n: bytes([fill]) * n) if mode != "off" else ()
    return LocalMedia(address, 4000, srtp=mode, crypto=crypto)


def line(tag: int, suite: str = CM, fill: int = 7, more: str = "") -> str:
    size = SUITES[suite].key + SUITES[suite].salt if suite in SUITES else 30
    return f"a=crypto:{tag} {suite} inline:{base64.b64encode(bytes([fill]) * size).decode()}{more}"


def described(*lines: str) -> SessionDescription:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0")
    return SessionDescription.parse("\r\n".join((*head, *lines)).encode())


def answer_to(*lines: str, mode: SrtpMode = "optional") -> tuple[list[str], MediaPlan]:
    answer, plan = accept_offer(described(*lines), local(mode), 7, 8)
    text = bytes(answer).decode()
    return text[text.index("m=") :].splitlines(), plan


def refused(*lines: str, mode: SrtpMode = "optional") -> NotAcceptable:
    with pytest.raises(NotAcceptable) as caught:
        answer_to(*lines, mode=mode)
    assert caught.value.status == 488
    return caught.value


def test_optional_offers_keys_under_the_plain_profile_and_required_under_the_secured_one() -> None:
    for mode, protocol, count in (("off", "RTP/AVP", 0), ("optional", "RTP/AVP", 4), ("required", "RTP/SAVP", 4)):
        media = make_offer(local(mode), 1, 1).media[0]  # type: ignore[arg-type]
        assert (media.protocol, len(media.values("crypto"))) == (protocol, count)


@pytest.mark.parametrize("mode", ["optional", "required"])
@pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/SAVP", "RTP/SAVPF", "rtp/savp"])
def test_the_first_line_that_is_known_is_answered_by_its_tag_and_a_key_of_our_own(
    mode: SrtpMode, protocol: str
) -> None:
    lines = (line(3, "F8_128_HMAC_SHA1_80"), line(4, CM, more=" KDR=1"), line(9, GCM, 5), line(10, CM32))
    answer, plan = answer_to(f"m=audio 6000 {protocol} 0", *lines, mode=mode)
    assert answer[0] == f"m=audio 4000 {protocol} 0"
    assert [text for text in answer if "crypto" in text] == [line(9, GCM, 1)]
    assert plan.protocol == protocol
    assert plan.crypto is not None
    assert (plan.crypto.send.keys[0].material, plan.crypto.receive.keys[0].material) == (b"\1" * 44, b"\5" * 44)


def test_without_srtp_a_secured_offer_is_refused_and_keys_in_a_plain_one_are_passed_over() -> None:
    assert refused("m=audio 6000 RTP/SAVP 0", line(1), mode="off").warning == 305
    answer, plan = answer_to("m=audio 6000 RTP/AVP 0", line(1), mode="off")
    assert plan.crypto is None
    assert not any("crypto" in text for text in answer)


def test_a_secured_offer_without_a_key_that_can_be_used_is_refused() -> None:
    for lines in ((), (line(1, "F8_128_HMAC_SHA1_80"),), (line(1, more=" UNENCRYPTED_SRTP"),), ("a=crypto:1 x",)):
        refused("m=audio 6000 RTP/SAVP 0", *lines)


def test_what_is_required_and_not_offered_is_refused() -> None:
    for lines in ((), (line(1, "F8_128_HMAC_SHA1_80"),)):
        refused("m=audio 6000 RTP/AVP 0", *lines, mode="required")
        assert answer_to("m=audio 6000 RTP/AVP 0", *lines)[1].crypto is None


def test_of_a_secured_and_a_plain_stream_the_secured_one_is_taken() -> None:
    plain, secured = "m=audio 6000 RTP/AVP 0", ("m=audio 6002 RTP/SAVP 0", line(1))
    for lines in ((plain, *secured), (*secured, plain)):
        answer, plan = answer_to(*lines)
        assert plan.remote == ("192.0.2.9", 6002)
        assert [text for text in answer if text.startswith("m=")] == [
            "m=audio 0 RTP/AVP 0" if text is plain else "m=audio 4000 RTP/SAVP 0"
            for text in lines
            if text.startswith("m=")
        ]
        assert answer_to(*lines, mode="off")[1].remote == ("192.0.2.9", 6000)


@pytest.mark.parametrize("caller", MODES)
@pytest.mark.parametrize("callee", MODES)
def test_two_of_us_agree_on_the_same_keys_or_on_none(caller: SrtpMode, callee: SrtpMode) -> None:
    offer = make_offer(local(caller), 1, 1)
    there = local(callee, "192.0.2.2", 2)
    if {caller, callee} == {"off", "required"}:
        with pytest.raises(NotAcceptable):
            accept_offer(offer, there, 2, 2)
        return
    answer, theirs = accept_offer(SessionDescription.parse(bytes(offer)), there, 2, 2)
    ours = accept_answer(offer, SessionDescription.parse(bytes(answer)), local(caller))
    if "off" in (caller, callee):
        assert ours.crypto is theirs.crypto is None
        return
    assert ours.crypto is not None
    assert theirs.crypto is not None
    assert (ours.crypto.send, ours.crypto.receive) == (theirs.crypto.receive, theirs.crypto.send)
    assert ours.crypto.send.keys[0].material == b"\1" * 30
    assert ours.crypto.receive.keys[0].material == b"\2" * 30


@pytest.mark.parametrize("mode", ["optional", "required"])
@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 6000 RTP/AVP 0", line(9)),
        ("m=audio 6000 RTP/AVP 0", line(1, GCM)),
        ("m=audio 6000 RTP/AVP 0", line(1, more=" UNENCRYPTED_SRTCP")),
        ("m=audio 6000 RTP/AVP 0", "a=crypto:1 what"),
        ("m=audio 6000 RTP/SAVP 0",),
        ("m=audio 6000 UDP/TLS/RTP/SAVP 0",),
    ],
    ids=["tag", "suite", "parameter", "junk", "no key", "dtls"],
)
def test_an_answer_that_secures_otherwise_than_was_offered_is_refused(mode: SrtpMode, lines: tuple[str, ...]) -> None:
    here = local(mode)
    with pytest.raises(NotAcceptable):
        accept_answer(make_offer(here, 1, 1), described(*lines), here)


def test_an_answer_without_keys_is_plain_where_that_is_allowed() -> None:
    answer = described("m=audio 6000 RTP/AVP 0")
    assert accept_answer(make_offer(local("optional"), 1, 1), answer, local("optional")).crypto is None
    with pytest.raises(NotAcceptable, match="requires"):
        accept_answer(make_offer(local("required"), 1, 1), answer, local("required"))


def test_an_answer_by_the_secured_profile_to_an_offer_by_the_plain_one_is_understood() -> None:
    here = local("optional")
    plan = accept_answer(make_offer(here, 1, 1), described("m=audio 6000 RTP/SAVP 0", line(1)), here)
    assert plan.crypto is not None
    assert plan.protocol == "RTP/SAVP"


def test_several_keys_of_the_other_side_are_all_kept() -> None:
    one, two = (base64.b64encode(bytes([fill]) * 30).decode() for fill in (1, 2))
    _, plan = answer_to("m=audio 6000 RTP/SAVP 0", f"a=crypto:1 {CM} inline:{one}|2^20|1:4;inline:{two}|2^20|2:4")
    assert plan.crypto is not None
    assert [key.mki for key in plan.crypto.receive.keys] == [b"\0\0\0\1", b"\0\0\0\2"]
    assert [key.mki for key in plan.crypto.send.keys] == [b""]


def test_an_ipv6_stream_is_secured_as_any_other() -> None:
    one, two = local("required", "2001:db8::1"), local("required", "2001:db8::2", 2)
    offer = make_offer(one, 1, 1)
    assert b"o=- 1 1 IN IP6 2001:db8::1\r\n" in bytes(offer)
    assert b"c=IN IP6 2001:db8::1\r\n" in bytes(offer)
    answer, plan = accept_offer(offer, two, 2, 2)
    assert plan.remote == ("2001:db8::1", 4000)
    assert accept_answer(offer, answer, one).remote == ("2001:db8::2", 4000)


@settings(max_examples=300)
@given(
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "RTP/AVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "udptl"]),
    st.lists(st.builds(line, st.integers(1, 4), st.sampled_from([*SUITES, "NULL"]), st.integers(0, 255)), max_size=4),
    st.sampled_from(MODES),
)
def test_no_offer_is_answered_in_plain_that_is_secured_or_the_other_way_round(
    protocol: str, lines: list[str], mode: SrtpMode
) -> None:
    offer = described(f"m=audio 6000 {protocol} 0", *lines)
    try:
        answer, plan = accept_offer(offer, local(mode), 7, 8)
    except NotAcceptable:
        return
    given = answer.media[0].values("crypto")
    assert len(given) == (0 if plan.crypto is None else 1)
    assert plan.crypto is not None or (mode != "required" and protocol in ("RTP/AVP", "RTP/AVPF"))
    if plan.crypto is not None:
        assert plan.crypto.send.tag == plan.crypto.receive.tag
        assert plan.crypto.send.suite == plan.crypto.receive.suite
    back = accept_answer(offer, answer, replace(local(mode), address="192.0.2.9"))
    assert (back.crypto is None) == (plan.crypto is None)
