"""A stream with keys, one whose number somebody else has too, and one that nobody answers any more."""

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from offhook.dsp.codecs.g711 import PCMU
from offhook.media import messages as msg
from offhook.media.settings import CryptoPair, SrtpKey, StreamSettings, Suite
from offhook.rtp import rtcp
from offhook.rtp.packet import RtpPacket
from tests.support.lines import PERIOD, LineEnd, LinePair, loudness

ANNA, BO = ("192.0.2.1", 4000), ("192.0.2.2", 6000)
SUITE: Suite = "AES_CM_128_HMAC_SHA1_80"


def key(fill: int) -> SrtpKey:
    return SrtpKey(SUITE, (bytes([fill]) * 30).hex())


def plan(remote: tuple[str, int], send: int | None, receive: int | None) -> StreamSettings:
    crypto = None if send is None or receive is None else CryptoPair(key(send), (key(receive),))
    return StreamSettings(remote, "PCMU", 0, receive_payload_types={0: "PCMU"}, crypto=crypto)


def secured_pair() -> LinePair:
    return LinePair(LineEnd(ANNA, plan(BO, 1, 2), 1), LineEnd(BO, plan(ANNA, 2, 1), 2))


def plain_pair() -> LinePair:
    return LinePair(LineEnd(ANNA, plan(BO, None, None), 1), LineEnd(BO, plan(ANNA, None, None), 2))


