"""The adapters on gpiozero's own lgpio pins, over a library in memory: the road that a Raspberry Pi takes."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from offhook.errors import DeviceError
from offhook.hardware import pins
from offhook.hardware.board import GpioBoard
from offhook.hardware.pins import open_factory
from offhook.hardware.settings import (
    LAYOUTS,
    BoardSettings,
    HookWiring,
    LampWiring,
    MatrixWiring,
    RotaryWiring,
    Wire,
)
from offhook.phone.events import Event, HookLifted
from offhook.power.reading import PowerReading
from tests.support.fake_lgpio import Chip, fake_lgpio
from tests.support.listener import Notebook

ROWS, COLUMNS = (13, 19, 26, 6), (16, 20, 21, 12)
SETTINGS = BoardSettings(
    "gpio",
    "4x4",
    hook=HookWiring(Wire(17)),
    matrix=MatrixWiring(tuple(map(Wire, ROWS)), tuple(map(Wire, COLUMNS)), LAYOUTS["4x4"]),
    lamps=(LampWiring("line", Wire(24)),),
)


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    chip = Chip()
    monkeypatch.setitem(sys.modules, "lgpio", fake_lgpio(chip))
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)
    monkeypatch.setattr(pins, "_CHIP", "/dev/null")
    yield chip
    sys.modules.pop("gpiozero.pins.lgpio", None)


class Bell(Notebook):
    """A notebook that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def phone_event(self, event: Event, t: float) -> None:
        super().phone_event(event, t)
        self.written.set()


class Desk:
    """A board on the chip, and somebody who touches it."""

    def __init__(self, chip: Chip, settings: BoardSettings) -> None:
        self.chip, self.notes = chip, Bell()
        self.board = GpioBoard(settings, open_factory(), (0.3, 1.0), PowerReading)
        self.board.start(self.notes)

    async def until(self, count: int) -> None:
        """Wait for so many events."""
        async with asyncio.timeout(5):
            while len(self.notes.events) < count:
                self.notes.written.clear()
                await self.notes.written.wait()

    async def press(self, row: int, column: int) -> None:
        before = len(self.notes.events)
        self.chip.change(lambda: self.chip.joined.add((ROWS[row], COLUMNS[column])))
        await self.until(before + 1)
        self.chip.change(lambda: self.chip.joined.discard((ROWS[row], COLUMNS[column])))
        await self.until(before + 2)


def test_lift_and_dial_on_lgpio_pins(chip: Chip) -> None:
    async def scenario() -> None:
        desk, loop = Desk(chip, SETTINGS), asyncio.get_running_loop()
        assert desk.board.faults == ()
        before = loop.time()
        chip.change(lambda: chip.grounded.add(17))
        await desk.until(1)
        assert desk.notes.events == [HookLifted()]
        assert before <= desk.notes.times[0] <= loop.time() - 0.004
        for row, column in ((0, 0), (0, 0), (0, 1), (3, 3), (3, 2)):
            await desk.press(row, column)
        assert desk.notes.keys == "112D#"
        assert chip.short_circuits == 0
        desk.board.set_lamp("line", "on")
        assert chip.out[24] is True
        desk.board.close()

    asyncio.run(scenario())


def test_at_rest_every_row_is_low_and_every_column_is_pulled_up(chip: Chip) -> None:
    async def scenario() -> None:
        desk = Desk(chip, SETTINGS)
        await desk.press(1, 1)
        assert {pin: chip.out.get(pin) for pin in ROWS} == dict.fromkeys(ROWS, False)
        assert chip.pull_up >= {*ROWS, *COLUMNS}
        assert [chip.level(pin) for pin in COLUMNS] == [1, 1, 1, 1]
        desk.board.close()

    asyncio.run(scenario())


def test_a_rotary_dial_is_counted_by_the_kernels_stamps(chip: Chip) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        chip.grounded.add(22)
        desk = Desk(chip, replace(SETTINGS, keypad="rotary", rotary=RotaryWiring(Wire(22))))
        start = loop.time() - 0.9
        for n in range(4):
            for at, level in ((start + n * 0.1, 1), (start + n * 0.1 + 0.06, 0)):
                chip.callbacks[22](0, 22, level, int(at * 1e9))
        await desk.until(2)
        assert desk.notes.keys == "4"
        desk.board.close()

    asyncio.run(scenario())


def test_a_line_that_another_program_holds_is_left_out(chip: Chip) -> None:
    async def scenario() -> None:
        chip.held_by_others.add(24)
        desk = Desk(chip, replace(SETTINGS, lamps=(LampWiring("line", Wire(24, "b.yaml:9: lamps[0].pin")),)))
        assert len(desk.board.faults) == 1
        assert "b.yaml:9: lamps[0].pin: GPIO24 is held by another program" in desk.board.faults[0]
        desk.board.close()

    asyncio.run(scenario())


def test_a_machine_that_is_no_raspberry_pi_is_told(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpiozero.exc import PinUnknownPi

    def unknown() -> int:
        raise PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", unknown)
    with pytest.raises(DeviceError, match="the pins cannot be opened"):
        open_factory()
