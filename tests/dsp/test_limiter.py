"""The ear's limiter: a ceiling that holds, and no pumping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.dsp.level import FULL_SCALE, gain
from offhook.dsp.limiter import Limiter


def sine(peak: float, count: int, hz: float = 440.0) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hz * np.arange(count) / 8000)).astype(np.float32)


def run(limiter: Limiter, samples: np.ndarray, period: int = 80) -> np.ndarray:
    return np.concatenate([limiter.process(samples[i : i + period]) for i in range(0, len(samples), period)])


@given(
    st.floats(-30, 0), st.lists(st.integers(-32768, 32767), min_size=1, max_size=400), st.sampled_from([1, 10, 80, 480])
)
def test_no_sample_is_ever_above_the_ceiling(ceiling: float, values: list[int], period: int) -> None:
    out = run(Limiter(ceiling, 8000), np.array(values, np.int16), period)
    assert len(out) == len(values)
    assert np.abs(out.astype(int)).max() <= FULL_SCALE * gain(ceiling)


def test_what_is_soft_enough_passes_bit_by_bit() -> None:
    samples = sine(10000, 8000).astype(np.int16)
    assert (run(Limiter(-6, 8000), samples) == samples).all()


def test_a_float_mix_above_16_bits_is_brought_down_without_clipping() -> None:
    out = run(Limiter(-3, 8000), sine(90000, 16000))[8000:].astype(float)
    assert np.abs(out).max() == pytest.approx(FULL_SCALE * gain(-3), rel=0.02)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(8000)))
    distortion = np.sqrt((np.delete(spectrum, range(430, 451)) ** 2).sum()) / spectrum.max()
    assert distortion < 0.02


def test_the_gain_comes_back_slowly_after_a_loud_moment() -> None:
    limiter = Limiter(-12, 8000)
    run(limiter, sine(32000, 800))
    after = np.abs(run(limiter, sine(4000, 16000)).astype(float))
    early, late = after[:400].max(), after[-400:].max()
    assert early < 0.6 * late
    assert late > 3950
    assert early > 500


def test_a_loud_burst_is_held_from_its_first_sample() -> None:
    limiter = Limiter(-12, 8000)
    burst = np.concatenate([np.zeros(45, np.float32), np.full(35, 32000, np.float32), np.full(80, -32000, np.float32)])
    assert np.abs(run(limiter, burst).astype(int)).max() <= FULL_SCALE * gain(-12)


def test_an_empty_period_is_empty() -> None:
    assert len(run(Limiter(-6, 8000), np.zeros(80, np.int16))) == 80


@pytest.mark.parametrize("ceiling", [0.0, -3.0, -20.0])
def test_every_level_about_the_ceiling_is_passed_or_held_exactly(ceiling: float) -> None:
    edge = int(Limiter(ceiling, 8000).ceiling)
    levels = {sign * (edge + step) for sign in (1, -1) for step in range(-300, 300)} | {-32768, 32767, 0, -1}
    for level in levels & set(range(-32768, 32768)):
        limiter = Limiter(ceiling, 8000)
        heard = limiter.process(np.full(80, level, np.int16)).astype(int)
        if abs(level) <= limiter.ceiling:
            assert (heard == level).all()
        else:
            assert np.abs(heard).max() <= limiter.ceiling
