"""The cable between the virtual phone and the host: a tap in the network namespace that the tests run in.

The host is 10.78.0.1; the phone gets 10.78.0.2 by DHCP, its radio another one of that network. Nothing leads out of
the namespace.
"""

import subprocess
from pathlib import Path

from imagebuild.machine import MAC
from tests.support.child import Child

HOST_IP = "10.78.0.1"
PHONE_IP = "10.78.0.2"
_LAST_IP = "10.78.0.9"


class TapNetwork:
    """A tap device with a DHCP server; use as a context manager. ``options`` are further ones of dnsmasq's."""

    def __init__(self, folder: Path, device: str = "tap0", options: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.device = device
        _ip("tuntap", "add", device, "mode", "tap")
        try:
            _ip("addr", "add", f"{HOST_IP}/24", "dev", device)
            _ip("link", "set", device, "up")
            command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0"]
            command += [f"--interface={device}", "--bind-dynamic", "--except-interface=lo", "--log-dhcp"]
            command += [f"--dhcp-range={PHONE_IP},{_LAST_IP},12h", f"--dhcp-host={MAC},{PHONE_IP}", "--dhcp-option=3"]
            command += ["--log-facility=-", f"--dhcp-leasefile={folder / 'leases'}", "--pid-file=", *options]
            self.dhcp = Child(command, folder / "dnsmasq.log")
        except BaseException:
            _ip("link", "delete", device)
            raise

    def pull(self) -> None:
        """Take the cable out: nothing passes any more."""
        _ip("link", "set", self.device, "down")

    def plug(self) -> None:
        """Put it in again."""
        _ip("link", "set", self.device, "up")

    def close(self) -> None:
        """End it."""
        self.dhcp.stop()
        _ip("link", "delete", self.device)

    def __enter__(self) -> "TapNetwork":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)
