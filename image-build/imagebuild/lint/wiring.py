"""Pins of the board files against what the image's boot files switch on."""

from collections.abc import Iterator
from pathlib import Path

from imagebuild.lint.fault import Fault
from imagebuild.lint.firmware_text import settings_in
from offhook.config.board_schema import BoardConfig
from offhook.config.faults import ConfigError
from offhook.config.load import load_board
from offhook.config.overlays import I2C, I2S, OVERLAYS, SPI, UART, overlay_name, overlay_pins

BUSES = {"i2c": I2C, "i2c_arm": I2C, "i2s": I2S, "spi": SPI, "uart0": UART}


def pins_of(board: BoardConfig) -> dict[int, str]:
    """Return every pin of a board with the setting that names it."""
    found: dict[int, str] = {}
    if board.hook is not None:
        found[board.hook.pin] = "hook.pin"
    if board.mains is not None:
        found[board.mains.pin] = "mains.pin"
    if board.ringer is not None:
        found[board.ringer.pin] = "ringer.pin"
    if board.matrix is not None:
        found |= {pin: f"matrix.rows[{index}]" for index, pin in enumerate(board.matrix.rows)}
        found |= {pin: f"matrix.columns[{index}]" for index, pin in enumerate(board.matrix.columns)}
    if board.rotary is not None:
        found[board.rotary.pulse] = "rotary.pulse"
        if board.rotary.off_normal is not None:
            found[board.rotary.off_normal] = "rotary.off_normal"
    found |= {pin: f"keys.{key}" for key, pin in board.keys.items()}
    named = [(f"lamps[{index}].pin", lamp.pin) for index, lamp in enumerate(board.lamps)]
    named += [(f"buttons[{index}].pin", button.pin) for index, button in enumerate(board.buttons)]
    found |= {pin: name for name, pin in named if pin is not None}
    return found


def taken_by(text: str) -> dict[int, str]:
    """Return the pins that a ``config.txt`` takes on any model, each with the line that does."""
    taken: dict[int, str] = {}
    for setting in settings_in(text):
        pins: tuple[int, ...] = ()
        if setting.name == "dtparam":
            for parameter in setting.value.split(","):
                bus, _, state = parameter.partition("=")
                pins += BUSES.get(bus, ()) if state not in ("off", "no", "0") else ()
        elif setting.name == "dtoverlay":
            pins = tuple(sorted(overlay_pins(setting.value) or ()))
        elif setting.name == "enable_uart" and setting.value == "1":
            pins = UART
        taken |= {pin: f"{setting.name}={setting.value}" for pin in pins}
    return taken


def board_faults(file: Path, boot: dict[str, str]) -> Iterator[Fault]:
    """``boot``: the boot files that are read on every phone, by name. A board's own overlays are seen by its loader."""
    name = f"{file.parent.name}/{file.name}"
    try:
        board = load_board(file.read_text(), name)
    except ConfigError as error:
        yield from (Fault(name, fault.line or 0, f"{fault.path}: {fault.message}") for fault in error.faults)
        return
    if board.kind != "gpio":
        return
    for line in board.overlays:
        if overlay_name(line) not in OVERLAYS:
            yield Fault(
                name, 0, f"the overlay {overlay_name(line)} is not in the table of overlays: add it, with its pins"
            )
    for text_name, text in boot.items():
        taken = taken_by(text)
        for pin, setting in sorted(pins_of(board).items()):
            if pin in taken:
                yield Fault(name, 0, f"{setting}: GPIO{pin} is taken by {taken[pin]} of {text_name}")
