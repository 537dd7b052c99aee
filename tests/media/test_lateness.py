"""Lateness of ticks against a beat that nobody tells."""

import pytest

from offhook.media.lateness import Lateness


def ticks(lateness: Lateness, begin: float, late: list[float]) -> None:
    for index, by in enumerate(late):
        lateness.note(begin + index * 0.01 + by)


def test_ticks_on_the_beat_are_not_late() -> None:
    lateness = Lateness(0.01)
    ticks(lateness, 5.0, [0.0] * 100)
    assert lateness.worst == pytest.approx(0.0, abs=1e-4)
    assert lateness.quantile(0.999) <= 20e-6


def test_one_late_tick_of_a_thousand_is_the_worst_and_no_more() -> None:
    lateness = Lateness(0.01)
    ticks(lateness, 5.0, [0.0] * 500 + [0.007] + [0.0] * 500)
    assert lateness.worst == pytest.approx(0.007, abs=1e-4)
    assert lateness.quantile(0.99) <= 20e-6
    assert lateness.quantile(1.0) == pytest.approx(0.007, abs=1e-4)


def test_the_beat_is_that_of_the_earliest_ticks() -> None:
    lateness = Lateness(0.01)
    ticks(lateness, 5.0, [0.003] + [0.0] * 100)
    assert lateness.quantile(0.98) <= 20e-6


def test_a_card_that_was_started_again_has_another_beat() -> None:
    lateness = Lateness(0.01)
    ticks(lateness, 5.0, [0.0] * 100)
    lateness.restart()
    ticks(lateness, 6.0, [0.006] * 100)
    assert lateness.worst < 1e-4


def test_what_is_later_than_the_histogram_reaches_counts_as_its_end() -> None:
    lateness = Lateness(0.01)
    ticks(lateness, 5.0, [0.0, 2.0])
    assert lateness.worst == pytest.approx(2.0, abs=1e-3)
    assert lateness.quantile(1.0) == pytest.approx(0.05)


def test_reset_forgets() -> None:
    lateness = Lateness(0.01)
    ticks(lateness, 5.0, [0.0, 0.004])
    lateness.reset()
    assert lateness.worst == 0.0
    assert lateness.quantile(0.999) == 0.0
