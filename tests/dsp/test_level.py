"""Levels against their definitions."""

import numpy as np
import pytest

from offhook.dsp import level


def sine(dbm0: float) -> np.ndarray:
    t = np.arange(8000) / 8000
    return np.rint(level.amplitude(dbm0) * np.sin(2 * np.pi * 1000.5 * t)).astype(np.int16)


@pytest.mark.parametrize("dbm0", [3.0, 0.0, -13.0, -40.0])
def test_a_sine_measures_at_its_own_level(dbm0: float) -> None:
    assert level.dbm0(sine(dbm0)) == pytest.approx(dbm0, abs=0.05)


def test_a_full_scale_sine_is_0_dbfs_and_314_dbm0() -> None:
    assert level.dbfs(sine(level.OVERLOAD_DBM0)) == pytest.approx(0, abs=0.01)


def test_silence_is_the_floor() -> None:
    assert level.dbfs(np.zeros(80, np.int16)) == level.SILENCE_DBFS
    assert level.dbfs(np.zeros(0, np.int16)) == level.SILENCE_DBFS


def test_the_meter_rises_at_once_and_falls_slowly() -> None:
    meter = level.Meter(fall_db=1.0)
    assert meter.feed(sine(0)) == pytest.approx(-3.14, abs=0.1)
    readings = [meter.feed(np.zeros(80, np.int16)) for _ in range(3)]
    assert np.diff(readings) == pytest.approx([-1, -1])
