"""How a board is wired, as the board file says it: plain frozen values for the adapters of this room.

Pins are BCM numbers. Every contact connects its pin to ground; the chip's own pull-up makes an open contact read
high. Each :class:`Wire` carries the place in the board file that named it, so that a wrong pin can be reported there.
"""

from typing import Literal

from msgspec import Struct

BoardKind = Literal["gpio", "simulated"]
KeypadKind = Literal["4x4", "4x3", "direct", "rotary", "none"]
RotaryOrder = Literal["standard", "sweden", "new_zealand"]
PowerSource = Literal["none", "kernel"]
PinLibrary = Literal["auto", "lgpio", "gpiod"]

LAYOUTS: dict[str, tuple[str, ...]] = {
    "4x4": ("123A", "456B", "789C", "*0#D"),
    "4x3": ("123", "456", "789", "*0#"),
}


class Wire(Struct, frozen=True):
    """One pin: its BCM number, and where the board file names it (``phone.yaml:7: hook.pin``)."""

    bcm: int
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.origin}: GPIO{self.bcm}" if self.origin else f"GPIO{self.bcm}"


class GpioWiring(Struct, frozen=True):
    """Which library moves the pins, and the label of the chip that they are on; None: the one behind the header."""

    factory: PinLibrary = "auto"
    chip: str | None = None


class HookWiring(Struct, frozen=True):
    """The hook switch.

    ``normally_open``: the contact is open while the handset rests and closes to ground when it is lifted; False is
    the other way round. ``bounce`` is the longest contact bounce to be expected, in seconds.
    """

    pin: Wire
    normally_open: bool = True
    bounce: float = 0.030


class MatrixWiring(Struct, frozen=True):
    """A keypad of rows and columns; ``layout`` has one string per row, one key per column."""

    rows: tuple[Wire, ...]
    columns: tuple[Wire, ...]
    layout: tuple[str, ...]


class KeyWiring(Struct, frozen=True):
    """One key with a pin of its own."""

    key: str
    pin: Wire


class RotaryWiring(Struct, frozen=True):
    """A rotary dial.

    ``normally_closed``: the pulse contact is closed at rest and opens once per pulse, as in nearly every dial.
    ``off_normal`` closes while the dial is off its rest. ``order``: how many pulses a digit has; ``sweden`` sends one
    pulse for 0 and two for 1, ``new_zealand`` (and Oslo) ten minus the digit.
    """

    pulse: Wire
    normally_closed: bool = True
    off_normal: Wire | None = None
    order: RotaryOrder = "standard"
    bounce: float = 0.015


class LampWiring(Struct, frozen=True):
    """A lamp; ``pin`` None on a simulated board, where the pin is chosen for it."""

    name: str
    pin: Wire | None = None
    active_high: bool = True


class ButtonWiring(Struct, frozen=True):
    """A further button (``volume_up`` ...) that connects its pin to ground while pressed."""

    name: str
    pin: Wire | None = None


class RingerWiring(Struct, frozen=True):
    """A bell's or buzzer's driver: the pin is active for as long as the bell is to sound."""

    pin: Wire
    active_high: bool = True


class MainsWiring(Struct, frozen=True):
    """The line that tells whether mains is there: ``active_high`` where it is high while mains feeds the device."""

    pin: Wire
    active_high: bool = True


class BoardSettings(Struct, frozen=True):
    """The whole board. A simulated one needs only ``kind``, ``keypad`` and the names of lamps and buttons.

    Of ``matrix``, ``keys`` and ``rotary`` the one that ``keypad`` names is read; without ``hook`` a real board reports
    a fault and lives on, but the phone cannot be lifted.
    ``power`` names the source of supply readings: ``kernel`` is ``/sys/class/power_supply``. What ``mains`` says of the
    supply is believed before it.
    """

    kind: BoardKind
    keypad: KeypadKind
    hook: HookWiring | None = None
    matrix: MatrixWiring | None = None
    keys: tuple[KeyWiring, ...] = ()
    rotary: RotaryWiring | None = None
    lamps: tuple[LampWiring, ...] = ()
    buttons: tuple[ButtonWiring, ...] = ()
    ringer: RingerWiring | None = None
    power: PowerSource = "none"
    mains: MainsWiring | None = None
    gpio: GpioWiring = GpioWiring()
