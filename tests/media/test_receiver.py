"""Whose packets are heard."""

import numpy as np
import pytest

from offhook.dsp.codecs.g711 import PCMA, PCMU
from offhook.media.receiver import Receiver
from offhook.media.settings import StreamSettings
from offhook.rtp.packet import RtpPacket

REMOTE = ("192.0.2.7", 4000)
NAT = ("198.51.100.1", 61000)
STRANGER = ("203.0.113.9", 5)
PLAN = StreamSettings(REMOTE, "PCMU", 0, receive_payload_types={0: "PCMU", 8: "PCMA"})
LOUD = (10000 * np.sin(np.arange(160) * 0.8)).astype(np.int16)


def talk(receiver: Receiver, count: int, payload_type: int = 0) -> float:
    """Give packets in time, and return the RMS of what is heard of them."""
    heard = []
    law = PCMA if payload_type == 8 else PCMU
    for number in range(count):
        now = number * 0.02
        receiver.take(RtpPacket(payload_type, number, number * 160, 1, law.encode(LOUD).tobytes()), now)
        for half in (0.001, 0.011):
            samples = receiver.read(80, now + half)
            assert samples is not None
            heard.append(samples)
    return float(np.sqrt(np.mean(np.concatenate(heard).astype(float) ** 2)))


def packet(sequence: int, ssrc: int = 1, payload_type: int = 0) -> RtpPacket:
    return RtpPacket(payload_type, sequence, sequence * 160, ssrc, bytes(160))


def test_the_source_of_the_offer_is_heard_and_a_stranger_beside_it_is_not() -> None:
    receiver = Receiver(PLAN)
    assert receiver.admit(packet(1), REMOTE, 0.0)
    assert not any(receiver.admit(packet(number, 9), STRANGER, number * 0.02) for number in range(90))
    assert receiver.source == REMOTE


def test_a_source_behind_an_address_translator_is_learnt_while_the_agreed_address_is_silent() -> None:
    receiver = Receiver(PLAN)
    heard = [receiver.admit(packet(65530 + number & 0xFFFF), NAT, number * 0.02) for number in range(17)]
    assert heard == [False] * 15 + [True] * 2
    assert receiver.source == NAT


def test_a_source_is_learnt_in_spite_of_losses() -> None:
    receiver = Receiver(PLAN)
    assert [receiver.admit(packet(number), NAT, number * 0.02) for number in (0, 3, 9, 14, 16)] == [False] * 4 + [True]


@pytest.mark.parametrize("place", [(REMOTE[0], 9), ("198.51.100.7", 5)], ids=["same host", "account's server"])
def test_two_packets_in_sequence_from_an_expected_host_are_enough(place: tuple[str, int]) -> None:
    receiver = Receiver(StreamSettings(REMOTE, "PCMU", 0, relays=("198.51.100.7",)))
    assert not receiver.admit(packet(65535), place, 0.0)
    assert receiver.admit(packet(0), place, 0.02)
    assert receiver.source == place


def test_a_stranger_who_comes_before_the_agreed_address_is_not_heard() -> None:
    receiver = Receiver(PLAN)
    assert not any(receiver.admit(packet(number, 9), STRANGER, number * 0.02) for number in range(15))
    assert receiver.admit(packet(70), REMOTE, 0.29)
    assert not any(receiver.admit(packet(number, 9), STRANGER, number * 0.02) for number in range(15, 90))


def test_single_packets_of_strangers_settle_nothing() -> None:
    receiver = Receiver(PLAN)
    for number in range(50):
        assert not receiver.admit(packet(number * 7, number), (f"203.0.113.{number}", 5), 0.0)
        assert not receiver.admit(packet(number, 9, payload_type=18), STRANGER, 0.0)
    assert receiver.source is None


def test_the_agreed_address_takes_its_place_whoever_came_before() -> None:
    receiver = Receiver(PLAN)
    assert [receiver.admit(packet(number, 9), STRANGER, 0.3 * number) for number in range(2)] == [False, True]
    assert receiver.admit(packet(70), REMOTE, 0.35)
    assert receiver.source == REMOTE
    assert not receiver.admit(packet(2, 9), STRANGER, 0.36)


def test_without_symmetric_rtp_only_the_agreed_address_counts() -> None:
    receiver = Receiver(StreamSettings(REMOTE, "PCMU", 0, symmetric=False))
    assert not any(receiver.admit(packet(number), NAT, 0.0) for number in range(5))
    assert receiver.admit(packet(5), REMOTE, 0.0)


def test_a_source_that_moved_is_followed_after_two_seconds_of_silence() -> None:
    receiver = Receiver(PLAN)
    assert receiver.admit(packet(1), REMOTE, 0.0)
    assert not receiver.admit(packet(2), NAT, 1.9)
    assert receiver.admit(packet(3), NAT, 2.1)
    assert not receiver.admit(packet(4, ssrc=5), (NAT[0], 7), 4.0)
    assert receiver.admit(packet(5, ssrc=5), (NAT[0], 7), 4.2)


def test_a_stranger_cannot_take_over_a_call_in_which_the_other_side_is_silent() -> None:
    receiver = Receiver(PLAN)
    assert receiver.admit(packet(1), REMOTE, 0.0)
    assert not any(receiver.admit(packet(number, 9), STRANGER, 1.0 * number) for number in range(1, 900))
    assert receiver.source == REMOTE


def test_a_new_remote_address_is_looked_for_afresh() -> None:
    receiver = Receiver(PLAN)
    assert receiver.admit(packet(1), REMOTE, 0.0)
    receiver.update(StreamSettings(NAT, "PCMU", 0))
    assert receiver.source is None
    assert receiver.admit(packet(1, 2), NAT, 0.1)


def test_each_agreed_payload_type_is_decoded_by_its_own_law() -> None:
    assert 5000 < talk(Receiver(PLAN), 20) < 8000
    assert 5000 < talk(Receiver(PLAN), 20, payload_type=8) < 8000


def test_a_payload_type_that_was_not_agreed_on_is_not_heard() -> None:
    assert talk(Receiver(PLAN), 10, payload_type=18) == 0


def test_on_hold_nothing_is_heard() -> None:
    receiver = Receiver(StreamSettings(REMOTE, "PCMU", 0, receive=False))
    assert receiver.read(80, 0.0) is None
