"""Sequence numbers, loss and jitter as RFC 3550's appendix computes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.rtp.reception import Reception


def feed(reception: Reception, numbers: list[int]) -> None:
    for number in numbers:
        reception.packet(number & 0xFFFF, number * 160 & 0xFFFFFFFF, number * 0.02)


def test_a_gap_is_a_loss() -> None:
    reception = Reception(1)
    feed(reception, [10, 11, 14, 15])
    assert (reception.expected, reception.received, reception.lost) == (6, 4, 2)
    assert reception.block(1.0).fraction_lost == 2 * 256 // 6


def test_the_sequence_wraps_into_the_next_cycle() -> None:
    reception = Reception(1)
    feed(reception, list(range(65530, 65546)))
    assert reception.lost == 0
    assert reception.block(1.0).highest_sequence == 65545


def test_reordered_packets_are_not_lost_and_duplicates_count_against_loss() -> None:
    reception = Reception(1)
    feed(reception, [1, 3, 2, 4, 4])
    assert reception.lost == -1


def test_a_fraction_is_of_the_time_since_the_last_report() -> None:
    reception = Reception(1)
    feed(reception, [1, 2, 4])
    assert reception.block(1.0).fraction_lost == 64
    feed(reception, [5, 6, 7, 8])
    assert reception.block(2.0).fraction_lost == 0
    assert reception.block(2.0).lost == 1


def test_a_jump_is_believed_when_it_is_confirmed() -> None:
    reception = Reception(1)
    feed(reception, [1, 2, 3])
    assert not reception.packet(30000, 0, 1.0)
    assert reception.packet(4, 640, 1.02)
    assert reception.expected == 4
    assert not reception.packet(40000, 0, 1.04)
    assert reception.packet(40001, 160, 1.06)
    assert (reception.expected, reception.lost) == (1, 0)


def test_jitter_converges_to_the_mean_difference_of_transit() -> None:
    reception = Reception(1)
    for number in range(500):
        reception.packet(number, number * 160, number * 0.02 + (0.004 if number % 2 else 0.0))
    assert reception.jitter_ms == pytest.approx(4.0, rel=0.01)


def test_jitter_survives_the_wrap_of_the_timestamp() -> None:
    reception = Reception(1)
    for number in range(200):
        reception.packet(number, (0xFFFFFFFF - 8000 + number * 160) & 0xFFFFFFFF, number * 0.02)
    assert reception.jitter_ms < 0.1


def test_the_block_says_when_the_last_sender_report_came() -> None:
    reception = Reception(1)
    feed(reception, [1])
    assert reception.block(5.0).last_report == 0
    reception.sender_report(0x0123456789ABCDEF, 3.0)
    block = reception.block(5.0)
    assert block.last_report == 0x456789AB
    assert block.delay == 2 * 65536


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=200))
def test_any_sequence_numbers_give_a_block_that_can_be_sent(numbers: list[int]) -> None:
    reception = Reception(1)
    feed(reception, numbers)
    block = reception.block(9.0)
    assert 0 <= block.fraction_lost <= 255
    assert len(block.serialize()) == 24


def test_a_telephone_event_whose_timestamp_stands_still_is_not_jitter() -> None:
    reception = Reception(1)
    for number in range(200):
        event = 100 <= number < 120
        reception.packet(number, 16000 if event else number * 160, number * 0.02)
    assert reception.jitter == 0
    assert (reception.received, reception.lost) == (200, 0)
