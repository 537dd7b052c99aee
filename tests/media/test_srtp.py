"""SRTP and SRTCP: what goes out comes in, and nothing else does."""

import gc
import itertools
import struct
from collections.abc import Callable

import pylibsrtp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.media import messages as msg
from offhook.media.settings import CryptoPair, SrtpKey, StreamSettings, Suite
from offhook.media.srtp import Srtp
from offhook.rtp.packet import RtpPacket
from offhook.sdp.crypto import SUITES

SIZES: dict[Suite, int] = {suite: form.key + form.salt for suite, form in SUITES.items()}  # type: ignore[misc]
CM: Suite = "AES_CM_128_HMAC_SHA1_80"
SSRC = 0x0FFB00C


def key(fill: int, suite: Suite = CM, mki: str = "") -> SrtpKey:
    return SrtpKey(suite, (bytes([fill]) * SIZES[suite]).hex(), mki)


def pair(send: SrtpKey, *receive: SrtpKey) -> CryptoPair:
    return CryptoPair(send, receive)


def ends(suite: Suite = CM) -> tuple[Srtp, Srtp]:
    """Two who know each other's keys."""
    one, two = key(1, suite), key(2, suite)
    return Srtp(pair(one, two)), Srtp(pair(two, one))


def rtp(sequence: int, ssrc: int = SSRC) -> bytes:
    return RtpPacket(
        0, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc, bytes([sequence & 0xFF]) * 160
    ).serialize()


def rtcp(number: int = 1) -> bytes:
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, SSRC, number, 0, 0, 0, 0, 0)


def secured(end: Srtp, packet: bytes) -> bytes:
    out = end.protect(packet)
    assert out is not None
    return out


def secured_rtcp(end: Srtp, packet: bytes) -> bytes:
    out = end.protect_rtcp(packet)
    assert out is not None
    return out


@pytest.mark.parametrize(
    ("suite", "tag", "rtcp_tag"),
    [
        ("AES_CM_128_HMAC_SHA1_80", 10, 14),
        ("AES_CM_128_HMAC_SHA1_32", 4, 14),  # 80 bits for SRTCP here too: RFC 4568 section 6.2.2
        ("AEAD_AES_128_GCM", 16, 20),
        ("AEAD_AES_256_GCM", 16, 20),
    ],
)
def test_each_suite_opens_what_it_closed_and_adds_its_tag(suite: Suite, tag: int, rtcp_tag: int) -> None:
    one, two = ends(suite)
    packet = secured(one, rtp(7))
    assert len(packet) == len(rtp(7)) + tag
    assert packet[:12] == rtp(7)[:12]
    assert bytes([7]) * 8 not in packet
    assert two.unprotect(packet, 0.0) == rtp(7)
    report = secured_rtcp(one, rtcp())
    assert len(report) == len(rtcp()) + rtcp_tag
    assert two.unprotect_rtcp(report, 0.0) == rtcp()
    assert (two.unverified, two.replayed) == (0, 0)


@pytest.mark.parametrize("suite", SIZES)
def test_what_was_touched_comes_twice_or_is_plain_is_counted_and_dropped(suite: Suite) -> None:
    one, two = ends(suite)
    packet, report = secured(one, rtp(1)), secured_rtcp(one, rtcp())
    for place in (1, 3, 9, 20, len(packet) - 1):
        assert two.unprotect(packet[:place] + bytes([packet[place] ^ 1]) + packet[place + 1 :], 0.0) is None
    assert two.unprotect_rtcp(report[:-1] + bytes([report[-1] ^ 1]), 0.0) is None
    assert two.unprotect(rtp(2), 0.0) is None
    assert two.unprotect_rtcp(rtcp(), 0.0) is None
    assert (two.unverified, two.replayed) == (8, 0)
    assert two.unprotect(packet, 0.0) is not None
    assert two.unprotect_rtcp(report, 0.0) is not None
    assert two.unprotect(packet, 0.0) is None
    assert two.unprotect_rtcp(report, 0.0) is None
    assert (two.unverified, two.replayed) == (8, 2)


def test_our_own_packets_that_come_back_are_not_believed() -> None:
    one, _ = ends()
    assert one.unprotect(secured(one, rtp(1)), 0.0) is None
    assert one.unverified == 1


def test_packets_out_of_order_are_taken_within_the_window_and_once_each() -> None:
    one, two = ends()
    packets = [secured(one, rtp(number)) for number in range(400)]
    late = packets[150:400:7]
    assert all(two.unprotect(packet, 0.0) for packet in packets if packet not in late)
    assert all(two.unprotect(packet, 0.0) for packet in reversed(late))
    assert not any(two.unprotect(packet, 0.0) for packet in packets)
    assert two.replayed == 400


