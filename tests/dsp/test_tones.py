"""Tones: notation, cadence to the sample, no clicks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.dsp.errors import ToneError
from offhook.dsp.level import amplitude, dbm0
from offhook.dsp.tones import ToneGenerator
from offhook.dsp.tonespec import Element, Tone, parse

RATES = (8000, 16000, 48000)


def play(notation: str, seconds: float, rate: int = 8000, period: int = 80, **options: float) -> np.ndarray:
    generator = ToneGenerator(Tone(parse(notation), **options), rate)
    count = int(seconds * rate)
    return np.concatenate([generator.read(min(period, count - at)) for at in range(0, count, period)])


def on_and_off(samples: np.ndarray, rate: int) -> list[tuple[bool, float]]:
    """Runs of sound and silence in ms, from the envelope at half its height."""
    window = rate // 200  # 5 ms, at least one period of any tone used here
    padded = np.concatenate([np.zeros(window // 2), np.abs(samples.astype(float)), np.zeros(window // 2)])
    envelope = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)[: len(samples)]
    loud = envelope > envelope.max() / 2
    return [(on, 1000 * len(list(run)) / rate) for on, run in itertools.groupby(loud.tolist())]


def test_the_notation_is_read() -> None:
    assert parse("425") == (Element((425,)),)
    assert parse("350+440:500 -:250") == (Element((350, 440), ms=500), Element((), ms=250))
    assert parse("400*25") == (Element((400,), 25),)
    assert parse("2(425:100 -:50) 425") == (
        *(Element((425,), ms=100, once=True), Element((), ms=50, once=True)) * 2,
        Element((425,)),
    )
    assert parse("!950:330 !1400:330") == (Element((950,), ms=330, once=True), Element((1400,), ms=330, once=True))


@pytest.mark.parametrize(
    "text",
    ["", "loud", "425/500", "425:", "5:100", "4000:100", "425 -:500", "3(425:100", "425:0", "425:999999", "+425"],
)
def test_a_faulty_notation_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ToneError, match=r"425:500|20 to 3900 Hz|give the others one|10 minutes"):
        parse(text)


@given(st.text(alphabet="0123456789+*:-!() ", max_size=40))
def test_any_text_is_a_tone_or_a_tone_error(text: str) -> None:
    try:
        elements = parse(text)
    except ToneError:
        return
    ToneGenerator(Tone(elements), 8000).read(400)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("period", [80, 128, 441, 960])
def test_a_cadence_keeps_its_times_for_minutes(rate: int, period: int) -> None:
    samples = play("425:500 -:250", 30, rate, period)
    runs = on_and_off(samples, rate)
    rise = runs.pop(0)[1]  # the envelope needs some tenths of a millisecond to get to its half
    assert rise < 3
    assert len(runs) == 80
    for on, ms in runs:
        assert ms == pytest.approx(500 if on else 250, abs=6)
    # No drift: the last burst ends where arithmetic says.
    assert rise + sum(ms for _, ms in runs[:-1]) == pytest.approx(39 * 750 + 500, abs=6)


def test_the_same_samples_come_whatever_the_period() -> None:
    whole = play("3(350+440:100 -:100) 350+440:330 480+620:330 -:40", 3, 48000, 144000)
    for period in (7, 480, 960, 5000):
        assert (play("3(350+440:100 -:100) 350+440:330 480+620:330 -:40", 3, 48000, period) == whole).all()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("notation", ["425:200 -:200", "950:330 1400:330 1800:330 -:1000", "350+440:750 440:750"])
def test_no_edge_clicks(notation: str, rate: int) -> None:
    samples = play(notation, 5, rate, dbm0=-12.0).astype(float)
    # A click is energy where the tone has none: 2500 to 3900 Hz in windows of 20 ms, relative to the tone.
    size = rate // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size) * np.hanning(size)
    spectrum = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    high = spectrum[:, 2500 * size // rate : 3900 * size // rate].sum(axis=1)
    assert 10 * np.log10(high.max() / spectrum.sum(axis=1).max()) < -50


@pytest.mark.parametrize("rate", RATES)
def test_the_loop_of_a_continuous_tone_has_no_seam(rate: int) -> None:
    samples = play("413+438", 3, rate).astype(float)[rate // 100 :]
    t = np.arange(len(samples)) / rate
    # All energy is in the two lines: the residue of a least-squares fit is quantisation noise.
    basis = np.stack([f(2 * np.pi * hz * t) for hz in (413, 438) for f in (np.sin, np.cos)], axis=1)
    residue = samples - basis @ np.linalg.lstsq(basis, samples, rcond=None)[0]
    assert np.abs(residue).max() < 1.5


def test_each_frequency_of_a_sum_has_the_level_asked_for() -> None:
    samples = play("350+440", 2, dbm0=-13.0).astype(float)[8000:]
    t = np.arange(8000) / 8000
    for frequency in (350, 440):
        line = abs(samples @ np.exp(-2j * np.pi * frequency * t)) / 4000
        assert line == pytest.approx(amplitude(-13.0), rel=0.01)


def test_modulation_makes_two_sidebands_and_keeps_the_power() -> None:
    samples = play("400*25", 2, dbm0=-13.0)[8000:]
    t = np.arange(8000) / 8000
    lines = {f: abs(samples @ np.exp(-2j * np.pi * f * t)) / 4000 for f in (350, 375, 400, 425, 450)}
    assert lines[375] == pytest.approx(lines[400] * 0.45, rel=0.02)
    assert lines[425] == pytest.approx(lines[400] * 0.45, rel=0.02)
    assert lines[350] < lines[400] / 1000
    assert dbm0(samples) == pytest.approx(-13.0, abs=0.1)


def test_once_elements_play_once_and_then_the_loop_goes_on() -> None:
    runs = on_and_off(play("3(425:100 -:100) 425:400 -:100", 2), 8000)
    assert [round(ms, -1) for on, ms in runs if on] == [100, 100, 100, 400, 400, 400][: len(runs) // 2 + 1]


def test_a_tone_of_once_elements_ends() -> None:
    generator = ToneGenerator(Tone(parse("!950:100 !1400:100")), 8000)
    assert np.abs(generator.read(1600)).max() > 1000
    generator.read(80)
    assert generator.done
    assert not generator.read(800).any()


def test_stopping_dies_away_within_5_ms() -> None:
    generator = ToneGenerator(Tone(parse("425"), dbm0=-10.0), 48000)
    before = generator.read(4801)
    generator.stop()
    assert not generator.done
    after = generator.read(480)
    assert generator.done
    joined = np.concatenate([before, after]).astype(float)
    assert np.abs(np.diff(joined)).max() < 1.05 * 2 * np.pi * 425 / 48000 * amplitude(-10.0)
    assert after[:240].any()
    assert not after[240:].any()


def test_stopping_twice_or_in_a_pause_is_harmless() -> None:
    generator = ToneGenerator(Tone(parse("425:100 -:900")), 8000)
    generator.read(2000)
    generator.stop()
    generator.stop()
    assert generator.done
    assert not generator.read(80).any()


def test_a_rising_tone_begins_soft_and_ends_at_its_level() -> None:
    samples = play("425", 6, dbm0=-10.0, rise_db=20.0, rise_s=4.0)
    levels = [dbm0(samples[8000 * s + 4000 : 8000 * (s + 1)]) for s in range(6)]
    assert levels[0] == pytest.approx(-26.25, abs=0.3)
    assert all(later >= earlier - 0.01 for earlier, later in itertools.pairwise(levels))
    assert levels[5] == pytest.approx(-10, abs=0.1)


def test_nothing_clips() -> None:
    assert np.abs(play("1400+2060+2450+2600", 2, dbm0=0.0).astype(int)).max() <= 32767
