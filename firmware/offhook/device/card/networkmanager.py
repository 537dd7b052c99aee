"""NetworkManager's key files for the Wi-Fi network and the fixed address of a boot file.

Sources: nm-settings-keyfile(5), and g_key_file_get_string() of GLib for what is escaped in a value.
"""

import ipaddress
import re
import uuid

from offhook.config.boot_schema import Ethernet, Wifi

_NAMESPACE = uuid.UUID("8c1e6f4e-5b0b-5d0f-9a35-0d6d6f7e1c52")
_PLAIN_SSID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
Sections = dict[str, dict[str, str]]


def wifi_keyfile(wifi: Wifi, hostname: str | None) -> bytes:
    """Return the connection for a Wi-Fi network, for a file that only root reads.

    One address that stays (no random MAC), no power saving (it makes the first ring late and sound uneven), and
    attempts without end.
    """
    sections = _connection("offhook-wifi", "wifi")
    sections["wifi"] = {
        "mode": "infrastructure",
        "ssid": ssid_value(wifi.ssid),
        "cloned-mac-address": "permanent",
        "powersave": "2",
    }
    if wifi.hidden:
        sections["wifi"]["hidden"] = "true"
    if wifi.psk is not None:
        sections["wifi-security"] = {
            "key-mgmt": "sae" if wifi.security == "wpa3" else "wpa-psk",
            "psk": string_value(wifi.psk.reveal()),
        }
        if wifi.security == "wpa3":
            sections["wifi-security"]["pmf"] = "3"
    return _keyfile(sections | _addresses(wifi.address, wifi.gateway, wifi.dns, hostname))


def ethernet_keyfile(ethernet: Ethernet, hostname: str | None) -> bytes:
    """Return the connection for a cable with a fixed address."""
    sections = _connection("offhook-ethernet", "ethernet")
    sections["ethernet"] = {"cloned-mac-address": "permanent"}
    return _keyfile(sections | _addresses(ethernet.address, ethernet.gateway, ethernet.dns, hostname))


def named_cable_keyfile(hostname: str) -> bytes:
    """Return the connection for a cable with DHCP by which the router learns the phone's name."""
    sections = _connection("offhook-ethernet", "ethernet")
    sections["ethernet"] = {"cloned-mac-address": "permanent"}
    return _keyfile(sections | _addresses(None, None, (), hostname))


def ssid_value(ssid: str) -> str:
    """Return a network's name as a key file takes it: as it is where that is plain, else byte by byte."""
    if _PLAIN_SSID.fullmatch(ssid):
        return ssid
    return "".join(f"{byte};" for byte in ssid.encode())


def string_value(text: str) -> str:
    """Return a text as GLib's key files take it: backslashes doubled, spaces at its ends written as ``\\s``."""
    escaped = text.replace("\\", "\\\\")
    lead = len(escaped) - len(escaped.lstrip(" "))
    trail = len(escaped) - len(escaped.rstrip(" "))
    if lead == len(escaped):
        return "\\s" * lead
    return "\\s" * lead + escaped[lead : len(escaped) - trail] + "\\s" * trail


def _connection(name: str, kind: str) -> Sections:
    return {
        "connection": {
            "id": name,
            "uuid": str(uuid.uuid5(_NAMESPACE, name)),
            "type": kind,
            "autoconnect": "true",
            "autoconnect-priority": "10",
            "autoconnect-retries": "0",
        }
    }


def _addresses(address: str | None, gateway: str | None, dns: tuple[str, ...], hostname: str | None) -> Sections:
    """The sections of both families; the one without a fixed address asks the network."""
    fixed = ipaddress.ip_interface(address) if address is not None else None
    servers = [ipaddress.ip_address(each) for each in dns]
    sections: Sections = {}
    for version, name in ((4, "ipv4"), (6, "ipv6")):
        section = {"method": "auto"}
        if version == 6:
            section["ip6-privacy"] = "0"
        if fixed is not None and fixed.version == version:
            section = section | {"method": "manual", "address1": f"{fixed}{f',{gateway}' if gateway else ''}"}
        elif hostname is not None:
            section["dhcp-hostname"] = hostname
        own = [str(each) for each in servers if each.version == version]
        if own:
            section["dns"] = "".join(f"{each};" for each in own)
        sections[name] = section
    return sections


def _keyfile(sections: Sections) -> bytes:
    lines = ["# Made by offhook from offhook.yaml on the boot partition: change it there."]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(f"{key}={value}" for key, value in values.items())]
    return ("\n".join(lines) + "\n").encode()
