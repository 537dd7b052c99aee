"""Which library moves gpiozero's pins: libgpiod, and lgpio where that does not work.

lgpio is gpiozero's own choice, but while an edge is awaited its thread looks 2000 times a second (``lgPthAlerts.c`` of
0.2.2.0: 0.5 ms of ppoll), all night long and on the battery too. libgpiod's sleeps until the kernel has an edge.
"""

import logging
from collections.abc import Callable

from gpiozero.exc import GPIOZeroError
from gpiozero.pins import Factory

from offhook.errors import DeviceError
from offhook.hardware.chips import GpioChip, find_chip
from offhook.hardware.settings import GpioWiring, PinLibrary

_log = logging.getLogger(__name__)

_TRIED: dict[PinLibrary, tuple[PinLibrary, ...]] = {
    "auto": ("gpiod", "lgpio"),
    "lgpio": ("lgpio",),
    "gpiod": ("gpiod",),
}


class _Unusable(Exception):
    """Why a library cannot be taken, as the end of a sentence that begins with its name."""


def open_factory(wiring: GpioWiring, find: Callable[[str | None], GpioChip] = find_chip) -> Factory:
    """Open the pins of this machine, and say in one line of the log by what and why. Raises DeviceError."""
    chip = find(wiring.chip)
    refused: list[str] = []
    for library in _TRIED[wiring.factory]:
        try:
            factory, machine = _lgpio(chip) if library == "lgpio" else _gpiod(chip)
        except _Unusable as error:
            refused.append(f"{library} {error}")
            continue
        if wiring.factory != "auto":
            why = "as the board file says"
        else:
            why = f"since {refused[0]}" if refused else "the first choice"
        _log.info("pins: %s on %s (%s), %s; %s", library, chip.path, chip.label, why, machine)
        return factory
    raise DeviceError(
        f"the pins on {chip.path} cannot be opened ({'; '.join(refused)}): install gpiod or lgpio for this Python"
    )


def _lgpio(chip: GpioChip) -> tuple[Factory, str]:
    try:
        import lgpio
    except ImportError:
        raise _Unusable("is not installed") from None
    except Exception as error:  # it makes pipes in the working directory when it is imported: lgpio.error, OSError
        raise _Unusable(f"cannot be loaded ({error})") from error
    if not hasattr(lgpio, "gpiochip_open"):
        # PyPI has no wheel for every Python; pip then takes version 0.0.0.2, which is an empty module.
        raise _Unusable("is an empty stub (pip uninstall lgpio)")
    from gpiozero.pins.lgpio import LGPIOFactory

    try:
        factory = LGPIOFactory(chip=chip.number)
    except (GPIOZeroError, OSError, lgpio.error) as error:
        raise _Unusable(f"cannot open the chip ({error})") from error
    try:
        return factory, factory.board_info.description
    except (GPIOZeroError, OSError, ValueError) as error:
        factory.close()
        raise _Unusable("finds no Raspberry Pi's revision") from error


def _gpiod(chip: GpioChip) -> tuple[Factory, str]:
    try:
        from offhook.hardware.gpiodpins import GpiodFactory
    except ImportError:
        raise _Unusable("is not installed") from None
    try:
        factory = GpiodFactory(chip)
        return factory, factory.machine
    except OSError as error:
        raise _Unusable(f"cannot open the chip ({error.strerror})") from error
