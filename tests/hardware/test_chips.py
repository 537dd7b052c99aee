import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.errors import DeviceError
from offhook.hardware.chips import GpioChip, describe, find_chip

Answer = tuple[str, int] | OSError
DENIED = PermissionError(errno.EACCES, "denied")


def machine(folder: Path, **chips: Answer) -> Callable[[str | None], GpioChip]:
    """Return a finder on a machine with these chips."""
    for name in chips:
        (folder / name).touch()

    def told(path: Path) -> tuple[str, int]:
        answer = chips[path.name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    return lambda label=None: find_chip(label, folder, told)


@pytest.mark.parametrize("label", ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"])
def test_the_headers_chip_is_found_among_others_whatever_its_number(tmp_path: Path, label: str) -> None:
    find = machine(
        tmp_path,
        gpiochip0=("gpio-brcmstb@107d508500", 32),
        gpiochip1=("raspberrypi-exp-gpio", 8),
        gpiochip11=(label, 54),
        gpiochip2=("brcmvirt-gpio", 2),
    )
    assert find(None) == GpioChip(tmp_path / "gpiochip11", 11, label, 54)


def test_an_old_number_that_is_only_a_link_is_not_a_second_chip(tmp_path: Path) -> None:
    find = machine(tmp_path, gpiochip0=("pinctrl-rp1", 54))
    (tmp_path / "gpiochip4").symlink_to("gpiochip0")
    assert find(None).number == 0


def test_an_expander_is_never_taken_for_the_header(tmp_path: Path) -> None:
    find = machine(tmp_path, gpiochip0=("pcf8575", 16), gpiochip1=("raspberrypi-exp-gpio", 8))
    with pytest.raises(DeviceError, match=r"no GPIO chip is pinctrl.*0 is pcf8575, .*gpio: {chip: LABEL}"):
        find(None)


def test_a_label_in_the_board_file_is_taken_and_no_other(tmp_path: Path) -> None:
    find = machine(tmp_path, gpiochip0=("pinctrl-bcm2835", 54), gpiochip1=("phone pins", 54))
    assert find("phone pins").number == 1
    with pytest.raises(DeviceError, match="no GPIO chip is phone "):
        find("phone")


def test_two_chips_with_the_label_are_not_guessed_between(tmp_path: Path) -> None:
    find = machine(tmp_path, gpiochip0=("pinctrl-bcm2835", 54), gpiochip1=("pinctrl-bcm2835", 54))
    with pytest.raises(DeviceError, match=r"gpiochip0 with 54 lines, .*gpiochip1 with 54 lines"):
        find(None)


def test_a_chip_with_too_few_lines_is_not_the_header(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="28 lines or more"):
        machine(tmp_path, gpiochip0=("pinctrl-bcm2835", 8))(None)


def test_a_machine_without_chips_is_told(tmp_path: Path) -> None:
    (tmp_path / "gpiochip-like").touch()
    with pytest.raises(DeviceError, match="is this a Raspberry Pi"):
        find_chip(None, tmp_path)


def test_chips_that_may_not_be_opened_are_told(tmp_path: Path) -> None:
    find = machine(tmp_path, gpiochip0=DENIED, gpiochip1=("raspberrypi-exp-gpio", 8))
    with pytest.raises(DeviceError, match="gpiochip0 may not be opened: add the phone's user to the group gpio"):
        find(None)


def test_a_chip_that_may_not_be_opened_is_no_matter_where_the_right_one_may(tmp_path: Path) -> None:
    assert machine(tmp_path, gpiochip0=DENIED, gpiochip1=("pinctrl-bcm2711", 58))(None).number == 1


def test_what_is_no_gpio_chip_is_passed_over(tmp_path: Path) -> None:
    find = machine(tmp_path, gpiochip0=OSError(errno.ENOTTY, "no"), gpiochip1=("pinctrl-bcm2711", 58))
    assert find(None).number == 1


def test_label_and_lines_are_read_as_the_kernel_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(fd: int, request: int, room: bytes) -> bytes:
        assert (request, len(room)) == (0x8044B401, 68)
        return struct.pack("32s32sI", b"gpiochip0", b"pinctrl-rp1", 54)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    device = tmp_path / "gpiochip0"
    device.touch()
    before = len(os.listdir("/proc/self/fd"))
    assert describe(device) == ("pinctrl-rp1", 54)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_device_that_is_no_gpio_chip_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        describe(Path("/dev/null"))
