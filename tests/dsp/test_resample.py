"""Resampling: level, images, aliases, delay, and no sample withheld."""

import numpy as np
import pytest

from offhook.dsp.resample import Downsampler, Upsampler


def sine(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.rint(10000 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def up(samples: np.ndarray, factor: int, period: int = 80) -> np.ndarray:
    resampler = Upsampler(factor)
    return np.concatenate([resampler.process(samples[i : i + period]) for i in range(0, len(samples), period)])


def down(samples: np.ndarray, factor: int, period: int = 480) -> np.ndarray:
    resampler = Downsampler(factor)
    return np.concatenate([resampler.process(samples[i : i + period]) for i in range(0, len(samples), period)])


def decibels(samples: np.ndarray) -> float:
    return 20 * float(np.log10(max(float(np.std(samples[len(samples) // 4 :])), 1e-3) * 2**0.5 / 10000))


@pytest.mark.parametrize("factor", [2, 6])
@pytest.mark.parametrize("hz", [200, 1000, 3000, 3400])
def test_speech_keeps_its_level_within_1_db_both_ways(hz: int, factor: int) -> None:
    wide = up(sine(hz, 8000), factor)
    assert decibels(wide) == pytest.approx(0, abs=1)
    narrow = down(sine(hz, 8000 * factor), factor, 80 * factor)
    assert decibels(narrow) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("hz", [4600, 5000, 7000, 9000, 12000, 20000])
def test_what_8_khz_cannot_carry_is_40_db_down(hz: int) -> None:
    assert decibels(down(sine(hz, 48000), 6)) < -40


@pytest.mark.parametrize("hz", [300, 1000, 3400])
def test_images_are_40_db_down(hz: int) -> None:
    wide = up(sine(hz, 8000, 1.5), 6)[12000:60000]
    spectrum = np.abs(np.fft.rfft(wide * np.hanning(48000)))
    assert spectrum[4100:].max() < spectrum[hz] / 100


@pytest.mark.parametrize(("count", "period"), [(800, 80), (800, 7), (800, 1), (960, 160)])
def test_nothing_is_withheld_and_periods_leave_no_trace(count: int, period: int) -> None:
    samples = sine(440, 8000)[:count]
    assert len(up(samples, 6, period)) == 6 * count
    assert (np.abs(up(samples, 6, period).astype(int) - up(samples, 6, count)) <= 1).all()
    wide = sine(440, 48000)[: 6 * count]
    assert (np.abs(down(wide, 6, 6 * period).astype(int) - down(wide, 6, 6 * count)) <= 1).all()


def test_each_way_takes_one_millisecond() -> None:
    click = np.zeros(160, np.int16)
    click[40] = 20000
    assert int(np.argmax(up(click, 6))) / 48 - 5 == pytest.approx(1.0, abs=0.05)
    wide = np.zeros(960, np.int16)
    wide[240:246] = 20000
    assert int(np.argmax(down(wide, 6))) / 8 - 5 == pytest.approx(1.0, abs=0.13)


def test_overshoot_of_the_filter_is_clipped_not_wrapped() -> None:
    square = np.where(np.arange(800) // 20 % 2, 32767, -32768).astype(np.int16)
    wide = up(square, 6).astype(int)
    assert wide.max() == 32767
    assert wide.min() == -32768
    assert np.abs(np.diff(wide)).max() < 30000


def test_periods_may_change_their_length() -> None:
    resampler = Upsampler(6)
    samples = sine(300, 8000)[:800]
    parts = np.split(samples, [80, 240, 245, 700])
    assert (np.concatenate([resampler.process(part) for part in parts]) == up(samples, 6)).mean() > 0.99
