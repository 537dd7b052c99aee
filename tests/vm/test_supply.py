"""Mains, battery and gauges of the virtual phone: what the kernel and the UPS's line say, the states, and the end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagebuild.guest import Guest
from tests.support.virtual_hands import VirtualHands
from tests.support.vm_exchange import VmExchange, settings
from tests.support.vm_phone import VmPhone
from tests.vm.conftest import REGISTERED, going_on

pytestmark = [pytest.mark.vm, pytest.mark.long]

QUICK = (
    "power: {outage_debounce_s: 0.5, restore_debounce_s: 0.5, shutdown_after_s: 2,"
    " low_percent: 25, critical_percent: 5}\n"
)
PATIENCE_S = 180.0


@pytest.fixture
def phone(registered: Guest, exchange: VmExchange, tmp_path: Path) -> Iterator[Guest]:
    """A running phone that does not wait long before it believes its supply."""
    with going_on(registered, tmp_path / "vm", REGISTERED) as guest:
        text = settings(exchange.address, more=QUICK)
        guest.put("/etc/offhook/offhook.yaml", text)
        guest.sh("systemctl restart offhook.service", 300)
        VmPhone(guest).wait_for(lambda status: bool(status["accounts"][0]["registered"]), "registration", PATIENCE_S)
        yield guest


def wait_for_power(phone: Guest, **wanted: object) -> dict[str, Any]:
    """Wait until the status says this of the supply."""

    def holds(status: dict[str, Any]) -> bool:
        return all(status["power"][name] == value for name, value in wanted.items())

    power: dict[str, Any] = VmPhone(phone).wait_for(holds, str(wanted), PATIENCE_S)["power"]
    return power


def test_line_and_battery_drive_the_states_as_far_as_the_machines_end(
    phone: Guest, hands: VirtualHands, exchange: VmExchange
) -> None:
    hands.battery(80)
    wait_for_power(phone, state="MAINS", source="mains", percent=80.0)
    assert not hands.lamp("battery")

    hands.mains_line(False)  # the kernel still says that the supply is online
    wait_for_power(phone, state="OUTAGE", source="battery")
    assert hands.lamp("battery")
    hands.mains_line(True)
    wait_for_power(phone, state="MAINS")
    assert not hands.lamp("battery")

    hands.mains(False)
    hands.battery(20)
    wait_for_power(phone, state="LOW", percent=20.0)
    assert {on for _, _, on in hands.watch([23], 4.0)} == {True, False}, "the lamp blinks"
    assert "LOW" in phone.sh("offhook status").out

    hands.battery(3)
    assert phone.wait_for_end(PATIENCE_S) == "off"
    phone_gone = time.monotonic() + 10
    while exchange.registrar.contacts("1001") and time.monotonic() < phone_gone:
        time.sleep(0.2)
    assert exchange.registrar.contacts("1001") == [], "the phone ended in order: it took its registration back"


def test_a_fuel_gauge_on_the_bus_tells_the_battery_and_the_line_the_mains(phone: Guest, hands: VirtualHands) -> None:
    phone.sh("rmmod test_power")
    bus = phone.sh("grep -l 'SMBus stub' /sys/class/i2c-dev/i2c-*/name").out.split("/")[4].removeprefix("i2c-")

    def register(number: int, value: int) -> None:
        """The gauge sends the high octet first, i2c-stub the low one; a driver has the gauge already."""
        swapped = (value & 0xFF) << 8 | value >> 8
        phone.sh(f"i2cset -f -y {bus} 0x36 {number:#x} {swapped:#x} w")

    register(0x02, 0xC350 & 0xFFF0)  # VCELL: 1.25 mV in the upper twelve bits
    register(0x04, 63 << 8)  # SOC: percent in the high octet
    phone.sh("modprobe max17040_battery")
    phone.sh(f"echo max17040 0x36 > /sys/bus/i2c/devices/i2c-{bus}/new_device")
    phone.wait_until(lambda: "capacity" in phone.sh("ls /sys/class/power_supply/*/", check=False).out, "the gauge")
    # The driver says "online" whatever happens: mains is what the line says.
    wait_for_power(phone, state="MAINS", source="mains", percent=63.0, gauge_ok=True)
    hands.mains_line(False)
    wait_for_power(phone, state="OUTAGE", source="battery")
    register(0x04, 17 << 8)
    wait_for_power(phone, state="LOW", percent=17.0)
    hands.mains_line(True)
    wait_for_power(phone, state="MAINS", source="mains")
