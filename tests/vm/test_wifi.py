"""Wi-Fi from the card's file: the phone joins an access point by radio, and has no other network."""

import re

import pytest

from imagebuild.guest import Guest
from tests.support.access_point import AccessPoint
from tests.support.vm_exchange import VmExchange, settings
from tests.vm.conftest import CARD, put_card

pytestmark = [pytest.mark.vm, pytest.mark.long]

SSID = "Tante \u00c5ses nett; 2"
PSK = " back\\slash; = #5 "
WIFI = """\
network:
  wifi:
    ssid: "Tante \u00c5ses nett; 2"
    psk: ' back\\slash; = #5 '
    country: "NO"
    security: {security}
"""
PATIENCE_S = 180.0


@pytest.mark.parametrize("security", ["auto", "wpa3"])
def test_a_phone_whose_card_names_a_wifi_registers_over_it(phone: Guest, exchange: VmExchange, security: str) -> None:
    phone.sh("systemctl stop offhook.service NetworkManager.service", 120)
    put_card(phone, settings(exchange.address, WIFI.format(security=security)))
    phone.sh("systemctl start offhook-firstboot.service", 300)
    with AccessPoint(phone, SSID, PSK, wpa3=security == "wpa3"):  # the radio appears: udev tells it the country
        phone.sh("iw dev wlan0 set power_save on")  # as many a kernel and driver have it
        assert "Power save: on" in phone.sh("iw dev wlan0 get power_save").out
        phone.sh("systemctl start --no-block NetworkManager.service offhook.service")
        phone.wait_until(lambda: own_address(phone) != "", "an address by radio", PATIENCE_S)
        address = own_address(phone)
        phone.wait_until(
            lambda: any(address in each for each in exchange.registrar.contacts("1001")), "REGISTER", PATIENCE_S
        )
        assert "Power save: off" in phone.sh("iw dev wlan0 get power_save").out
        assert "country NO" in phone.sh("iw reg get").out
        assert PSK not in phone.sh(f"cat {CARD}").out
        assert phone.sh("stat -c %a /etc/NetworkManager/system-connections/offhook-wifi.nmconnection").out == "600\n"


def own_address(phone: Guest) -> str:
    """The radio's IPv4 address; empty while it has none."""
    found = re.search(r"inet ([\d.]+)/", phone.sh("ip -4 -o addr show dev wlan0", check=False).out)
    return found[1] if found is not None else ""
