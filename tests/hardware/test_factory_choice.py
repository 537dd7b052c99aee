"""Which library moves the pins: every way in which one can be missing, and what is said about it."""

import errno
import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from gpiozero.exc import PinUnknownPi

from offhook.errors import DeviceError
from offhook.hardware.chips import GpioChip, find_chip
from offhook.hardware.factory import open_factory
from offhook.hardware.gpiodpins import GpiodFactory
from offhook.hardware.settings import GpioWiring, PinLibrary
from tests.support.fake_gpiod import Requests, fake_gpiod
from tests.support.fake_lgpio import Chip, fake_lgpio

CHIP = GpioChip(Path("/dev/gpiochip0"), 0, "pinctrl-bcm2835", 54)
AUTO = GpioWiring()


class Machine:
    """A machine on which everything works, for a test to break."""

    def __init__(self, patch: pytest.MonkeyPatch, chip: Chip) -> None:
        self.patch = patch
        self.lgpio = fake_lgpio(chip)
        self.gpiod: Requests = fake_gpiod(patch, chip)
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.lgpio.gpiochip_open = lambda number: self.opened.append(number) or 7  # type: ignore[attr-defined,func-returns-value]
        self.lgpio.gpiochip_close = self.closed.append  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "lgpio", self.lgpio)
        patch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
        self.revision(0xA02082)

    def revision(self, revision: int | Exception) -> None:
        def told() -> int:
            if isinstance(revision, Exception):
                raise revision
            return revision

        for module in ("gpiozero.pins.local", "offhook.hardware.gpiodpins"):
            self.patch.setattr(f"{module}.get_pi_revision", told)

    def without_lgpio(self) -> None:
        self.patch.setitem(sys.modules, "lgpio", None)

    def with_the_stub(self) -> None:
        self.patch.setitem(sys.modules, "lgpio", ModuleType("lgpio"))

    def with_an_lgpio_that_fails_to_load(self) -> None:
        class Finder:
            @staticmethod
            def find_spec(name: str, path: object = None, target: object = None) -> None:
                if name == "lgpio":
                    raise FileNotFoundError(errno.ENOENT, "no such file", ".lgd-nfy-3")

        self.patch.delitem(sys.modules, "lgpio")
        self.patch.setattr(sys, "meta_path", [Finder, *sys.meta_path])

    def with_an_lgpio_that_opens_nothing(self) -> None:
        def refuse(number: int) -> int:
            raise self.lgpio.error("can not open gpiochip")

        self.lgpio.gpiochip_open = refuse  # type: ignore[attr-defined]

    def without_a_revision(self) -> None:
        self.revision(PinUnknownPi("unable to locate Pi revision"))

    def with_a_hidden_revision(self) -> None:
        self.revision(PermissionError(errno.EACCES, "denied"))

    def without_gpiod(self) -> None:
        for name in ("offhook.hardware.gpiodpins", "offhook.hardware.gpiodpin"):
            self.patch.delitem(sys.modules, name, raising=False)
        self.patch.setitem(sys.modules, "gpiod", None)

    def with_a_gpiod_that_opens_nothing(self) -> None:
        self.gpiod.refused = errno.EPERM


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    yield Machine(monkeypatch, Chip())
    sys.modules.pop("gpiozero.pins.lgpio", None)


def pins_line(caplog: pytest.LogCaptureFixture) -> str:
    """The only line that was logged."""
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("offhook")]
    return line


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


CHIP_SAID = "/dev/gpiochip0 (pinctrl-bcm2835)"
PI = "Raspberry Pi 3B rev 1.2"