def impaired(seed: int, copies: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """Lose, copy and swap packets, always the same ones for a seed."""
    draw = np.random.default_rng(seed)
    waiting: dict[bytes, list[bytes]] = {}

    def change(data: bytes) -> tuple[bytes, ...]:
        kept = waiting.setdefault(data[8:12], [])
        dice = draw.random()
        if dice < 0.05:
            return ()
        if dice < 0.1:
            return (data,) * copies
        if dice < 0.15:
            kept.append(data)
            return ()
        out = (data, *kept)
        kept.clear()
        return out

    return change


def hears(pair: LinePair, seconds: float = 0.6) -> bool:
    """Whether both hear each other at the end of some time."""
    return min(loudness(heard[-1600:]) for heard in pair.talk(seconds)) > 4000


def packets(pair: LinePair) -> list[RtpPacket]:
    return [RtpPacket.parse(data) for data in pair.seen if data and data[1] & 0x7F == 0]


def test_nothing_on_the_wire_can_be_listened_to_and_reports_are_secured_too() -> None:
    pair = secured_pair()
    assert hears(pair, 4.0)
    for packet in packets(pair):
        assert len(packet.payload) == 170
        assert loudness(PCMU.decode(packet.payload[:160])) > 5500, "noise: speech of this loudness has 5650"
    reports = [data for data in pair.seen if data[1] in (200, 201)]
    assert len(reports) >= 2
    assert not any(b"offhook" in data for data in pair.seen)
    assert pair.one.report.round_trip_ms is not None or pair.two.report.rx > 150
    assert (pair.one.report.rejected, pair.one.report.lost) == (0, 0)


def test_plain_packets_and_forged_ones_are_not_played_and_are_counted() -> None:
    pair = secured_pair()
    assert hears(pair)
    noise = PCMU.encode(np.full(160, 30000, np.int16))
    forged = RtpPacket(0, 900, 900 * 160, 77, noise.tobytes()).serialize()
    before = pair.two.report.rejected
    pair.change = lambda data: (forged, forged + bytes(10), data[:-1] + b"\0", data, data)
    heard = pair.talk(2.1)
    for ear in heard:
        assert loudness(ear[-1600:]) > 4000
        assert np.abs(ear.astype(int)).max() < 9000, "the loudest that was said is 8000"
    assert pair.two.report.rejected >= before + 4 * 50


def test_a_secured_stream_neither_speaks_nor_hears_plain() -> None:
    pair = LinePair(LineEnd(ANNA, plan(BO, 1, 2), 1), LineEnd(BO, plan(ANNA, None, None), 2))
    heard = pair.talk(0.6)
    assert loudness(heard[0]) == 0
    pair.one.stop(pair.now)
    assert pair.one.report.rejected >= 29


def test_stun_and_its_like_on_the_same_port_are_no_attack() -> None:
    pair = secured_pair()
    others = (b"\0\1" + bytes(18), b"\x10\0ZRTP" + bytes(20), b"\x16\xfe\xfd" + bytes(20), b"")
    for data in others:
        pair.one.rtp.deliver(data, BO, 0.0)
        pair.one.rtcp.deliver(data, (BO[0], BO[1] + 1), 0.0)
    assert hears(pair, 1.2)
    assert pair.one.report.rejected == 0


def test_packets_that_came_before_the_answer_are_heard_from_its_start() -> None:
    early = LineEnd(BO, plan(ANNA, 2, 1), 2)
    pair = LinePair(LineEnd(ANNA, replace(plan(BO, 1, 2), send=False), 1), early)
    waiting = []
    for number in range(20):
        early.line.tick(np.full(PERIOD, 1000, "int16"), PERIOD, number / 100)
    waiting, early.rtp.sent[:] = list(early.rtp.sent), []
    for data, _ in waiting:
        pair.one.rtp.deliver(data, BO, 0.2)
    pair.now = 0.2
    pair.talk(0.1)
    pair.one.stop(pair.now)
    assert pair.one.report.rx >= 10
    assert pair.one.report.rejected == 0


def test_hold_and_resume_with_the_same_keys_go_on() -> None:
    pair = secured_pair()
    assert hears(pair)
    for end, there, mine, yours in ((pair.one, BO, 1, 2), (pair.two, ANNA, 2, 1)):
        end.update(replace(plan(there, mine, yours), send=False, receive=False))
    assert max(map(loudness, pair.talk(0.5))) == 0
    for end, there, mine, yours in ((pair.one, BO, 1, 2), (pair.two, ANNA, 2, 1)):
        end.update(plan(there, mine, yours))
    assert hears(pair)
    assert pair.one.report.rejected == pair.two.report.rejected == 0


def test_new_keys_in_the_middle_of_speech_lose_nothing() -> None:
    pair = secured_pair()
    assert hears(pair)
    pair.two.update(plan(ANNA, 4, 1))  # who answers sends by the new key at once ...
    late = pair.one.update
    pair.one.line.tick(np.zeros(0, "int16"), 0, pair.now)
    late(plan(BO, 1, 4))  # ... who offered knows it with the answer
    assert hears(pair)
    assert pair.one.report.rejected == 0
    assert pair.one.report.concealed == 0


def test_a_plain_call_may_become_secured_and_plain_again() -> None:
    pair = plain_pair()
    assert hears(pair)
    for keys in ((1, 2), (None, None), (3, 4)):
        pair.one.update(plan(BO, keys[0], keys[1]))
        pair.two.update(plan(ANNA, keys[1], keys[0]))
        assert hears(pair)


@pytest.mark.parametrize("secured", [False, True])
def test_another_source_with_our_number_makes_us_take_a_new_one_and_say_goodbye(secured: bool) -> None:
    pair = secured_pair() if secured else plain_pair()
    ends = [
        LineEnd(end.address, plan(there, *keys), number, first=b"same")
        for number, (end, there, keys) in enumerate(
            (
                (pair.one, BO, (1, 2) if secured else (None, None)),
                (pair.two, ANNA, (2, 1) if secured else (None, None)),
            )
        )
    ]
    pair = LinePair(*ends)
    assert hears(pair, 1.0)
    sources = {packet.ssrc for packet in packets(pair)}
    assert len(sources) == 2 or len(sources) == 3
    last = packets(pair)[-2:]
    assert last[0].ssrc != last[1].ssrc
    assert hears(pair, 1.0)
    assert {packet.ssrc for packet in packets(pair)} == sources, "once and for all"
    if not secured:
        goodbyes = [data for data in pair.seen if data[1] in (200, 201) and rtcp.Goodbye in map(type, rtcp.parse(data))]
        assert goodbyes


def test_our_own_packets_that_come_back_change_our_number_once_at_the_most() -> None:
    pair = plain_pair()
    assert hears(pair)
    before = {packet.ssrc for packet in packets(pair)}
    for _ in range(50):
        pair.one.line.tick(np.zeros(PERIOD, "int16"), PERIOD, pair.now)
        for data, _ in list(pair.one.rtp.sent):
            pair.one.rtp.deliver(data, BO, pair.now)
            pair.seen.append(data)
        pair.one.rtp.sent.clear()
        pair.now += 0.01
    assert len({packet.ssrc for packet in packets(pair)} - before) == 1


def test_who_only_listens_keeps_the_way_open_and_who_is_on_hold_is_quiet() -> None:
    pair = secured_pair()
    pair.one.update(replace(plan(BO, 1, 2), send=False))
    pair.talk(61.0)
    assert len([data for data in pair.seen if data == b""]) == 4
    assert pair.two.report.rejected == 0
    pair.one.update(replace(plan(BO, 1, 2), send=False, receive=False))
    pair.seen.clear()
    pair.talk(31.0)
    assert b"" not in pair.seen


def silences(end: LineEnd) -> list[msg.FromMedia]:
    return [message for message in end.said if isinstance(message, msg.StreamSilent)]


def test_silence_of_sound_and_reports_is_told_once() -> None:
    pair = plain_pair()
    pair.one.update(replace(plan(BO, None, None), silence_s=20.0))
    assert hears(pair)
    pair.two.line.stop_stream(1, pair.now)
    pair.two.rtp.sent.clear()
    pair.two.rtcp.sent.clear()
    pair.talk(19.0)
    assert silences(pair.one) == []
    pair.talk(4.0)
    (told,) = silences(pair.one)
    assert isinstance(told, msg.StreamSilent)
    assert (told.stream, round(told.seconds)) in ((1, 20), (1, 21))
    pair.talk(25.0)
    assert len(silences(pair.one)) == 1


def test_reports_alone_keep_a_call_up_and_so_does_hold() -> None:
    pair = plain_pair()
    pair.one.update(replace(plan(BO, None, None), silence_s=10.0))
    pair.two.update(replace(plan(ANNA, None, None), send=False))
    pair.talk(30.0)
    assert silences(pair.one) == []
    pair.one.update(replace(plan(BO, None, None), send=False, receive=False))
    pair.two.stop(pair.now)
    pair.talk(30.0)
    assert silences(pair.one) == []
    pair.one.update(replace(plan(BO, None, None), silence_s=10.0))
    pair.talk(9.0)
    assert silences(pair.one) == [], "what was silent on hold does not count"
    pair.talk(3.0)
    assert len(silences(pair.one)) == 1


def test_who_never_said_anything_is_missed_too_but_what_cannot_be_verified_is_nothing() -> None:
    one = LineEnd(ANNA, replace(plan(BO, 1, 2), silence_s=5.0), 1)
    pair = LinePair(one, LineEnd(BO, plan(ANNA, None, None), 2))
    pair.talk(7.0)
    assert len(silences(one)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_losses_and_packets_out_of_order_sound_the_same_secured_and_plain(seed: int) -> None:
    heard = []
    for pair in (plain_pair(), secured_pair()):
        pair.change = impaired(seed, 1)
        heard.append(pair.talk(4.0))
    for plain, secured in zip(*heard, strict=True):
        assert np.array_equal(plain, secured)
    assert pair.one.report.rejected == 0


def test_packets_that_come_twice_are_heard_once() -> None:
    pair = secured_pair()
    pair.change = impaired(7, 3)
    for ear in pair.talk(6.0):
        assert loudness(ear[-8000:]) > 3000
    assert pair.one.report.rejected > 10
