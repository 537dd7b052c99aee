"""The kernel's power_supply class, played by a tree of files."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.errors import DeviceError
from offhook.hardware.battery import KernelBattery
from offhook.power.reading import PowerReading

MAINS = {"type": "Mains", "online": "1"}
BATTERY = {
    "type": "Battery",
    "present": "1",
    "status": "Discharging",
    "capacity": "42",
    "voltage_now": "3710000",
    "current_now": "-400000",
}
MAX17040 = {"type": "Battery", "online": "1", "capacity": "42", "voltage_now": "3710000", "capacity_alert_min": "4"}


def supply(root: Path, name: str, attributes: dict[str, str]) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for attribute, value in attributes.items():
        (folder / attribute).write_text(value + "\n")
    return folder


def break_attribute(folder: Path, name: str) -> None:
    """Make reading fail with an OSError that is not "no such file", as a bus error does."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()


def test_mains_and_battery_are_read_together(tmp_path: Path) -> None:
    supply(tmp_path, "ac", MAINS)
    supply(tmp_path, "battery", BATTERY)
    assert KernelBattery(tmp_path).read() == PowerReading(ac=True, percent=42.0, volts=3.71, amps=-0.4, gauge_ok=True)


@pytest.mark.parametrize("kind", ["Mains", "USB", "USB_PD", "Wireless"])
@pytest.mark.parametrize(("online", "ac"), [("0", False), ("1", True), ("2", True)])
def test_the_online_of_a_supply_tells_mains(tmp_path: Path, kind: str, online: str, ac: bool) -> None:
    supply(tmp_path, "charger", {"type": kind, "online": online})
    assert KernelBattery(tmp_path).read() == PowerReading(ac=ac)


def test_one_supply_that_is_online_is_enough(tmp_path: Path) -> None:
    supply(tmp_path, "ac", {"type": "Mains", "online": "0"})
    supply(tmp_path, "usb", {"type": "USB", "online": "1"})
    assert KernelBattery(tmp_path).read().ac is True


def test_the_online_of_a_gauge_chip_is_not_believed(tmp_path: Path) -> None:
    supply(tmp_path, "max17040", MAX17040)
    assert KernelBattery(tmp_path).read().ac is None
    supply(tmp_path, "power-good", {"type": "Mains", "online": "0"})
    assert KernelBattery(tmp_path).read().ac is False


@pytest.mark.parametrize(
    ("status", "ac"),
    [("Discharging", False), ("Charging", True), ("Full", True), ("Not charging", True), ("Unknown", None)],
)
def test_without_a_mains_supply_the_batterys_status_tells(tmp_path: Path, status: str, ac: bool | None) -> None:
    supply(tmp_path, "battery", BATTERY | {"status": status})
    assert KernelBattery(tmp_path).read().ac is ac


@pytest.mark.parametrize(
    ("status", "current", "amps"),
    [
        ("Discharging", "400000", -0.4),
        ("Discharging", "-400000", -0.4),
        ("Charging", "-400000", 0.4),
        ("Full", "-5000", -0.005),
    ],
)
def test_the_current_is_negative_while_it_discharges(tmp_path: Path, status: str, current: str, amps: float) -> None:
    supply(tmp_path, "battery", BATTERY | {"status": status, "current_now": current})
    assert KernelBattery(tmp_path).read().amps == amps


def test_a_gauge_without_capacity_is_read_by_charge_or_energy(tmp_path: Path) -> None:
    supply(tmp_path / "a", "b", {"type": "Battery", "charge_now": "500000", "charge_full": "2000000"})
    supply(tmp_path / "e", "b", {"type": "Battery", "energy_now": "3000000", "energy_full": "4000000"})
    assert KernelBattery(tmp_path / "a").read().percent == 25.0
    assert KernelBattery(tmp_path / "e").read().percent == 75.0


def test_a_charge_above_one_hundred_is_one_hundred(tmp_path: Path) -> None:
    supply(tmp_path, "battery", BATTERY | {"capacity": "103"})
    assert KernelBattery(tmp_path).read().percent == 100.0


@pytest.mark.parametrize("attribute", ["capacity", "voltage_now", "current_now"])
def test_an_attribute_that_cannot_be_read_is_a_silent_gauge_and_the_rest_stands(tmp_path: Path, attribute: str) -> None:
    supply(tmp_path, "ac", MAINS | {"online": "0"})
    break_attribute(supply(tmp_path, "battery", BATTERY), attribute)
    reading = KernelBattery(tmp_path).read()
    assert reading.ac is False
    assert reading.gauge_ok is False


@pytest.mark.parametrize("value", ["", "full", "4 2", "0x2a", "\xff"])
def test_an_attribute_that_is_no_number_is_a_silent_gauge(tmp_path: Path, value: str) -> None:
    supply(tmp_path, "battery", BATTERY | {"capacity": value})
    reading = KernelBattery(tmp_path).read()
    assert (reading.percent, reading.gauge_ok) == (None, False)


def test_a_battery_that_was_taken_out_is_a_silent_gauge(tmp_path: Path) -> None:
    folder = supply(tmp_path, "battery", BATTERY)
    gauge = KernelBattery(tmp_path)
    assert gauge.read().gauge_ok
    (folder / "present").write_text("0\n")
    assert gauge.read().gauge_ok is False
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    assert gauge.read() == PowerReading(gauge_ok=False)


def test_the_battery_of_a_mouse_is_none_of_ours(tmp_path: Path) -> None:
    supply(tmp_path, "ac", MAINS)
    supply(tmp_path, "hid-mouse", {"type": "Battery", "scope": "Device", "capacity": "3", "status": "Discharging"})
    assert KernelBattery(tmp_path).read() == PowerReading(ac=True)


def test_two_batteries_count_together(tmp_path: Path) -> None:
    supply(tmp_path, "b0", BATTERY | {"capacity": "40", "current_now": "-100000"})
    supply(tmp_path, "b1", BATTERY | {"capacity": "60", "current_now": "-300000"})
    reading = KernelBattery(tmp_path).read()
    assert (reading.percent, reading.amps) == (50.0, -0.4)


def test_no_supply_at_all_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="power: none"):
        KernelBattery(tmp_path).read()
    with pytest.raises(DeviceError, match="No such file"):
        KernelBattery(tmp_path / "missing").read()


VALUES = st.text(st.characters(codec="ascii", exclude_characters="\r"), max_size=12) | st.integers().map(str)
NAMES = st.sampled_from(
    ["type", "scope", "online", "present", "status", "capacity", "voltage_now", "current_now", "charge_full"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, VALUES | st.sampled_from(["Battery", "Mains", "Discharging"])), st.integers(0, 10**9))
def test_whatever_the_files_say_it_is_a_reading_or_a_device_error(
    tmp_path: Path, attributes: dict[str, str], serial: int
) -> None:
    root = tmp_path / str(serial)
    supply(root, "x", attributes)
    try:
        reading = KernelBattery(root).read()
    except DeviceError:
        return
    assert reading.percent is None or 0.0 <= reading.percent <= 100.0
