"""The adapters on every kind of pins: gpiozero's own lgpio pins and ours over libgpiod, each over a library in memory,
and the simulator's. The same bodies run on all three.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from gpiozero import OutputDevice
from gpiozero.pins import Factory
from msgspec.structs import replace

from offhook.errors import DeviceError
from offhook.hardware.board import GpioBoard
from offhook.hardware.chips import GpioChip
from offhook.hardware.factory import open_factory
from offhook.hardware.pins import EdgeInput, open_output
from offhook.hardware.settings import (
    LAYOUTS,
    BoardSettings,
    GpioWiring,
    HookWiring,
    LampWiring,
    MatrixWiring,
    PinLibrary,
    RotaryWiring,
    Wire,
)
from offhook.phone.events import Event, HookLifted
from offhook.power.reading import PowerReading
from offhook.sim.pins import WiredFactory
from tests.support.fake_gpiod import fake_gpiod
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
CHIP = GpioChip(Path("/dev/gpiochip0"), 0, "pinctrl-bcm2835", 54)


class Wires(Protocol):
    """What hangs on the pins."""

    factory: Factory

    def ground(self, pin: int, closed: bool) -> None: ...
    def join(self, contact: tuple[int, int], closed: bool) -> None: ...
    def driven(self, pin: int) -> bool | None: ...
    def level(self, pin: int) -> bool: ...
    def short_circuits(self) -> int: ...


class Mock:
    """The simulator's pins."""

    def __init__(self) -> None:
        self.factory = WiredFactory(time.monotonic)

    def ground(self, pin: int, closed: bool) -> None:
        thread = threading.Thread(target=self.factory.ground, args=(pin, closed))
        thread.start()
        thread.join()

    def join(self, contact: tuple[int, int], closed: bool) -> None:
        self.factory.join(contact, closed)

    def driven(self, pin: int) -> bool | None:
        each = self.factory.wired[pin]
        return bool(each.state) if each.function == "output" else None

    def level(self, pin: int) -> bool:
        return bool(self.factory.wired[pin].state)

    def short_circuits(self) -> int:
        return self.factory.short_circuits


class InMemory:
    """A chip behind a library."""

    def __init__(self, chip: Chip, library: PinLibrary) -> None:
        self.chip = chip
        self.factory = open_factory(GpioWiring(library), lambda label: CHIP)

    def ground(self, pin: int, closed: bool) -> None:
        self.chip.change(lambda: (self.chip.grounded.add if closed else self.chip.grounded.discard)(pin))

    def join(self, contact: tuple[int, int], closed: bool) -> None:
        self.chip.change(lambda: (self.chip.joined.add if closed else self.chip.joined.discard)(contact))

    def driven(self, pin: int) -> bool | None:
        return self.chip.out.get(pin)

    def level(self, pin: int) -> bool:
        return bool(self.chip.level(pin))

    def short_circuits(self) -> int:
        return self.chip.short_circuits


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    chip = Chip()
    monkeypatch.setitem(sys.modules, "lgpio", fake_lgpio(chip))
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: 0xA02082)
    fake_gpiod(monkeypatch, chip)
    yield chip
    sys.modules.pop("gpiozero.pins.lgpio", None)


@pytest.fixture(params=["mock", "lgpio", "gpiod"])
def wires(request: pytest.FixtureRequest, chip: Chip) -> Iterator[Wires]:
    wires = Mock() if request.param == "mock" else InMemory(chip, request.param)
    yield wires
    wires.factory.close()


