"""The board file: how the handset is wired. :class:`BoardConfig` is what it becomes.

Pins are BCM numbers, as in ``GPIO17``. Every contact connects its pin to ground.
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from offhook.config.faults import quoted
from offhook.config.mixer import Mixer
from offhook.config.overlays import LINE, LONGEST_LINE
from offhook.config.scalars import DECIMAL, Identifier, filled, patterned, text, whole_number, wrong
from offhook.config.section import Section
from offhook.config.sound import PcmName

KEYS = "0123456789*#ABCD"
KEYPAD_SIZE = {"4x4": (4, 4), "4x3": (4, 3)}
LAST_PIN = 27
CHIP_LABEL = re.compile(r"^[!-~]([ -~]{0,29}[!-~])?$")


def pin_number(value: object) -> int:
    """Return a BCM pin number from ``17`` or ``GPIO17``."""
    source = value.removeprefix("GPIO") if isinstance(value, str) else value
    try:
        number = whole_number(source)
    except ValueError:
        raise wrong(f"{quoted(text(value))} is not a pin: write its BCM number, as 17 or GPIO17") from None
    if not 0 <= number <= LAST_PIN:
        raise wrong(f"there is no GPIO{number} on the header: BCM numbers go from 0 to {LAST_PIN}")
    return number


def key_name(value: object) -> str:
    """Return the name of a telephone key."""
    source = filled(value)
    if len(source) != 1 or source not in KEYS:
        raise wrong(f"{quoted(source)} is not a telephone key: 0-9, *, # and A-D are")
    return source


def overlay_line(value: object) -> str:
    """Return what stands after ``dtoverlay=``: a name, and parameters after commas."""
    source = filled(value).removeprefix("dtoverlay=")
    if not LINE.fullmatch(source):
        raise wrong(f"{quoted(source)} is not an overlay: write its name, as wm8960-soundcard, or name,parameter=value")
    if len(f"dtoverlay={source}") > LONGEST_LINE:
        raise wrong(f"is longer than the {LONGEST_LINE} characters of a line that the boot firmware reads: shorten it")
    return source


OverlayLine = Annotated[str, BeforeValidator(overlay_line)]


def chip_label(value: object) -> str:
    """Return the label of a GPIO chip: what the kernel allows, which is up to 31 plain characters."""
    source = filled(value)
    if not CHIP_LABEL.fullmatch(source):
        raise wrong(f"{quoted(source)} is no label of a GPIO chip: gpiodetect shows it in brackets")
    return source


Pin = Annotated[
    int,
    BeforeValidator(pin_number),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": LAST_PIN}, {"pattern": "^GPIO[0-9]+$"}]}),
]
Key = Annotated[str, BeforeValidator(key_name)]
ChipLabel = Annotated[str, BeforeValidator(chip_label), patterned(CHIP_LABEL.pattern)]


class Hook(Section):
    """The hook switch."""

    pin: Pin
    """Pin that the contact connects to ground."""
    normally: Literal["open", "closed"] = "open"
    """The contact while the handset rests: `open`, or `closed`."""
    bounce_ms: Annotated[float, Field(ge=1, le=100), DECIMAL] = 30.0
    """Longest contact bounce to be expected."""


class Matrix(Section):
    """A keypad of rows and columns."""

    rows: tuple[Pin, ...]
    """Pins of the rows, from the top."""
    columns: tuple[Pin, ...]
    """Pins of the columns, from the left."""


class Rotary(Section):
    """A rotary dial."""

    pulse: Pin
    """Pin of the pulse contact."""
    normally: Literal["open", "closed"] = "closed"
    """The pulse contact while the dial rests."""
    off_normal: Pin | None = None
    """Pin of the contact that closes while the dial is off its rest."""
    order: Literal["standard", "sweden", "new_zealand"] = "standard"
    """How many pulses a digit has."""
    bounce_ms: Annotated[float, Field(ge=1, le=50), DECIMAL] = 15.0
    """Longest contact bounce to be expected."""


class Output(Section):
    """Something that is switched on and off: a lamp, a bell's driver."""

    pin: Pin
    """Pin that drives it."""
    active: Literal["high", "low"] = "high"
    """Level of the pin while it is on."""


