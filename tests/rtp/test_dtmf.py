"""Telephone events: sent so that lost packets do not matter, heard once whatever is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.rtp.dtmf import DIGITS, EventPacket, TelephoneEvent, TelephoneEventReceiver, TelephoneEventSender
from offhook.rtp.errors import RtpError

STEP = 160


def send(sender: TelephoneEventSender, count: int, start: int = 0) -> list[EventPacket | None]:
    return [sender.next((start + STEP * index) & 0xFFFFFFFF, STEP) for index in range(count)]


def strokes(keys: str, start: int = 1000) -> list[EventPacket]:
    """All packets of keys that are pressed for 100 ms each, 100 ms apart."""
    sender = TelephoneEventSender()
    packets: list[EventPacket | None] = []
    for key in keys:
        sender.press(key)
        packets += send(sender, 5, start + STEP * len(packets))
        sender.release(key)
        packets += send(sender, 5, start + STEP * len(packets))
    packets += send(sender, 50, start + STEP * len(packets))
    return [packet for packet in packets if packet is not None]


def test_a_key_is_a_marked_start_updates_and_three_ends() -> None:
    packets = strokes("5")
    events = [TelephoneEvent.parse(packet.payload) for packet in packets]
    assert [packet.marker for packet in packets] == [True] + [False] * 7
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 960, 960, 960]
    assert [event.end for event in events] == [False] * 5 + [True] * 3
    assert {packet.timestamp for packet in packets} == {1000}
    assert {(event.event, event.volume) for event in events} == {(5, 10)}


def test_a_short_tap_lasts_80_ms() -> None:
    sender = TelephoneEventSender()
    sender.press("1")
    sender.release("1")
    events = [TelephoneEvent.parse(p.payload) for p in send(sender, 10) if p]
    assert events[-1].duration == 640
    assert sum(event.end for event in events) == 3


def test_keys_faster_than_they_can_be_sent_are_queued_with_a_pause() -> None:
    sender = TelephoneEventSender()
    for key in "911":
        sender.press(key)
        sender.release(key)
    assert sender.busy
    packets = send(sender, 60)
    receiver = TelephoneEventReceiver()
    heard = [receiver.receive(p.payload, p.timestamp) for p in packets if p]
    assert "".join(filter(None, heard)) == "911"
    assert not sender.busy
    starts = [index for index, p in enumerate(packets) if p and p.marker]
    ends = [index for index, p in enumerate(packets) if p and TelephoneEvent.parse(p.payload).end]
    assert starts[1] - ends[2] >= 3


def test_a_key_held_long_goes_on_in_segments_and_is_heard_once() -> None:
    sender = TelephoneEventSender()
    sender.press("8")
    packets = [p for p in send(sender, 1500, 0xFFFFF000) if p]  # 30 s
    sender.release("8")
    packets += [p for p in send(sender, 10, (0xFFFFF000 + 1500 * STEP) & 0xFFFFFFFF) if p]
    assert len({p.timestamp for p in packets}) == 4
    assert sum(p.marker for p in packets) == 1
    receiver = TelephoneEventReceiver()
    assert [d for p in packets if (d := receiver.receive(p.payload, p.timestamp))] == ["8"]


def test_sound_goes_out_while_no_key_is_down() -> None:
    assert send(TelephoneEventSender(), 20) == [None] * 20


@given(st.text(alphabet=DIGITS, min_size=1, max_size=12), st.integers(0, 0xFFFFFFFF), st.data())
def test_every_stroke_is_heard_once_if_one_packet_of_it_arrives(keys: str, start: int, draw: st.DataObject) -> None:
    by_stroke: dict[int, list[EventPacket]] = {}
    for packet in strokes(keys, start):
        by_stroke.setdefault(packet.timestamp, []).append(packet)
    assert len(by_stroke) == len(keys)
    receiver = TelephoneEventReceiver()
    heard = []
    for packets in by_stroke.values():
        chosen = draw.draw(st.lists(st.sampled_from(packets), min_size=1, max_size=10))  # lost, doubled, reordered
        heard += [digit for p in chosen if (digit := receiver.receive(p.payload, p.timestamp))]
    assert "".join(heard) == keys


def test_a_straggler_of_an_earlier_key_is_not_a_new_key() -> None:
    first, second = strokes("1"), strokes("2", 5000)
    receiver = TelephoneEventReceiver()
    assert receiver.receive(first[0].payload, first[0].timestamp) == "1"
    assert receiver.receive(second[0].payload, second[0].timestamp) == "2"
    assert receiver.receive(first[-1].payload, first[-1].timestamp) is None


def test_events_that_are_not_digits_are_nobodys_key() -> None:
    flash = TelephoneEvent(16, False, 10, 160).serialize()
    assert TelephoneEventReceiver().receive(flash, 0) is None


@given(st.binary(max_size=12), st.integers(0, 0xFFFFFFFF))
def test_any_payload_is_an_event_or_an_rtp_error(payload: bytes, timestamp: int) -> None:
    receiver = TelephoneEventReceiver()
    for stamp in (timestamp, 0):
        try:
            digit = receiver.receive(payload, stamp)
        except RtpError:
            assert len(payload) < 4
            continue
        assert digit is None or digit in DIGITS


def test_what_is_not_a_digit_cannot_be_pressed() -> None:
    for digit in ("", "x", "12", "E"):
        with pytest.raises(RtpError, match="not a DTMF digit"):
            TelephoneEventSender().press(digit)
