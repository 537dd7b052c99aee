"""The card's device against a card of pure arithmetic: levels, drift, xruns, pacing."""

import select
from collections.abc import Callable

import numpy as np
import pytest

from offhook.media import alsa
from offhook.media.alsa import AlsaDevice
from offhook.media.form import CardMissingError, CardRefusedError, PcmForm
from offhook.media.pcm import XRUN

FORM = PcmForm(8000, 1, 2, 80, 320)


class Handle:
    """What the device asks of pyalsaaudio itself."""

    def polldescriptors(self) -> list[tuple[int, int]]:
        return [(99, select.POLLIN)]

    def polldescriptors_revents(self, events: list[tuple[int, int]]) -> int:
        return events[0][1]


class FakePcm:
    """One PCM whose clock errs by ``ppm``; time is told by :attr:`now`."""

    def __init__(self, clock: Callable[[], float], ppm: float = 0.0) -> None:
        self.form = FORM
        self.handle = Handle()
        self.clock = clock
        self.rate = 8000 * (1 + ppm * 1e-6)
        self.started: float | None = None
        self.moved = 0
        self.xruns = 0
        self.fault = False

    def _position(self) -> int:
        return 0 if self.started is None else int((self.clock() - self.started) * self.rate + 1e-6)

    def recorded(self) -> int:
        return self._position() - self.moved

    def read(self) -> tuple[int, bytes]:
        if self.fault:
            self.fault, self.started, self.moved = False, None, 0
            return XRUN, b""
        if self.started is None:
            self.started = self.clock()
            return 0, b""
        self.moved += 80
        return 80, bytes(160)

    def queued(self) -> int:
        return max(0, self.moved - self._position())

    def write(self, data: bytes) -> int:
        if self.started is None:
            self.started, self.moved = self.clock(), 0
        elif self.moved < self._position() or self.fault:
            self.started, self.fault = None, False
            self.xruns += 1
            return XRUN
        self.moved += len(data) // 2
        return len(data) // 2

    def close(self) -> None:
        self.started = None


class Bench:
    """A device between two fake PCMs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, mic_ppm: float = 0.0, ear_ppm: float = 0.0) -> None:
        self.now = 50.0
        self.mic, self.ear = FakePcm(lambda: self.now, mic_ppm), FakePcm(lambda: self.now, ear_ppm)
        monkeypatch.setattr(alsa, "open_pcm", lambda direction, *_: self.mic if direction == "capture" else self.ear)
        self.device = AlsaDevice("mic", "ear", 10, 4, self.now)
        self.levels: list[int] = []

    def tick(self, late: float = 0.0) -> None:
        """Serve one period, ``late`` seconds after it was complete."""
        device = self.device
        if self.mic.started is not None:
            self.now = max(self.now, self.mic.started + (self.mic.moved + 80) / self.mic.rate) + late
        assert device.ready([(99, select.POLLIN)], self.now)
        while device.read(self.now) is not None:
            device.write(np.zeros(device.wanted(), np.int16))
            self.levels.append(self.ear.queued())

    def run(self, ticks: int, late: float = 0.0) -> None:
        """Serve many."""
        for _ in range(ticks):
            self.tick(late)


def test_the_first_period_fills_the_queue_and_starts_both(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    assert bench.device.deadline() == bench.now
    bench.tick()
    assert bench.ear.moved == 120
    assert bench.mic.started == bench.ear.started == bench.now


def test_the_queue_stays_one_and_a_half_periods_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    for _ in range(500):
        bench.tick(0.0001)
    assert set(bench.levels[10:]) <= set(range(118, 122))
    assert bench.device.xruns == 0


@pytest.mark.parametrize(("mic", "ear"), [(200, -200), (-200, 200), (200, 200)])
def test_ten_minutes_of_drifting_clocks_keeps_the_queue_within_5_ms(
    monkeypatch: pytest.MonkeyPatch, mic: float, ear: float
) -> None:
    bench = Bench(monkeypatch, mic, ear)
    bench.run(60_000, late=0.0001)
    assert bench.device.xruns == 0
    assert min(bench.levels[100:]) > 100
    assert max(bench.levels[100:]) < 140


def test_an_underrun_is_counted_and_deepens_the_queue_by_half_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    for _ in range(20):
        bench.tick()
    bench.ear.fault = True
    for _ in range(20):
        bench.tick()
    assert bench.device.xruns == 1
    assert 158 <= bench.levels[-1] <= 162


def test_late_ticks_never_deepen_the_queue_beyond_three_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    for number in range(3000):
        bench.tick(0.013 if number % 60 == 0 else 0.0)
    assert bench.device.xruns <= 4
    assert max(bench.levels) <= 245


def test_an_overrun_is_counted_and_capture_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    for _ in range(20):
        bench.tick()
    bench.mic.fault = True
    bench.tick()
    assert bench.device.xruns == 1
    before = len(bench.levels)
    for _ in range(20):
        bench.tick()
    assert len(bench.levels) == before + 20


def test_a_capture_that_gives_twice_as_much_as_time_allows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, mic_ppm=2.5e6)
    with pytest.raises(CardRefusedError, match="does not keep time"):
        bench.run(200)
    assert 50.2 <= bench.now < 50.25


def test_a_card_that_falls_silent_is_given_up_after_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.tick()
    bench.tick()
    assert bench.device.deadline() == pytest.approx(bench.now + 0.5)
    assert not bench.device.ready([], bench.now + 0.4)
    with pytest.raises(CardMissingError, match="delivers no sound"):
        bench.device.ready([], bench.now + 0.6)
