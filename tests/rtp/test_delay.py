"""The estimator of how late packets come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.rtp.delay import DelayEstimator


def fed(values: np.ndarray, memory: float = 1500) -> DelayEstimator:
    estimator = DelayEstimator(memory)
    for value in values:
        estimator.observe(float(value))
    return estimator


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_quantiles_are_right_to_two_milliseconds(share: float) -> None:
    values = 1e6 + np.random.default_rng(1).gamma(2.0, 8.0, 5000)
    estimator = fed(values)
    assert estimator.quantile(share) == pytest.approx(np.quantile(values[-3000:], share), abs=2.5)
    assert estimator.floor == pytest.approx(values[-400:].min(), abs=0.5)


def test_it_forgets() -> None:
    noise = np.random.default_rng(2)
    estimator = fed(np.concatenate([noise.exponential(60, 2000), noise.exponential(2, 8000)]))
    assert estimator.quantile(0.99) < 20


@pytest.mark.parametrize("ppm", [200, -200])
def test_drifting_clocks_take_the_quantile_along(ppm: float) -> None:
    drift = np.arange(30_000) * 20 * ppm * 1e-6
    values = drift + np.random.default_rng(3).gamma(2.0, 2.0, 30_000)
    assert fed(values).quantile(0.99) == pytest.approx(drift[-1] + np.quantile(values - drift, 0.99), abs=3)


def test_a_path_that_got_slower_is_believed_within_seconds_and_jitter_is_not_made_of_it() -> None:
    noise = np.random.default_rng(4)
    values = noise.exponential(1, 3000) + np.where(np.arange(3000) < 2000, 0, 80)
    assert fed(values[:2050]).quantile(0.98) > 80
    assert fed(values).quantile(0.99) == pytest.approx(84, abs=4)


def test_a_path_that_got_faster_is_believed_at_once() -> None:
    noise = np.random.default_rng(5)
    values = noise.exponential(1, 2100) + np.where(np.arange(2100) < 2000, 80, 0)
    assert fed(values).quantile(0.99) < 15


@given(st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=600), st.floats(0, 1))
def test_any_delays_give_a_quantile_between_floor_and_range(values: list[float], share: float) -> None:
    estimator = fed(np.array(values), 50)
    assert estimator.floor <= estimator.quantile(share) <= estimator.floor + 600


def test_weights_do_not_overflow_in_a_day() -> None:
    estimator = DelayEstimator(10)
    for index in range(5000):
        estimator.observe(float(index % 7))
    assert estimator.quantile(1.0) == 7
    estimator.reset()
    assert estimator.empty


@given(st.lists(st.floats(0, 80), min_size=1, max_size=200), st.sampled_from([0.98, 0.992]))
def test_asking_after_each_packet_never_hides_a_late_one(values: list[float], share: float) -> None:
    asked = DelayEstimator(1500)
    for value in values:
        asked.observe(value)
        asked.quantile(0.98)
        asked.quantile(0.992)
    assert asked.quantile(share) >= fed(np.array(values)).quantile(share)


def test_a_quantile_that_was_asked_for_falls_within_some_packets() -> None:
    estimator = fed(np.array([0.0, *[50.0] * 20]))
    assert estimator.quantile(0.5) == 51
    for _ in range(48):
        estimator.observe(0.0)
        estimator.quantile(0.5)
    assert estimator.quantile(0.5) == 1
