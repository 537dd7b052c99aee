"""Gives a simulated board its pins: what the board file does not name gets a pin of its own."""

from collections.abc import Iterator

from msgspec.structs import replace

from offhook.errors import DeviceError
from offhook.hardware.settings import (
    LAYOUTS,
    BoardSettings,
    HookWiring,
    KeyWiring,
    MatrixWiring,
    RingerWiring,
    RotaryWiring,
    Wire,
)

_DIRECT_KEYS = "1234567890*#"


def wire_up(settings: BoardSettings) -> BoardSettings:
    """Return ``settings`` with every part wired. Raises DeviceError where there are more parts than pins."""
    pins = _free_pins(settings)
    try:
        return _wire_up(settings, pins)
    except StopIteration:
        raise DeviceError(
            "the board file names more lamps, buttons and keys than there are pins: take some out"
        ) from None


def _wire_up(settings: BoardSettings, pins: Iterator[int]) -> BoardSettings:
    def wire(name: str) -> Wire:
        return Wire(next(pins), name)

    matrix, keys, rotary = settings.matrix, settings.keys, settings.rotary
    match settings.keypad:
        case "4x4" | "4x3" if matrix is None:
            layout = LAYOUTS[settings.keypad]
            rows = tuple([wire("row") for _ in layout])
            columns = tuple([wire("column") for _ in layout[0]])
            matrix = MatrixWiring(rows, columns, layout)
        case "direct" if not keys:
            keys = tuple([KeyWiring(key, wire(f"key {key}")) for key in _DIRECT_KEYS])
        case "rotary" if rotary is None:
            rotary = RotaryWiring(wire("pulse"), off_normal=wire("off-normal"))
    return replace(
        settings,
        hook=settings.hook or HookWiring(wire("hook")),
        matrix=matrix,
        keys=keys,
        rotary=rotary,
        ringer=settings.ringer or RingerWiring(wire("ringer")),
        mains=None,  # whoever moves the simulated board says it with the rest of the supply
        lamps=tuple([lamp if lamp.pin else replace(lamp, pin=wire(lamp.name)) for lamp in settings.lamps]),
        buttons=tuple(
            [button if button.pin else replace(button, pin=wire(button.name)) for button in settings.buttons]
        ),
    )


def _free_pins(settings: BoardSettings) -> Iterator[int]:
    """Yield the pins of the 40-pin header that the board file leaves free, those with fixed pull-ups last."""
    wires = [lamp.pin for lamp in settings.lamps] + [button.pin for button in settings.buttons]
    wires += [key.pin for key in settings.keys]
    if settings.matrix:
        wires += [*settings.matrix.rows, *settings.matrix.columns]
    if settings.rotary:
        wires += [settings.rotary.pulse, settings.rotary.off_normal]
    wires += [part.pin for part in (settings.hook, settings.ringer) if part]
    taken = {wire.bcm for wire in wires if wire}
    return iter([bcm for bcm in (*range(4, 28), 2, 3) if bcm not in taken])
