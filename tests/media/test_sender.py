"""The microphone cut into packets."""

import numpy as np

from offhook.dsp.codecs.g711 import PCMA, PCMU
from offhook.media.sender import Sender
from offhook.media.settings import StreamSettings
from offhook.rtp.packet import RtpPacket

PLAN = StreamSettings(("192.0.2.7", 4000), "PCMU", 0)


def make(plan: StreamSettings = PLAN) -> tuple[Sender, list[RtpPacket]]:
    packets: list[RtpPacket] = []
    return Sender(plan, lambda n: bytes(range(200, 200 + n)), packets.append), packets


def test_two_periods_make_a_packet_of_20_ms() -> None:
    sender, packets = make()
    mic = np.arange(-80, 80, dtype=np.int16) * 100
    sender.take(mic[:80])
    assert packets == []
    sender.take(mic[80:])
    assert len(packets) == 1
    assert packets[0].payload == PCMU.encode(mic).tobytes()
    assert packets[0].marker


def test_numbers_follow_each_other_and_only_the_first_packet_has_the_marker() -> None:
    sender, packets = make()
    sender.take(np.zeros(480, np.int16))
    first, second, third = packets
    assert (second.sequence - first.sequence) % 65536 == (third.sequence - second.sequence) % 65536 == 1
    assert (second.timestamp - first.timestamp) % (1 << 32) == 160
    assert [packet.marker for packet in packets] == [True, False, False]


def test_on_hold_nothing_is_sent_and_time_goes_on() -> None:
    sender, packets = make()
    sender.take(np.zeros(160, np.int16))
    sender.update(StreamSettings(PLAN.remote, "PCMU", 0, send=False))
    sender.take(np.zeros(1600, np.int16))
    sender.update(PLAN)
    sender.take(np.zeros(160, np.int16))
    assert len(packets) == 2
    assert (packets[1].timestamp - packets[0].timestamp) % (1 << 32) == 1760
    assert packets[1].marker


def test_another_packet_time_is_taken_up_within_a_call() -> None:
    sender, packets = make(StreamSettings(PLAN.remote, "PCMU", 0, ptime_ms=60))
    sender.take(np.zeros(400, np.int16))
    sender.update(StreamSettings(PLAN.remote, "PCMU", 0, ptime_ms=10))
    sender.take(np.zeros(80, np.int16))
    assert [len(packet.payload) for packet in packets] == [80]


def test_another_codec_begins_with_a_packet_of_its_own() -> None:
    sender, packets = make()
    sender.take(np.full(80, 1000, np.int16))
    sender.update(StreamSettings(PLAN.remote, "PCMA", 8))
    sender.take(np.full(160, 1000, np.int16))
    assert [(packet.payload_type, packet.payload) for packet in packets] == [
        (8, PCMA.encode(np.full(160, 1000, np.int16)).tobytes())
    ]