def test_the_rollover_counter_goes_on_over_hold_and_descriptions_that_keep_the_key() -> None:
    one, two = ends()
    for number in range(0, 3 * 65536, 20000):  # three times round, a step at a time that keeps the count
        assert two.unprotect(secured(one, rtp(number)), 0.0) == rtp(number)
    for end, keys in ((one, pair(key(1), key(2))), (two, pair(key(2), key(1)))):
        end.update(keys, 100.0)
    number += 5
    assert two.unprotect(secured(one, rtp(number)), 100.0) == rtp(number)
    fresh = ends()[1]
    assert fresh.unprotect(secured(one, rtp(number + 1)), 100.0) is None, "who starts from zero cannot read it"


@pytest.mark.parametrize("suite", SIZES)
@pytest.mark.parametrize("sequence", [5, 0x3FFF, 0x4001, 0x8005, 0xC001, 0xFFFE, 65536 + 7, 40 * 65536 + 0x9000])
def test_who_is_new_to_a_call_that_is_not_finds_the_rollover_counter(suite: Suite, sequence: int) -> None:
    one, _ = ends(suite)
    for number in range(0, sequence, 20000):
        secured(one, rtp(number))
    late = Srtp(CryptoPair(key(2, suite), (key(1, suite),), late=True))
    assert late.unprotect(bytes([0x80]) + bytes(181), 0.0) is None, "junk before it costs a search"
    assert late.unprotect(secured(one, rtp(sequence)), 0.0) == rtp(sequence)
    for number in range(sequence + 1, sequence + 5):
        packet = secured(one, rtp(number))
        assert late.unprotect(packet, 0.0) == rtp(number)
        assert late.unprotect(packet, 0.0) is None
    assert (late.unverified, late.replayed) == (1, 4)
    assert late.unprotect_rtcp(secured_rtcp(one, rtcp()), 0.0) == rtcp()


def test_the_rollover_counter_is_not_looked_for_again_once_it_was_found_nor_for_ever() -> None:
    one, _ = ends()
    for number in range(0, 2 * 65536 + 9, 20000):
        secured(one, rtp(number))
    packets = [secured(one, rtp(2 * 65536 + number)) for number in range(9, 12)]
    other = Srtp(CryptoPair(key(2), (key(1),), late=True))
    assert not any(other.unprotect(bytes([0x80]) + bytes(181), 0.0) for _ in range(5))
    assert other.unprotect(packets[0], 0.0) is None
    late = Srtp(CryptoPair(key(2), (key(1),), late=True))
    assert late.unprotect(packets[1], 0.0)
    earlier = secured(Srtp(pair(key(1), key(2))), rtp(9))
    assert late.unprotect(earlier, 0.0) is None, "recorded two rounds ago"


def test_a_new_key_of_the_other_side_counts_at_once_and_the_old_one_for_a_moment() -> None:
    one, two = ends()
    before = [secured(one, rtp(number)) for number in range(4)]
    assert two.unprotect(before[0], 0.0)
    one.update(pair(key(3), key(2)), 10.0)
    two.update(pair(key(2), key(3)), 10.0)
    assert two.unprotect(before[1], 10.1) == rtp(1)
    assert two.unprotect(secured(one, rtp(4)), 10.2) == rtp(4)
    assert two.unprotect(before[2], 14.9) == rtp(2)
    assert two.unprotect(before[3], 15.1) is None
    assert two.unprotect(secured(one, rtp(5)), 15.2) == rtp(5)
    assert two.unverified == 1


def test_a_key_that_comes_back_goes_on_where_it_was() -> None:
    one, two = ends()
    for number in range(0, 65536 + 100, 20000):
        two.unprotect(secured(one, rtp(number)), 0.0)
    first = secured(one, rtp(65536 + 200))
    one.update(pair(key(3), key(2)), 1.0)
    one.update(pair(key(1), key(2)), 2.0)
    again = secured(one, rtp(65536 + 201))
    assert two.unprotect(first, 2.0) == rtp(65536 + 200)
    assert two.unprotect(again, 2.0) == rtp(65536 + 201)


def test_a_peer_that_changes_keys_all_the_time_does_not_fill_the_memory() -> None:
    def sessions() -> int:
        gc.collect()
        return sum(isinstance(found, pylibsrtp.Session) for found in gc.get_objects())

    one, _ = ends()
    before = sessions()
    for number in range(10, 250):
        one.update(pair(key(number), key(2)), 1.0)
    assert sessions() - before <= 64


def test_another_suite_may_be_agreed_on_within_a_call() -> None:
    one, two = ends()
    assert two.unprotect(secured(one, rtp(1)), 0.0)
    gcm: Suite = "AEAD_AES_256_GCM"
    one.update(pair(key(4, gcm), key(5, gcm)), 1.0)
    two.update(pair(key(5, gcm), key(4, gcm)), 1.0)
    assert two.unprotect(secured(one, rtp(2)), 1.0) == rtp(2)
    assert two.suite == gcm


def with_mki(packet: bytes, mki: bytes, tail: int) -> bytes:
    """Put an MKI where the standard has it: before the tag of AES-CM, at the end for AEAD."""
    return packet[: len(packet) - tail] + mki + packet[len(packet) - tail :]


