"""A Wi-Fi access point inside the virtual phone: a second radio of mac80211_hwsim, in a network namespace of its own.

The phone's cable goes to the access point, as it would at home: what the phone then reaches it reaches by its radio.
"""

import re
from types import TracebackType

from imagebuild.agent import Done
from imagebuild.guest import Guest

_CONFIG = "/run/access-point.conf"
_SPACE = "access-point"


class AccessPoint:
    """The only network of the phone while this context manager is open. NetworkManager must not run when it begins."""

    def __init__(self, guest: Guest, ssid: str, psk: str, *, wpa3: bool) -> None:
        self._guest = guest
        network = [f"ssid={ssid.encode().hex()}", "mode=2", "frequency=2437", "proto=RSN", "pairwise=CCMP"]
        if wpa3:
            network += ["key_mgmt=SAE", "ieee80211w=2", f'sae_password="{psk}"']
        else:
            network += ["key_mgmt=WPA-PSK", f'psk="{psk}"']
        self._config = "network={\n" + "\n".join(network) + "\n}\n"

    def __enter__(self) -> "AccessPoint":
        self._guest.sh("modprobe mac80211_hwsim radios=2")
        radio = re.search(r"wiphy (\d+)", self._guest.sh("iw dev wlan1 info").out)
        assert radio is not None
        self._guest.sh(f"ip netns add {_SPACE} && iw phy phy{radio[1]} set netns name {_SPACE}")
        self._guest.sh(f"ip link set eth0 down && ip link set eth0 netns {_SPACE}")
        self._inside("ip link add br0 type bridge && ip link set br0 up")
        self._inside("ip link set eth0 master br0 && ip link set eth0 up")
        self._guest.put(_CONFIG, self._config)
        self._inside(f"wpa_supplicant -B -i wlan1 -b br0 -c {_CONFIG} -D nl80211 -f /run/access-point.log")
        bridge = "ip link set wlan1 master br0"  # refused until it is an access point
        self._guest.wait_until(lambda: self._inside(bridge, check=False).status == 0, "the access point", 60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            told = "cat /run/access-point.log; journalctl -b -u NetworkManager | tail -n 40"
            error.add_note(self._guest.sh(told, check=False).out)

    def _inside(self, command: str, *, check: bool = True) -> Done:
        return self._guest.sh(f"ip netns exec {_SPACE} sh -ec '{command}'", check=check)
