import asyncio
import logging

import pytest
from msgspec.structs import replace

from offhook.engine.ports import Board
from offhook.hardware.board import GpioBoard
from offhook.hardware.settings import (
    BoardSettings,
    ButtonWiring,
    HookWiring,
    KeyWiring,
    LampWiring,
    MatrixWiring,
    RingerWiring,
    RotaryWiring,
    Wire,
)
from offhook.phone.events import HookLifted, HookReplaced, KeyDown
from offhook.power.reading import PowerReading
from offhook.sim.pins import WiredFactory
from tests.support.listener import Notebook
from tests.support.virtual_loop import run

MATRIX = MatrixWiring((Wire(5), Wire(6)), (Wire(12), Wire(16)), ("12", "45"))
SETTINGS = BoardSettings(
    "gpio",
    "4x3",
    hook=HookWiring(Wire(17)),
    matrix=MATRIX,
    lamps=(LampWiring("line", Wire(24)), LampWiring("message", Wire(25), active_high=False)),
    buttons=(ButtonWiring("volume_up", Wire(22)),),
    ringer=RingerWiring(Wire(18)),
)


def board_of(settings: BoardSettings) -> tuple[GpioBoard, WiredFactory, Notebook]:
    loop = asyncio.get_running_loop()
    factory, notes = WiredFactory(loop.time), Notebook()
    board = GpioBoard(settings, factory, (0.3, 1.0), lambda: PowerReading(ac=True), lambda: None)
    board.start(notes)
    return board, factory, notes


def test_the_board_is_what_the_engine_asks_for() -> None:
    async def scenario() -> None:
        board, _, _ = board_of(SETTINGS)
        port: Board = board
        assert port.read_power() == PowerReading(ac=True)
        port.power_off()
        port.set_lamp("unknown", "on")
        port.close()

    run(scenario)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            replace(SETTINGS, lamps=(LampWiring("line", Wire(77, "b.yaml:3: lamps[0].pin")),)),
            "b.yaml:3: lamps[0].pin: GPIO77",
        ),
        (replace(SETTINGS, ringer=RingerWiring(Wire(24))), "GPIO24 is named twice"),
        (replace(SETTINGS, matrix=None), "names keypad 4x3 but not its pins"),
        (replace(SETTINGS, matrix=replace(MATRIX, columns=(Wire(12), Wire(88)))), "GPIO88 is no pin"),
        (replace(SETTINGS, matrix=replace(MATRIX, rows=(Wire(5), Wire(88)))), "GPIO88 is no pin"),
        (replace(SETTINGS, keypad="direct", keys=(KeyWiring("1", Wire(5)), KeyWiring("2", Wire(5)))), "named twice"),
        (replace(SETTINGS, keypad="rotary", rotary=RotaryWiring(Wire(5), off_normal=Wire(5))), "named twice"),
        (replace(SETTINGS, buttons=(ButtonWiring("mute"),)), "button mute has no pin"),
    ],
)
def test_a_part_with_a_wrong_pin_is_left_out_and_the_phone_lives_on(
    settings: BoardSettings, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        board, factory, notes = board_of(settings)
        assert [fault in line for line in board.faults] == [True]
        factory.ground(17, True)
        await asyncio.sleep(0.1)
        assert notes.events == [HookLifted()]
        board.close()
        assert factory.pins == {}

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert [fault in record.message for record in caplog.records] == [True]


def test_a_board_without_a_hook_switch_says_so() -> None:
    async def scenario() -> None:
        board, _, _ = board_of(replace(SETTINGS, hook=None))
        assert "names no hook switch" in board.faults[0]
        board.close()

    run(scenario)


def test_a_key_that_is_held_at_the_start_is_seen() -> None:
    async def scenario() -> None:
        loop, notes = asyncio.get_running_loop(), Notebook()
        factory = WiredFactory(loop.time)
        factory.join((6, 12), True)
        board = GpioBoard(SETTINGS, factory, (0.3, 1.0), PowerReading)
        board.start(notes)
        await asyncio.sleep(0.1)
        assert notes.events == [KeyDown("4")]
        board.close()

    run(scenario)


def test_a_lamp_is_on_off_and_blinks_once_a_second() -> None:
    async def scenario() -> None:
        board, factory, _ = board_of(SETTINGS)
        lamp, inverted = factory.pin(24), factory.pin(25)
        assert (lamp.state, inverted.state) == (False, True)
        board.set_lamp("line", "on")
        board.set_lamp("message", "on")
        assert (lamp.state, inverted.state) == (True, False)
        board.set_lamp("line", "blink")
        seen = []
        for _ in range(6):
            await asyncio.sleep(0.25)
            seen.append(bool(lamp.state))
        assert seen.count(True) in (2, 3, 4)
        board.set_lamp("line", "off")
        await asyncio.sleep(2)
        assert not lamp.state
        board.close()

    run(scenario)


def test_the_ringer_keeps_the_cadence_and_does_not_drift() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        board, factory, _ = board_of(SETTINGS)
        begin, bell = loop.time(), factory.pin(18)
        board.set_ringer(True, (400, 200, 400, 2000))
        for period in range(100):
            for at, on in ((0.2, True), (0.5, False), (0.8, True), (1.1, False), (2.9, False)):
                await asyncio.sleep(begin + period * 3.0 + at - loop.time())
                assert bool(bell.state) is on
        board.set_ringer(False, ())
        assert not bell.state
        await asyncio.sleep(10)
        assert not bell.state
        board.set_ringer(True, ())
        await asyncio.sleep(10)
        assert bell.state
        board.close()

    run(scenario)


def test_a_lost_edge_does_not_leave_the_phone_off_hook() -> None:
    async def scenario() -> None:
        board, factory, notes = board_of(SETTINGS)
        factory.ground(17, True)
        await asyncio.sleep(0.002)
        hook = factory.pin(17)
        hook._state = True  # the contact opens and its edge is lost
        factory.grounded.discard(17)
        await asyncio.sleep(2)
        assert notes.events == [HookLifted(), HookReplaced()]
        board.close()

    run(scenario)