def test_libgpiod_is_taken_where_it_works(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    factory = open_factory(AUTO, lambda label: CHIP)
    assert isinstance(factory, GpiodFactory)
    assert pins_line(caplog) == f"pins: gpiod on {CHIP_SAID}, the first choice; {PI}"
    assert machine.opened == []
    factory.close()


@pytest.mark.parametrize("broken", [Machine.without_a_revision, Machine.with_a_hidden_revision])
def test_libgpiod_serves_a_machine_that_does_not_say_which_it_is(
    machine: Machine, caplog: pytest.LogCaptureFixture, broken: Callable[[Machine], None]
) -> None:
    broken(machine)
    factory = open_factory(AUTO, lambda label: CHIP)
    assert isinstance(factory, GpiodFactory)
    assert pins_line(caplog) == (
        f"pins: gpiod on {CHIP_SAID}, the first choice; no Raspberry Pi's revision: its 40-pin header is assumed"
    )
    factory.close()


NO_GPIOD = [
    (Machine.without_gpiod, "gpiod is not installed"),
    (Machine.with_a_gpiod_that_opens_nothing, "gpiod cannot open the chip (Operation not permitted)"),
]


@pytest.mark.parametrize(("broken", "reason"), NO_GPIOD)
def test_lgpio_is_taken_where_libgpiod_does_not_work_and_one_line_says_why(
    machine: Machine, caplog: pytest.LogCaptureFixture, broken: Callable[[Machine], None], reason: str
) -> None:
    broken(machine)
    factory = open_factory(AUTO, lambda label: CHIP)
    assert type(factory).__name__ == "LGPIOFactory"
    assert pins_line(caplog) == f"pins: lgpio on {CHIP_SAID}, since {reason}; {PI}"
    factory.close()


@pytest.mark.parametrize(("no_gpiod", "no_gpiod_said"), NO_GPIOD)
@pytest.mark.parametrize(
    ("no_lgpio", "no_lgpio_said"),
    [
        (Machine.without_lgpio, "lgpio is not installed"),
        (Machine.with_the_stub, "lgpio is an empty stub (pip uninstall lgpio)"),
        (
            Machine.with_an_lgpio_that_fails_to_load,
            "lgpio cannot be loaded ([Errno 2] no such file: '.lgd-nfy-3')",
        ),
        (Machine.with_an_lgpio_that_opens_nothing, "lgpio cannot open the chip (can not open gpiochip)"),
        (Machine.without_a_revision, "lgpio finds no Raspberry Pi's revision"),
        (Machine.with_a_hidden_revision, "lgpio finds no Raspberry Pi's revision"),
    ],
)
def test_where_neither_works_both_reasons_are_told(
    machine: Machine,
    no_gpiod: Callable[[Machine], None],
    no_gpiod_said: str,
    no_lgpio: Callable[[Machine], None],
    no_lgpio_said: str,
) -> None:
    no_lgpio(machine)
    no_gpiod(machine)
    with pytest.raises(DeviceError) as caught:
        open_factory(AUTO, lambda label: CHIP)
    assert str(caught.value) == (
        f"the pins on /dev/gpiochip0 cannot be opened ({no_gpiod_said}; {no_lgpio_said}): "
        "install gpiod or lgpio for this Python"
    )
    assert len(machine.closed) == len(machine.opened)


@pytest.mark.parametrize(("library", "name"), [("lgpio", "LGPIOFactory"), ("gpiod", "GpiodFactory")])
def test_the_board_file_may_name_the_library(
    machine: Machine, caplog: pytest.LogCaptureFixture, library: PinLibrary, name: str
) -> None:
    factory = open_factory(GpioWiring(library), lambda label: CHIP)
    assert type(factory).__name__ == name
    assert pins_line(caplog) == f"pins: {library} on {CHIP_SAID}, as the board file says; {PI}"
    factory.close()


@pytest.mark.parametrize(("library", "broken"), [("lgpio", Machine.without_lgpio), ("gpiod", Machine.without_gpiod)])
def test_the_library_that_the_board_file_names_is_not_replaced_by_the_other(
    machine: Machine, library: PinLibrary, broken: Callable[[Machine], None]
) -> None:
    broken(machine)
    with pytest.raises(DeviceError, match=rf"\({library} is not installed\)"):
        open_factory(GpioWiring(library), lambda label: CHIP)


@pytest.mark.parametrize("library", ["lgpio", "gpiod"])
def test_on_a_raspberry_pi_5_the_chip_is_the_one_with_the_label_not_number_4_or_0(
    machine: Machine, tmp_path: Path, library: PinLibrary
) -> None:
    machine.revision(0xC04170)
    labels = {
        "gpiochip0": "gpio-brcmstb@107d508500",
        "gpiochip4": "gpio-brcmstb@107d517c00",
        "gpiochip13": "pinctrl-rp1",
    }
    for name in labels:
        (tmp_path / name).touch()
    find = partial(find_chip, devices=tmp_path, describe=lambda path: (labels[path.name], 54))
    factory = open_factory(GpioWiring(library), find)
    opened = machine.opened if library == "lgpio" else machine.gpiod.opened
    assert opened == ([13] if library == "lgpio" else [str(tmp_path / "gpiochip13")])
    factory.close()


def test_no_library_is_tried_on_a_machine_without_the_chip(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").touch()
    find = partial(find_chip, devices=tmp_path, describe=lambda path: ("raspberrypi-exp-gpio", 8))
    with pytest.raises(DeviceError, match="no GPIO chip is pinctrl-bcm2835"):
        open_factory(AUTO, find)
    with pytest.raises(DeviceError, match="no GPIO chip is my-pins"):
        open_factory(GpioWiring(chip="my-pins"), find)
    assert (machine.opened, machine.gpiod.opened) == ([], [])
