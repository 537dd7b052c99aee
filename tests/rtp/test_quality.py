"""The E-model's known values."""

import pytest

from offhook.rtp.quality import mos, rating


@pytest.mark.parametrize(
    ("delay", "loss", "expected"),
    [(50, 0, 92), (50, 3, 82), (50, 5, 76), (50, 10, 65), (150, 3, 79), (300, 0, 73), (300, 5, 57)],
)
def test_g711_with_concealment(delay: float, loss: float, expected: int) -> None:
    assert rating(delay, loss) == pytest.approx(expected, abs=1)


def test_g711_without_concealment() -> None:
    assert rating(50, 3, robustness=4.3) == pytest.approx(53, abs=1)


@pytest.mark.parametrize(("given", "expected"), [(92, 4.38), (82, 4.09), (65, 3.35), (0, 1.0), (-5, 1.0)])
def test_opinion_scores(given: float, expected: float) -> None:
    assert mos(given) == pytest.approx(expected, abs=0.03)


def test_bursts_are_worse_and_nothing_leaves_the_scale() -> None:
    assert rating(50, 5, burst_ratio=2.0) < rating(50, 5)
    assert rating(5000, 100, 50.0) == 0.0
    assert rating(-5, -5) <= 93.2
