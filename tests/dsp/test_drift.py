"""A pitch period out, a pitch period in, unheard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.dsp import drift


def voice(count: int, pitch: int, peak: float = 8000) -> np.ndarray:
    t = np.arange(count)
    wave = sum(np.sin(2 * np.pi * k * t / pitch + k * k) / k for k in range(1, 8))
    return np.rint(peak * wave / np.abs(wave).max()).astype(np.int16)


@pytest.mark.parametrize("pitch", [30, 47, 64, 100, 119])
def test_a_vowel_loses_whole_periods_and_stays_the_same_vowel(pitch: int) -> None:
    samples = voice(400, pitch)
    shorter, removed = drift.shorten(samples, 120)
    assert removed
    assert removed % pitch in (0, 1, pitch - 1)
    assert len(shorter) == 400 - removed
    assert np.abs(shorter.astype(int) - samples[: len(shorter)]).max() < 1500


@pytest.mark.parametrize("pitch", [30, 47, 64, 79])
def test_a_vowel_gains_whole_periods_and_stays_the_same_vowel(pitch: int) -> None:
    samples = voice(600, pitch)
    past, coming = samples[:200], samples[200:280]
    longer, added = drift.lengthen(past, coming, 80)
    assert added
    assert added % pitch in (0, 1, pitch - 1)
    assert len(longer) == 80 + added
    joined = np.concatenate([past, longer]).astype(int)
    assert np.abs(joined - samples[: len(joined)]).max() < 1500
    assert (longer[added + 40 :] == coming[40:]).all()


def test_noise_is_left_alone_unless_it_is_soft() -> None:
    noise = np.random.default_rng(1)
    loud = noise.normal(0, 3000, 400).astype(np.int16)
    assert drift.shorten(loud, 120) == (pytest.approx(loud), 0)
    assert drift.lengthen(loud[:200], loud[200:], 120)[1] == 0
    soft = noise.normal(0, 20, 400).astype(np.int16)
    assert drift.shorten(soft, 120)[1] == 120
    assert drift.lengthen(soft[:200], soft[200:], 80)[1] > 0


@given(st.integers(0, 300), st.integers(0, 200), st.integers(0, 2**32 - 1), st.floats(0, 20000))
def test_no_more_is_removed_than_allowed(count: int, most: int, seed: int, loudness: float) -> None:
    samples = np.clip(np.random.default_rng(seed).normal(0, loudness, count), -32768, 32767).astype(np.int16)
    shorter, removed = drift.shorten(samples, most)
    assert removed == 0 or drift.SHORTEST <= removed <= min(most, drift.LONGEST)
    assert len(shorter) == count - removed


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.integers(0, 2**32 - 1), st.floats(0, 20000))
def test_no_more_is_added_than_allowed(before: int, count: int, most: int, seed: int, loudness: float) -> None:
    samples = np.clip(np.random.default_rng(seed).normal(0, loudness, before + count), -32768, 32767).astype(np.int16)
    longer, added = drift.lengthen(samples[:before], samples[before:], most)
    assert added == 0 or drift.SHORTEST <= added <= min(most, drift.LONGEST)
    assert len(longer) == count + added
    assert (longer[-min(count, 20) :] == samples[before:][-min(count, 20) :]).all() or count < 60


def test_a_join_does_not_click() -> None:
    for pitch in (25, 40, 64, 90, 115):
        samples = voice(2000, pitch)
        steepest = np.abs(np.diff(samples.astype(int))).max()
        shorter, _ = drift.shorten(samples[400:700], 120)
        assert np.abs(np.diff(np.concatenate([samples[:400], shorter]).astype(int))).max() <= 1.2 * steepest
        longer, _ = drift.lengthen(samples[200:400], samples[400:480], 80)
        assert np.abs(np.diff(np.concatenate([samples[200:400], longer]).astype(int))).max() <= 1.2 * steepest
