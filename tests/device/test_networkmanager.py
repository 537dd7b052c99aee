"""Key files for NetworkManager say what the boot file says, whatever the names and passwords are made of.

`nmcli --offline connection modify` (1.42) was seen to take these files and to read the same names and passwords out of
them; what it does with a value is written here once more, by GLib's rules.
"""

import configparser
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.config.boot_schema import Ethernet, Wifi
from offhook.device.card.networkmanager import (
    ethernet_keyfile,
    named_cable_keyfile,
    ssid_value,
    string_value,
    wifi_keyfile,
)

Sections = dict[str, dict[str, str]]


def parsed(data: bytes) -> Sections:
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.read_string(data.decode())
    return {name: dict(parser[name]) for name in parser.sections()}


def glib_string(value: str) -> str:
    """g_key_file_get_string(): white space before the value is dropped, backslashes escape."""
    escapes = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda found: escapes[found[1]], value.lstrip())


def ssid_bytes(value: str) -> bytes:
    """What NetworkManager reads: a list of numbers, or a text."""
    if re.fullmatch(r"(\d{1,3};)+", value):
        return bytes(int(byte) for byte in value.split(";")[:-1])
    return glib_string(value).encode()


def wifi(**values: object) -> Sections:
    return parsed(wifi_keyfile(Wifi.model_validate({"ssid": "Home"} | values), None))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63))
def test_any_password_is_read_back(psk: str) -> None:
    assert glib_string(string_value(psk)) == psk
    assert string_value(psk) == string_value(psk).strip()


@given(st.text(min_size=1, max_size=8).filter(lambda text: max(text) <= "\ud7ff"))
def test_any_network_name_is_read_back(ssid: str) -> None:
    assert ssid_bytes(ssid_value(ssid)) == ssid.encode()
    assert ssid_value(ssid).isascii()


def test_a_name_that_looks_like_a_list_of_bytes_is_none() -> None:
    assert ssid_bytes(ssid_value("1;2;")) == b"1;2;"
    assert ssid_value("Home-5G") == "Home-5G"


def test_the_phone_is_found_at_one_address_and_its_radio_does_not_sleep() -> None:
    sections = wifi(psk="correct horse")
    assert sections["wifi"]["cloned-mac-address"] == "permanent"
    assert sections["wifi"]["powersave"] == "2"
    assert sections["ipv6"]["ip6-privacy"] == "0"
    assert sections["connection"]["autoconnect-retries"] == "0"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"psk": "abcdefgh"}, {"key-mgmt": "wpa-psk", "psk": "abcdefgh"}),
        ({"psk": "abcdefgh", "security": "wpa3"}, {"key-mgmt": "sae", "psk": "abcdefgh", "pmf": "3"}),
        ({}, None),
    ],
)
def test_security_is_wpa2_or_wpa3_or_none(values: dict[str, object], key: dict[str, str] | None) -> None:
    assert wifi(**values).get("wifi-security") == key


def test_a_hidden_network_is_looked_for() -> None:
    assert wifi(hidden="true")["wifi"]["hidden"] == "true"
    assert "hidden" not in wifi()["wifi"]


def test_a_fixed_address_stands_in_its_own_family() -> None:
    v4 = wifi(address="10.0.0.2/24", gateway="10.0.0.1", dns=["10.0.0.1", "2001:db8::1"])
    assert v4["ipv4"] == {"method": "manual", "address1": "10.0.0.2/24,10.0.0.1", "dns": "10.0.0.1;"}
    assert v4["ipv6"] == {"method": "auto", "ip6-privacy": "0", "dns": "2001:db8::1;"}
    cable = Ethernet.model_validate({"address": "2001:db8::5/64", "gateway": "fe80::1"})
    v6 = parsed(ethernet_keyfile(cable, "kitchen"))
    assert v6["ipv6"]["address1"] == "2001:db8::5/64,fe80::1"
    assert v6["ipv4"] == {"method": "auto", "dhcp-hostname": "kitchen"}


def test_the_router_learns_the_name() -> None:
    assert parsed(named_cable_keyfile("kitchen"))["ipv4"]["dhcp-hostname"] == "kitchen"
    assert parsed(wifi_keyfile(Wifi.model_validate({"ssid": "a"}), "hall"))["ipv4"]["dhcp-hostname"] == "hall"


def test_the_same_connection_keeps_its_uuid() -> None:
    assert wifi()["connection"]["uuid"] == wifi(psk="abcdefgh", ssid="Other")["connection"]["uuid"]
    assert wifi()["connection"]["uuid"] != parsed(named_cable_keyfile("a"))["connection"]["uuid"]
