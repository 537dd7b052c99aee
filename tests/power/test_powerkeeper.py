"""The keeper on virtual time, with a board that is a handful of fields."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from offhook.engine.observations import LampSeen, Observation, PowerSeen, SaySeen
from offhook.engine.ports import LampState
from offhook.engine.powerkeeper import PowerKeeper
from offhook.errors import DeviceError
from offhook.phone.events import NoticeRaised
from offhook.power.reading import PowerReading
from tests.support.virtual_loop import run


@dataclass
class FakeBoard:
    reading: PowerReading = field(default_factory=lambda: PowerReading(ac=True, percent=90.0))
    error: DeviceError | None = None
    lamp: str = ""
    offs: list[float] = field(default_factory=list)
    off_error: DeviceError | None = None

    def read_power(self) -> PowerReading:
        if self.error:
            raise self.error
        return self.reading

    def set_lamp(self, name: str, state: LampState) -> None:
        assert name == "battery"
        self.lamp = state

    def power_off(self) -> None:
        self.offs.append(asyncio.get_running_loop().time())
        if self.off_error:
            raise self.off_error


@dataclass
class FakeListener:
    holds: bool = False
    notices: list[NoticeRaised] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    lamps: list[str] = field(default_factory=list)

    def post(self, event: NoticeRaised) -> None:
        self.notices.append(event)

    def speak(self, text: str) -> None:
        self.spoken.append(text)

    def note(self, observation: Observation) -> None:
        if isinstance(observation, PowerSeen):
            self.states.append(observation.state)
        else:
            assert isinstance(observation, LampSeen)
            assert observation.name == "battery"
            self.lamps.append(observation.state)

    def emergency_holds(self) -> bool:
        return self.holds


Scenario = Callable[[PowerKeeper, FakeBoard, FakeListener], Awaitable[None]]


def play(scenario: Scenario) -> None:
    async def main() -> None:
        board, listener = FakeBoard(), FakeListener()
        keeper = PowerKeeper(board, listener)
        task = asyncio.create_task(keeper.run())
        try:
            await scenario(keeper, board, listener)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(main)


def on_battery(percent: float) -> PowerReading:
    return PowerReading(ac=False, percent=percent, volts=3.7, amps=-0.4)


def test_on_mains_nothing_is_said_and_the_lamp_is_dark() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        await asyncio.sleep(100)
        assert (listener.notices, listener.states, board.lamp) == ([], [], "off")
        assert keeper.status() == {
            "state": "MAINS",
            "source": "mains",
            "percent": 90.0,
            "runtime_s": None,
            "gauge_ok": True,
        }

    play(scenario)


def test_an_outage_lights_the_lamp_and_has_words_for_the_next_lift() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        await asyncio.sleep(10)
        board.reading = on_battery(42.0)
        await asyncio.sleep(5)
        assert listener.states == ["OUTAGE"]
        assert listener.notices == [NoticeRaised("power", "Power failure. Battery at 42 percent.")]
        assert board.lamp == "on"
        assert keeper.status()["source"] == "battery"
        board.reading = PowerReading(ac=True, percent=41.0)
        await asyncio.sleep(10)
        assert listener.states == ["OUTAGE", "MAINS"]
        assert listener.notices[-1] == NoticeRaised("power", "")
        assert board.lamp == "off"

    play(scenario)


def test_words_that_wait_are_kept_up_to_date_until_they_were_heard() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.reading = on_battery(90.0)
        await asyncio.sleep(10)
        board.reading = on_battery(80.0)
        await asyncio.sleep(120)
        assert listener.notices[-1].text == "Power failure. Battery at 80 percent."
        keeper.note(SaySeen("something else"))
        keeper.note(SaySeen("Power failure. Battery at 80 percent."))
        told = len(listener.notices)
        await asyncio.sleep(200)
        assert len(listener.notices) == told

    play(scenario)


def test_a_low_battery_blinks_and_is_told_at_every_lift() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.reading = on_battery(20.0)
        await asyncio.sleep(10)
        assert listener.states == ["OUTAGE", "LOW"]
        assert board.lamp == "blink"
        keeper.note(SaySeen(listener.notices[-1].text))
        told = len(listener.notices)
        await asyncio.sleep(121)
        assert len(listener.notices) == told + 2

    play(scenario)


def test_a_critical_battery_announces_and_switches_off_once() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.reading = on_battery(4.0)
        await asyncio.sleep(10)
        assert listener.states == ["OUTAGE", "CRITICAL"]
        assert listener.spoken == ["Battery empty. The phone switches off in 30 seconds."]
        assert board.offs == []
        await asyncio.sleep(40)
        assert len(board.offs) == 1
        await asyncio.sleep(200)
        assert len(board.offs) == 1

    play(scenario)


def test_mains_that_returns_in_time_calls_the_shutdown_off() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.reading = on_battery(4.0)
        await asyncio.sleep(20)
        assert listener.spoken
        board.reading = PowerReading(ac=True, percent=4.0)
        await asyncio.sleep(200)
        assert board.offs == []
        assert listener.states[-1] == "MAINS"

    play(scenario)


def test_a_shutdown_waits_for_an_emergency_call_and_its_callback_window_and_does_not_speak_into_it() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        listener.holds = True
        board.reading = on_battery(2.0)
        await asyncio.sleep(300)
        assert board.offs == []
        assert listener.spoken == []
        ended = asyncio.get_running_loop().time()
        listener.holds = False
        await asyncio.sleep(5)
        assert listener.spoken == ["Battery empty. The phone switches off in 30 seconds."]
        await asyncio.sleep(60)
        assert len(board.offs) == 1
        assert board.offs[0] - ended >= 30.0

    play(scenario)


def test_an_emergency_call_that_begins_during_the_announcement_still_holds_the_shutdown() -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.reading = on_battery(2.0)
        await asyncio.sleep(20)
        listener.holds = True
        await asyncio.sleep(300)
        assert board.offs == []

    play(scenario)


def test_a_board_that_cannot_switch_off_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.off_error = DeviceError("no right to switch off: run as a service")
        board.reading = on_battery(2.0)
        await asyncio.sleep(120)
        assert len(board.offs) >= 2

    play(scenario)
    assert "no right to switch off" in caplog.text


def test_a_missing_gauge_is_said_once_and_nothing_else_happens(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(keeper: PowerKeeper, board: FakeBoard, listener: FakeListener) -> None:
        board.error = DeviceError("no power supply: load the overlay")
        await asyncio.sleep(100)
        assert listener.states == []
        assert keeper.status()["gauge_ok"] is False
        board.error = None
        await asyncio.sleep(5)
        assert keeper.status()["gauge_ok"] is True

    caplog.set_level(logging.INFO)
    play(scenario)
    assert [record.message for record in caplog.records if record.name == "offhook.engine.powerkeeper"] == [
        "no power supply: load the overlay",
        "the power gauge answers again",
    ]


def test_a_gauge_that_hangs_is_left_alone_until_it_returns() -> None:
    class HangingBoard(FakeBoard):
        def __init__(self) -> None:
            super().__init__()
            self.release = threading.Event()
            self.asked = 0

        def read_power(self) -> PowerReading:
            self.asked += 1
            self.release.wait(10)
            return self.reading

    async def main() -> None:
        board, listener = HangingBoard(), FakeListener()
        keeper = PowerKeeper(board, listener)
        task = asyncio.create_task(keeper.run())
        loop = asyncio.get_running_loop()
        try:
            loop.threads_at_work -= 1  # type: ignore[attr-defined]  # let the clock run while the gauge hangs
            await asyncio.sleep(60)
            assert board.asked == 1
            assert keeper.status()["gauge_ok"] is False
            loop.threads_at_work += 1  # type: ignore[attr-defined]
            board.release.set()
            await asyncio.sleep(10)
            assert board.asked > 1
            assert keeper.status()["gauge_ok"] is True
        finally:
            board.release.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run(main)
