"""From the board file's model to the wiring that the adapters read."""

from collections.abc import Mapping

from offhook.config.board_schema import BoardConfig
from offhook.config.faults import joined
from offhook.hardware.settings import (
    LAYOUTS,
    BoardSettings,
    ButtonWiring,
    GpioWiring,
    HookWiring,
    KeyWiring,
    LampWiring,
    MainsWiring,
    MatrixWiring,
    RingerWiring,
    RotaryWiring,
    Wire,
)


def board_settings(board: BoardConfig, origins: Mapping[str, str]) -> BoardSettings:
    """Return the wiring; ``origins`` says where in the file each pin was named."""

    def wire(pin: int, path: str) -> Wire:
        return Wire(pin, origins.get(path, path))

    hook, matrix, rotary, ringer, mains = board.hook, board.matrix, board.rotary, board.ringer, board.mains
    return BoardSettings(
        kind=board.kind,
        keypad=board.keypad,
        hook=HookWiring(wire(hook.pin, "hook.pin"), hook.normally == "open", hook.bounce_ms / 1000) if hook else None,
        matrix=MatrixWiring(
            tuple(wire(pin, f"matrix.rows[{n}]") for n, pin in enumerate(matrix.rows)),
            tuple(wire(pin, f"matrix.columns[{n}]") for n, pin in enumerate(matrix.columns)),
            LAYOUTS[board.keypad],
        )
        if matrix and board.keypad in LAYOUTS
        else None,
        keys=tuple(KeyWiring(key, wire(pin, joined("keys", key))) for key, pin in board.keys.items()),
        rotary=RotaryWiring(
            wire(rotary.pulse, "rotary.pulse"),
            rotary.normally == "closed",
            None if rotary.off_normal is None else wire(rotary.off_normal, "rotary.off_normal"),
            rotary.order,
            rotary.bounce_ms / 1000,
        )
        if rotary
        else None,
        lamps=tuple(
            LampWiring(
                lamp.name, None if lamp.pin is None else wire(lamp.pin, f"lamps[{n}].pin"), lamp.active == "high"
            )
            for n, lamp in enumerate(board.lamps)
        ),
        buttons=tuple(
            ButtonWiring(button.name, None if button.pin is None else wire(button.pin, f"buttons[{n}].pin"))
            for n, button in enumerate(board.buttons)
        ),
        ringer=RingerWiring(wire(ringer.pin, "ringer.pin"), ringer.active == "high") if ringer else None,
        power=board.power,
        mains=MainsWiring(wire(mains.pin, "mains.pin"), mains.active == "high") if mains else None,
        gpio=GpioWiring(board.gpio.factory, board.gpio.chip),
    )
