"""The page's own signal processing, run in a real chromium: resampling both ways, and the ear's queue."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, sync_playwright

from tests.support.simulator import chromium

pytestmark = pytest.mark.browser

FILES = Path(__file__).resolve().parents[2] / "firmware" / "offhook" / "sim" / "page"
Sound = NDArray[np.float64]


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Page]:
    """An empty page that can import the page's modules."""
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page()

        def serve(route: Any) -> None:
            name = route.request.url.rpartition("/")[2]
            kind = "text/javascript" if name else "text/html"
            route.fulfill(body=(FILES / name).read_text() if name else "<p>laboratory</p>", content_type=kind)

        page.route("http://laboratory.invalid/**", serve)
        page.goto("http://laboratory.invalid/")
        yield page
        browser.close()


RESAMPLE = """async ([from, to, hz]) => {
  const { Resampler } = await import("/resampler.js");
  const resampler = new Resampler(from / to), out = [];
  resampler.push(Float32Array.from({ length: 0.3 * from }, (_, n) => 0.5 * Math.sin(2 * Math.PI * hz * n / from)));
  for (let sample; (sample = resampler.next()) !== null;) out.push(sample);
  return out;
}"""


def resampled(page: Page, rate_in: int, rate_out: int, hz: float) -> Sound:
    """0.3 s of a sine of half scale, resampled, without its first and last 50 ms."""
    sound = np.asarray(page.evaluate(RESAMPLE, [rate_in, rate_out, hz]))
    return sound[rate_out // 20 : len(sound) - rate_out // 20]


def parts(sound: Sound, rate: int, hz: float) -> tuple[float, float]:
    """The amplitude at ``hz``, and of all the rest, in dB below full scale."""
    t = np.arange(len(sound)) / rate
    basis = np.column_stack([np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t)])
    found, *_ = np.linalg.lstsq(basis, sound, rcond=None)
    rest = sound - basis @ found
    return (
        20 * float(np.log10(np.hypot(*found))),
        20 * float(np.log10(np.sqrt(2 * np.mean(rest**2)) + 1e-9)),
    )


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("hz", [300.0, 1000.0, 3300.0])
def test_speech_passes_flat_and_clean_both_ways(laboratory: Page, rate: int, hz: float) -> None:
    for rate_in, rate_out in ((8000, rate), (rate, 8000)):
        tone, rest = parts(resampled(laboratory, rate_in, rate_out, hz), rate_out, hz)
        assert tone == pytest.approx(-6.02, abs=0.3)
        assert rest < -60


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("hz", [4400.0, 7000.0, 15_000.0])
def test_what_the_telephone_cannot_carry_does_not_fold_back(laboratory: Page, rate: int, hz: float) -> None:
    sound = resampled(laboratory, rate, 8000, hz)
    assert 20 * np.log10(np.sqrt(2 * np.mean(sound**2)) + 1e-9) < -50


# A minute in blocks of 128: frames come every 10 ms of the phone's clock, in bursts, with stalls now and then.
LISTEN = """async ([rate, ppm, stalls]) => {
  const { Ear } = await import("/sound-worklet.js");
  const ear = new Ear(rate), block = new Float32Array(128);
  const step = 128 / rate, period = 0.01 / (1 + ppm / 1e6);
  let time = 0, made = 0, sample = 0, last = 0, jump = 0, silent = 0, most = 0, random = 1;
  for (let blocks = 0; time < 60; blocks++, time += step) {
    random = (random * 1103515245 + 12345) % 2147483648;
    const stalled = stalls && time % 20 > 19.8, held = (random / 2147483648) * 0.012;
    while (!stalled && (made + 1) * period + held < time) {
      ear.push(Int16Array.from({ length: 80 }, () => 8192 * Math.sin(2 * Math.PI * 400 * sample++ / 8000)));
      made++;
    }
    ear.play(block);
    for (const value of block) {
      if (time > 1) jump = Math.max(jump, Math.abs(value - last));
      last = value;
      if (time > 1 && ear.gain === 0) silent++;
    }
    most = Math.max(most, ear.resampler.waiting);
  }
  return { jump, silent: silent / rate, most: most / 8000 };
}"""
CLICK = 2 * np.pi * 400 * 0.25 / 44_100 * 3  # three times the steepest step of this sine


@pytest.mark.parametrize("ppm", [-300, 0, 300])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_two_clocks_are_joined_without_gaps_clicks_or_growing_delay(laboratory: Page, rate: int, ppm: int) -> None:
    heard = laboratory.evaluate(LISTEN, [rate, ppm, False])
    assert heard["silent"] == 0
    assert heard["jump"] < CLICK
    assert heard["most"] < 0.11


def test_a_stall_is_a_short_silence_and_not_a_click_or_a_lasting_delay(laboratory: Page) -> None:
    heard = laboratory.evaluate(LISTEN, [48_000, 0, True])
    assert 0 < heard["silent"] < 3 * 0.35
    assert heard["jump"] < CLICK
    assert heard["most"] < 0.5