class Mains(Section):
    """The line on which a UPS, or a power supply, says whether mains is there."""

    pin: Pin
    """Pin that it drives, or connects to ground."""
    active: Literal["high", "low"] = "high"
    """Level of the pin while mains is there: `low` for a Geekworm X728, `high` for a SupTronics X120x."""


class Lamp(Section):
    """A lamp: its name alone on a simulated board, as `line`; with its pin on a real one."""

    bare_setting: ClassVar[str | None] = "name"

    name: Identifier
    """Name, as `line`, `message` or `battery`."""
    pin: Pin | None = None
    """Pin that drives it."""
    active: Literal["high", "low"] = "high"
    """Level of the pin while the lamp is on."""


class Button(Section):
    """A further button: its name alone on a simulated board, as `volume_up`; with its pin on a real one."""

    bare_setting: ClassVar[str | None] = "name"

    name: Identifier
    """Name, as `volume_up`."""
    pin: Pin | None = None
    """Pin that the button connects to ground."""


class BoardAudio(Section):
    """The board's own sound card, used where the config file names none."""

    capture: PcmName
    """ALSA device of the microphone."""
    playback: PcmName
    """ALSA device of the ear piece."""
    mixer: Mixer = Field(default_factory=dict)
    """What the simple elements of the cards' mixer shall be whenever the cards are opened, by the names that
    `amixer -c CARD scontents` shows: `on` and `off` (the switch), `60%` (the volume, and the switch on),
    `{capture: 60%, playback: off}` for an element that has both (a bare value means capture there), `{choice: Mic}` for
    one that offers items. With `optional: true` beside them a card without that element is no fault. The second element
    of a name is `"Mic,1"`."""


class Gpio(Section):
    """Which library moves the pins, and which chip they are on."""

    factory: Literal["auto", "lgpio", "gpiod"] = "auto"
    """`auto` takes libgpiod where it works, else lgpio; the journal says which and why."""
    chip: ChipLabel | None = None
    """Label of the chip, as `gpiodetect` shows it in brackets; not set: the chip of a Raspberry Pi's 40-pin header."""


class BoardConfig(Section):
    """The board file. A simulated board needs no pins: they are chosen for it."""

    kind: Literal["simulated", "gpio"]
    """`gpio`: the pins below; `simulated`: the same phone on pins that only exist in memory."""
    keypad: Literal["4x4", "4x3", "direct", "rotary", "none"] = "4x4"
    """`4x4` and `4x3` are rows and columns (`matrix`), `direct` has a pin for each key (`keys`)."""
    hook: Hook | None = None
    """The hook switch; a `gpio` board must have it."""
    matrix: Matrix | None = None
    """Pins of a `4x4` or `4x3` keypad."""
    keys: dict[Key, Pin] = Field(default_factory=dict)
    """Pin of each key of a `direct` keypad. Quote the keys: `"1": 5`, `"#": 6`."""
    rotary: Rotary | None = None
    """Pins of a `rotary` dial."""
    lamps: tuple[Lamp, ...] = ()
    """Lamps: names, or `{name: line, pin: 24}`."""
    buttons: tuple[Button, ...] = ()
    """Further buttons: names, or `{name: volume_up, pin: 22}`."""
    ringer: Output | None = None
    """The bell's or buzzer's driver."""
    power: Literal["none", "kernel"] = "none"
    """Where supply and battery are read: `kernel` is `/sys/class/power_supply`."""
    mains: Mains | None = None
    """The line that tells whether mains is there; believed before the kernel, as many gauges know the battery only."""
    gpio: Gpio = Field(default_factory=Gpio)
    """How the pins are reached; seldom needed."""
    audio: BoardAudio | None = None
    """The board's own sound card."""
    overlays: tuple[OverlayLine, ...] = ()
    """Device tree overlays that the board needs: what stands after `dtoverlay=`, as `wm8960-soundcard`."""