@pytest.mark.parametrize(
    ("suite", "tail", "rtcp_tail"),
    [
        ("AES_CM_128_HMAC_SHA1_80", 10, 10),
        ("AES_CM_128_HMAC_SHA1_32", 4, 10),
        ("AEAD_AES_128_GCM", 0, 0),
        ("AEAD_AES_256_GCM", 0, 0),
    ],
)
def test_a_key_is_found_by_the_mki_of_the_packet(suite: Suite, tail: int, rtcp_tail: int) -> None:
    first, second = Srtp(pair(key(1, suite), key(9, suite))), Srtp(pair(key(2, suite), key(9, suite)))
    two = Srtp(pair(key(9, suite), key(1, suite, "00000001"), key(2, suite, "00000002")))
    numbers = itertools.count()
    for end, mki in ((first, b"\0\0\0\1"), (second, b"\0\0\0\2"), (first, b"\0\0\0\1")):
        number = next(numbers)
        assert two.unprotect(with_mki(secured(end, rtp(number)), mki, tail), 0.0) == rtp(number)
        assert two.unprotect_rtcp(with_mki(secured_rtcp(end, rtcp(number)), mki, rtcp_tail), 0.0) == rtcp(number)
    packet = secured(first, rtp(9))
    for wrong in (b"\0\0\0\3", b"", b"\0"):
        assert two.unprotect(with_mki(packet, wrong, tail), 0.0) is None
    assert two.unprotect(b"\x80\0", 0.0) is None
    assert two.unverified == 4


def test_a_packet_that_is_too_long_is_none_of_ours() -> None:
    one, two = ends()
    assert two.unprotect(bytes(1501), 0.0) is None
    assert two.unprotect_rtcp(bytes(1501), 0.0) is None
    assert two.unverified == 2
    assert one.protect(bytes(1500)) is None
    assert one.protect_rtcp(bytes(1500)) is None


@settings(max_examples=400)
@given(st.binary(max_size=1600), st.sampled_from(sorted(SIZES)), st.sampled_from(["", "01", "00000001"]))
def test_any_bytes_are_dropped_and_the_call_goes_on(data: bytes, suite: Suite, mki: str) -> None:
    one = Srtp(pair(key(1, suite), key(2, suite)))
    two = Srtp(pair(key(2, suite), key(1, suite, mki)))
    opens: list[Callable[[bytes, float], bytes | None]] = [two.unprotect, two.unprotect_rtcp]
    for opened in opens:
        assert opened(data, 0.0) is None
    packet = secured(one, rtp(3))
    tail = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}.get(suite, 0)
    assert two.unprotect(with_mki(packet, bytes.fromhex(mki), tail), 0.0) == rtp(3)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 500)),
        st.tuples(st.just("key"), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.integers(1, 8)),
    ),
    max_size=20,
)


@settings(max_examples=150)
@given(STEPS, st.sampled_from(sorted(SIZES)), st.sampled_from(sorted(SIZES)))
def test_keys_may_change_at_any_time_and_come_back_and_no_packet_is_lost(
    steps: list[tuple[str, int]], first: Suite, second: Suite
) -> None:
    now, number, fill = 0.0, 0, 1
    one, two = Srtp(pair(key(1, first), key(9))), Srtp(pair(key(9), key(1, first)))
    seen: set[bytes] = set()
    for kind, value in steps:
        if kind == "key":
            fill = value
            mine = key(fill, first if fill % 2 else second)
            one.update(pair(mine, key(9)), now)
            two.update(pair(key(9), mine), now)
        elif kind == "wait":
            now += value
        for _ in range(3):
            number += value if kind == "send" else 1
            packet = secured(one, rtp(number))
            assert packet not in seen
            seen.add(packet)
            assert two.unprotect(packet, now) == rtp(number)
    assert two.replayed == 0


def test_no_key_shows_itself_and_all_cross_the_socket() -> None:
    plan = StreamSettings(
        ("192.0.2.7", 4000), "PCMU", 0, crypto=pair(key(0xAB), key(0xCD, mki="01"), key(0xEF, mki="02"))
    )
    for kind in (msg.StartStream, msg.UpdateStream, msg.MoveStream):
        message = kind(7, plan)
        assert "abab" not in repr(message)
        assert "cdcd" not in repr(message)
        assert msg.decode(msg.encode(message)) == message


@pytest.mark.parametrize("crypto", [b"[]", b'{"send": 1}', b'{"send": {}, "receive": []}', b'"x"'])
def test_keys_that_are_none_are_refused_without_being_shown(crypto: bytes) -> None:
    plan = StreamSettings(("192.0.2.7", 4000), "PCMU", 0, crypto=pair(key(0xAB), key(0xCD)))
    data = msg.encode(msg.StartStream(7, plan))
    begin = data.index(b'"crypto":') + len(b'"crypto":')
    end = data.index(b',"relays"')
    with pytest.raises(msg.MessageError) as caught:
        msg.decode(data[:begin] + crypto + data[end:])
    assert "abab" not in str(caught.value)
