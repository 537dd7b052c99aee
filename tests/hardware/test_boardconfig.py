"""The board files that are shipped: they load, their pins work, and their wiring comments tell the truth."""

import asyncio
import re
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from offhook.config.load import load_board, origins
from offhook.daemon.boardfile import board_settings
from offhook.hardware.settings import BoardSettings, GpioWiring, Wire
from offhook.sim.board import SimulatedBoard
from tests.support.listener import Notebook
from tests.support.virtual_loop import run

FILES = sorted(Path("boardconfig").glob("*.yaml"))
REAL = [file for file in FILES if not file.name.startswith("simulated")]


def settings_of(file: Path) -> BoardSettings:
    text = file.read_text()
    return board_settings(load_board(text, str(file)), origins(text, str(file)))


def wires_of(settings: BoardSettings) -> list[Wire]:
    wires = [part.pin for part in (*settings.lamps, *settings.buttons) if part.pin]
    wires += [key.pin for key in settings.keys]
    if settings.matrix:
        wires += [*settings.matrix.rows, *settings.matrix.columns]
    if settings.rotary:
        wires += [wire for wire in (settings.rotary.pulse, settings.rotary.off_normal) if wire]
    return wires + [part.pin for part in (settings.hook, settings.ringer) if part]


def test_there_are_simulated_and_real_boards() -> None:
    assert {"simulated-4x4.yaml", "simulated-rotary.yaml"} < {file.name for file in FILES}
    assert len(REAL) >= 3


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_board_file_makes_a_phone_without_a_fault(file: Path) -> None:
    async def scenario() -> None:
        settings = settings_of(file)
        board, notes = SimulatedBoard(settings, (0.3, 1.0), asyncio.get_running_loop(), lambda: None), Notebook()
        board.start(notes)
        assert board.board.faults == ()
        await board.lift()
        await asyncio.sleep(0.1)
        if settings.keypad == "rotary":
            for digit in (1, 1, 2):
                await board.rotary(digit)
        else:
            await board.dial("112", 0.07, 0.07)
            await asyncio.sleep(0.1)
        assert notes.keys == "112"
        board.close()

    run(scenario)


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_the_wiring_comment_names_every_pin_and_its_place_on_the_header(file: Path) -> None:
    comment = "".join(line for line in file.read_text().splitlines(True) if line.startswith("#"))
    told = {int(bcm): int(pin) for bcm, pin in re.findall(r"GPIO(\d+)\s+pin (\d+)", comment)}
    header = {
        int(pin.name[4:]): number
        for number, pin in MockFactory().board_info.headers["J8"].pins.items()
        if pin.name.startswith("GPIO")
    }
    assert told == {wire.bcm: header[wire.bcm] for wire in wires_of(settings_of(file))}


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_every_wire_knows_its_line_in_the_board_file(file: Path) -> None:
    for wire in wires_of(settings_of(file)):
        assert re.match(rf"{re.escape(str(file))}:\d+: \w+.*: GPIO{wire.bcm}$", str(wire))


def test_a_board_file_says_how_its_pins_are_reached() -> None:
    plain = board_settings(load_board("kind: gpio\nkeypad: none\nhook: {pin: 17}\n"), {})
    assert plain.gpio == GpioWiring("auto", None)
    text = "kind: gpio\nkeypad: none\nhook: {pin: 17}\ngpio: {factory: gpiod, chip: pinctrl-rp1}\n"
    assert board_settings(load_board(text), {}).gpio == GpioWiring("gpiod", "pinctrl-rp1")


def test_the_sound_hat_keeps_its_own_pins() -> None:
    taken = {wire.bcm for wire in wires_of(settings_of(Path("boardconfig/wm8960-hat-4x4.yaml")))}
    assert not taken & {2, 3, 18, 19, 20, 21}