class Bell(Notebook):
    """A notebook that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def phone_event(self, event: Event, t: float) -> None:
        super().phone_event(event, t)
        self.written.set()


class Desk:
    """A board on the wires, and somebody who touches it."""

    def __init__(self, wires: Wires, settings: BoardSettings = SETTINGS) -> None:
        self.wires, self.notes = wires, Bell()
        self.board = GpioBoard(settings, wires.factory, (0.3, 1.0), PowerReading)
        self.board.start(self.notes)

    async def until(self, count: int) -> None:
        """Wait for so many events."""
        async with asyncio.timeout(5):
            while len(self.notes.events) < count:
                self.notes.written.clear()
                await self.notes.written.wait()

    async def press(self, row: int, column: int) -> None:
        before = len(self.notes.events)
        self.wires.join((ROWS[row], COLUMNS[column]), True)
        await self.until(before + 1)
        self.wires.join((ROWS[row], COLUMNS[column]), False)
        await self.until(before + 2)


def test_lift_and_dial(wires: Wires) -> None:
    async def scenario() -> None:
        desk, loop = Desk(wires), asyncio.get_running_loop()
        assert desk.board.faults == ()
        before = loop.time()
        wires.ground(17, True)
        await desk.until(1)
        assert desk.notes.events == [HookLifted()]
        assert before <= desk.notes.times[0] <= loop.time() - 0.004
        for row, column in ((0, 0), (0, 0), (0, 1), (3, 3), (3, 2)):
            await desk.press(row, column)
        assert desk.notes.keys == "112D#"
        assert wires.short_circuits() == 0
        desk.board.set_lamp("line", "on")
        assert wires.driven(24) is True
        desk.board.close()

    asyncio.run(scenario())


def test_at_rest_every_row_is_low_and_every_column_is_pulled_up(wires: Wires) -> None:
    async def scenario() -> None:
        desk = Desk(wires)
        await desk.press(1, 1)
        assert [wires.driven(pin) for pin in ROWS] == [False] * 4
        assert [wires.driven(pin) for pin in COLUMNS] == [None] * 4
        assert [wires.level(pin) for pin in COLUMNS] == [True] * 4
        desk.board.close()

    asyncio.run(scenario())


def test_two_keys_in_one_column_never_join_a_high_row_to_a_low_one(wires: Wires) -> None:
    async def scenario() -> None:
        desk = Desk(wires)
        wires.join((ROWS[0], COLUMNS[0]), True)
        await desk.until(1)
        wires.join((ROWS[1], COLUMNS[0]), True)
        await desk.until(2)
        wires.join((ROWS[0], COLUMNS[0]), False)
        await desk.until(3)
        wires.join((ROWS[1], COLUMNS[0]), False)
        await desk.until(4)
        assert [str(getattr(event, "key", "")) for event in desk.notes.events] == ["1", "4", "1", "4"]
        assert wires.short_circuits() == 0
        desk.board.close()

    asyncio.run(scenario())


def test_a_pin_that_is_named_twice_is_told_and_the_first_goes_on(wires: Wires) -> None:
    first = open_output(Wire(5), wires.factory)
    with pytest.raises(DeviceError, match="GPIO5 is named twice"):
        open_output(Wire(5), wires.factory)
    first.on()
    assert wires.driven(5) is True
    first.close()
    assert wires.driven(5) is None
    again = open_output(Wire(5), wires.factory, active_high=False)
    assert wires.driven(5) is True
    again.close()


def test_a_pin_that_is_not_on_the_header_is_told(wires: Wires) -> None:
    with pytest.raises(DeviceError, match="GPIO99 is no pin of this board"):
        open_output(Wire(99), wires.factory)


def test_edges_come_in_their_order_with_stamps_that_do_not_go_back(wires: Wires) -> None:
    async def scenario() -> None:
        loop, came = asyncio.get_running_loop(), list[tuple[bool, float]]()
        done = asyncio.Event()

        def edge(closed: bool, t: float) -> None:
            came.append((closed, t))
            if len(came) == 40:
                done.set()

        contact = EdgeInput(Wire(17), wires.factory, loop, edge)
        before = loop.time()
        for _ in range(20):
            wires.ground(17, True)
            wires.ground(17, False)
        async with asyncio.timeout(5):
            await done.wait()
        assert [closed for closed, _ in came] == [True, False] * 20
        times = [t for _, t in came]
        assert times == sorted(times)
        assert before <= times[0] <= times[-1] <= loop.time()
        contact.close()
        wires.ground(17, True)
        await asyncio.sleep(0)
        assert len(came) == 40

    asyncio.run(scenario())


def test_a_row_keeps_its_pull_while_it_changes_between_input_and_output(wires: Wires) -> None:
    row: OutputDevice = open_output(Wire(26), wires.factory)
    row.pin.input_with_pull("up")
    for _ in range(3):
        row.pin.output_with_state(False)
        assert (wires.driven(26), wires.level(26)) == (False, False)
        row.pin.function = "input"
        assert (wires.driven(26), wires.level(26)) == (None, True)
    row.close()


@pytest.mark.parametrize("kind", ["lgpio", "gpiod"])
def test_a_rotary_dial_is_counted_by_the_kernels_stamps(
    kind: PinLibrary, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed, fire = threading.Semaphore(0), EdgeInput._fire_events

    def fire_and_tell(contact: EdgeInput, ticks: float, active: bool) -> None:
        fire(contact, ticks, active)
        passed.release()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        chip.grounded.add(22)
        desk = Desk(InMemory(chip, kind), replace(SETTINGS, keypad="rotary", rotary=RotaryWiring(Wire(22))))
        monkeypatch.setattr(EdgeInput, "_fire_events", fire_and_tell)
        start = loop.time() - 0.6
        for n in range(4):
            for at, level in ((start + n * 0.1, 1), (start + n * 0.1 + 0.06, 0)):
                chip.callbacks[22](0, 22, level, int(at * 1e9))
        for _ in range(8):  # the loop is busy until all of them wait for it
            assert passed.acquire(timeout=5)
        await desk.until(2)
        assert desk.notes.keys == "4"
        desk.board.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["lgpio", "gpiod"])
def test_a_line_that_another_program_holds_is_left_out(kind: PinLibrary, chip: Chip) -> None:
    async def scenario() -> None:
        chip.held_by_others.add(24)
        wires = InMemory(chip, kind)
        desk = Desk(wires, replace(SETTINGS, lamps=(LampWiring("line", Wire(24, "b.yaml:9: lamps[0].pin")),)))
        assert len(desk.board.faults) == 1
        assert "b.yaml:9: lamps[0].pin: GPIO24 is held by another program" in desk.board.faults[0]
        wires.ground(17, True)
        await desk.until(1)
        desk.board.close()

    asyncio.run(scenario())
