import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.power.predictor import RuntimePredictor
from offhook.power.reading import PowerReading
from offhook.power.settings import PowerSettings


def discharge(predictor: RuntimePredictor, start: float, hours: float, seconds: int, step: float = 1.0) -> float:
    """Discharge evenly, a full battery lasting ``hours``, with a gauge that tells multiples of ``step`` percent."""
    per_second = 100.0 / (hours * 3600.0)
    now = 0.0
    for second in range(0, seconds, 2):
        now = float(second)
        exact = start - per_second * now
        predictor.observe(PowerReading(ac=False, percent=round(exact / step) * step), now)
    return now


def test_nothing_known_is_nothing_promised() -> None:
    predictor = RuntimePredictor(PowerSettings())
    assert predictor.runtime(0.0) is None
    predictor.observe(PowerReading(ac=False, percent=80.0), 0.0)
    assert predictor.runtime(60.0) is None


def test_what_the_settings_say_holds_until_a_slope_is_seen() -> None:
    predictor = RuntimePredictor(PowerSettings(full_runtime=36_000.0))
    predictor.observe(PowerReading(ac=False, percent=50.0), 0.0)
    assert predictor.runtime(0.0) == pytest.approx(18_000.0 / 1.15)


def test_the_current_tells_against_the_known_capacity() -> None:
    predictor = RuntimePredictor(PowerSettings(capacity_mah=2000.0))
    for second in range(0, 60, 2):
        predictor.observe(PowerReading(ac=False, percent=50.0, amps=-0.25), float(second))
    assert predictor.runtime(58.0) == pytest.approx(4 * 3600.0 / 1.15 - 58.0)


@pytest.mark.parametrize("hours", [1.0, 4.0, 8.0, 24.0])
@pytest.mark.parametrize("step", [0.01, 1.0])
def test_an_even_discharge_is_predicted_within_a_quarter_and_never_too_high(hours: float, step: float) -> None:
    predictor = RuntimePredictor(PowerSettings())
    now = discharge(predictor, 90.0, hours, int(hours * 3600 * 0.2), step)
    left = hours * 3600.0 * 0.9 - now
    predicted = predictor.runtime(now)
    assert predicted is not None
    assert 0.75 * left <= predicted <= left * 1.01


def test_after_an_outage_the_next_one_starts_afresh() -> None:
    predictor = RuntimePredictor(PowerSettings())
    now = discharge(predictor, 90.0, 2.0, 1800)
    assert predictor.runtime(now) is not None
    predictor.reset()
    assert predictor.runtime(now) is None


SAMPLES = st.tuples(st.floats(0.1, 900.0), st.none() | st.floats(0.0, 100.0), st.none() | st.floats(-5.0, 5.0))


@given(st.lists(SAMPLES, max_size=60))
def test_no_reading_makes_the_prediction_negative_or_not_finite(
    samples: list[tuple[float, float | None, float | None]],
) -> None:
    predictor = RuntimePredictor(PowerSettings(capacity_mah=1000.0, full_runtime=10_000.0))
    now = 0.0
    for gap, percent, amps in samples:
        now += gap
        predictor.observe(PowerReading(ac=False, percent=percent, amps=amps), now)
        runtime = predictor.runtime(now)
        assert runtime is None or 0.0 <= runtime < float("inf")
