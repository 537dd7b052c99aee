"""The 77 national plans: all of them build, play, and tell the caller apart what he must be told apart."""

import itertools

import numpy as np
import pytest

from offhook.dsp.errors import ToneError
from offhook.dsp.level import dbfs
from offhook.dsp.region_table import ROWS, SHARED, SOURCES
from offhook.dsp.regions import TONE_NAMES, countries, plan
from offhook.dsp.tones import ToneGenerator
from offhook.dsp.tonespec import Tone


def play(tone: Tone, seconds: float, rate: int = 8000) -> np.ndarray:
    generator = ToneGenerator(tone, rate)
    return np.concatenate([generator.read(rate // 100) for _ in range(int(seconds * 100))])


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Share of 50 ms frames in which two tones sound alike: both silent, or the same strongest frequency."""
    sound = []
    for samples in (first, second):
        frames = samples[: len(samples) // 400 * 400].reshape(-1, 400)
        spectrum = np.abs(np.fft.rfft(frames * np.hanning(400), 800, axis=1))
        loud = np.array([dbfs(frame) for frame in frames]) > -40
        sound.append(np.where(loud, spectrum.argmax(axis=1) * 10, 0))
    return float(np.mean(np.abs(sound[0] - sound[1]) <= 20))


def test_there_are_77_plans() -> None:
    assert len(countries()) == 77
    assert all(len(code) == 2 and code.isupper() for code in countries())


@pytest.mark.parametrize("country", countries())
def test_every_tone_of_a_plan_plays_without_clipping(country: str) -> None:
    tones = plan(country).tones
    assert set(tones) == set(TONE_NAMES)
    for name, tone in tones.items():
        for rate in (8000, 48000):
            samples = play(tone, 0.3, rate)
            assert np.abs(samples.astype(int)).max() in range(500, 32768), (name, rate)


@pytest.mark.parametrize("country", countries())
def test_every_row_says_where_it_is_from(country: str) -> None:
    row = plan(country)
    assert set(row.sources) == set(TONE_NAMES)
    assert set(row.sources.values()) <= set(SOURCES.values())
    assert row.trust in ("high", "medium", "low")
    assert row.name


@pytest.mark.parametrize("country", [*countries(), "ZZ"])
def test_no_service_is_never_taken_for_dial_tone(country: str) -> None:
    tones = plan(country).tones
    no_service = play(tones["no_service"], 4)
    for name in ("dial", "stutter", "ringback"):
        assert likeness(no_service, play(tones[name], 4)) < 0.6, name
    # The first half second is enough to tell: it is not a steady tone at any dial tone's frequency.
    assert likeness(no_service[:4000], play(tones["dial"], 4)[:4000]) < 0.5


@pytest.mark.parametrize("country", [*countries(), "ZZ"])
def test_busy_is_never_taken_for_dial_tone_and_the_call_can_be_told_from_both(country: str) -> None:
    row = plan(country)
    for first, second in itertools.combinations([play(row.tones[name], 6) for name in ("dial", "busy", "ringback")], 2):
        assert likeness(first, second) < 0.9


@pytest.mark.parametrize("country", ["US", "NO", "JP"])
def test_the_howler_rises_to_a_level_that_wakes_but_does_not_clip(country: str) -> None:
    samples = play(plan(country).tones["howler"], 12)
    levels = [dbfs(samples[8000 * s : 8000 * (s + 1)]) for s in range(12)]
    assert levels[0] < levels[4] < levels[8]
    assert levels[11] - levels[0] == pytest.approx(18.7, abs=2)
    assert levels[11] > -12


def test_north_america_has_its_own_levels() -> None:
    tones = plan("us").tones
    assert [tones[name].dbm0 for name in ("dial", "ringback", "busy", "reorder")] == [-13, -19, -24, -24]
    assert plan("de").tones["busy"].dbm0 == -12


@pytest.mark.parametrize(
    ("country", "tone", "sound", "runs"),
    [
        ("us", "busy", (480, 620), (500, 500)),
        ("us", "reorder", (480, 620), (250, 250)),
        ("us", "ringback", (440, 480), (2000, 4000)),
        ("gb", "ringback", (400, 450), (400, 200, 400, 2000)),
        ("de", "busy", (425,), (480, 480)),
        ("fr", "busy", (440,), (500, 500)),
        ("no", "ringback", (425,), (1000, 4000)),
        ("au", "busy", (425,), (375, 375)),
    ],
)
def test_well_known_tones_are_as_everybody_knows_them(
    country: str, tone: str, sound: tuple[int, ...], runs: tuple[int, ...]
) -> None:
    elements = plan(country).tones[tone].elements
    assert tuple(element.ms for element in elements) == runs
    assert all(element.frequencies == (sound if index % 2 == 0 else ()) for index, element in enumerate(elements))


def test_an_unknown_country_gets_the_default_and_a_mark() -> None:
    row = plan("ZZ")
    assert not row.known
    assert row.trust == "default"
    assert row.tones["dial"].elements[0].frequencies == (425,)
    assert row.ring_cadence_ms == (1000, 4000)
    assert plan("NO").known


def test_territories_use_their_neighbours_plan() -> None:
    assert plan("pr").row == "US"
    assert plan("JE").name == "United Kingdom"
    shared = [code for users in SHARED.values() for code in users.split()]
    assert len(shared) == len(set(shared))
    assert not set(shared) & set(ROWS)
    assert set(SHARED) <= set(ROWS)


@pytest.mark.parametrize("country", [*countries(), "ZZ"])
def test_cadence_flash_and_dtmf_are_usable(country: str) -> None:
    row = plan(country)
    assert len(row.ring_cadence_ms) % 2 == 0
    assert all(100 <= ms <= 10_000 for ms in row.ring_cadence_ms)
    assert 50 <= row.flash_min_ms < row.flash_max_ms <= 1000
    assert -15 <= row.dtmf_low_dbm0 <= -6
    assert -15 <= row.dtmf_high_dbm0 <= -6
    assert row.bell_hz in (16, 20, 24, 25, 50)


def test_a_tone_that_no_plan_has_is_refused() -> None:
    with pytest.raises(ToneError, match="choose one of dial"):
        plan("us").tone("moo")
