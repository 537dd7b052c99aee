"""The network that end-to-end tests run in: a namespace of their own, made by ``./dev test``.

``lo`` and a veth pair with 10.77.0.1 (servers and peers) and 10.77.0.2 (the phone), and no way out: no packet of a
test can reach a real telephone. baresip refuses to start with ``lo`` alone, hence the pair. A test that pulls links
makes a second namespace for its phone (:class:`Room`).
"""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.child import Child

SERVER_IP = "10.77.0.1"
PHONE_IP = "10.77.0.2"
RELAY_IP = "10.77.0.3"
MARK = "OFFHOOK_TEST_NET"
OUTSIDE_IP = "10.77.1.1"
INSIDE_IP = "10.77.1.2"


def require_network() -> None:
    """Skip a test outside of the namespace; with CI=true that is a failure."""
    if os.environ.get(MARK) != "10.77.0":
        pytest.skip("needs the network namespace that `./dev test` makes: ./dev test PATH")


def free_port(ip: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])


class Room:
    """A network namespace for one phone, with a cable to ours: here 10.77.1.1, in there 10.77.1.2.

    The cable can be pulled and the address in there be changed, as by another lease.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._holder = Child(["unshare", "--net", "sleep", "infinity"], folder / "room.log")
        self.ip = INSIDE_IP
        try:
            namespace, ours = f"/proc/{self._holder.pid}/ns/net", os.readlink("/proc/self/ns/net")
            self._holder.wait_until(lambda: os.readlink(namespace) != ours, "namespace of its own")
            pid = str(self._holder.pid)
            _ip("link", "add", "cable", "type", "veth", "peer", "name", "eth0", "netns", pid)
            _ip("addr", "add", f"{OUTSIDE_IP}/24", "dev", "cable")
            _ip("addr", "add", "fd77::1/64", "dev", "cable", "nodad")
            _ip("link", "set", "cable", "up")
            self.inside("ip", "link", "set", "lo", "up")
            self.inside("ip", "link", "set", "eth0", "up")
            self._take(self.ip)
        except BaseException:
            self.close()
            raise

    @property
    def prefix(self) -> list[str]:
        """The words before a command that is to run in there."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]

    def inside(self, *command: str) -> None:
        """Run a command in there."""
        subprocess.run([*self.prefix, *command], check=True, capture_output=True, timeout=20)

    def pull(self) -> None:
        """Take the cable out."""
        _ip("link", "set", "cable", "down")

    def plug(self) -> None:
        """Put it in again."""
        _ip("link", "set", "cable", "up")

    def change_address(self, ip: str) -> None:
        """Give the phone another address in place of the one that it has; IPv6 too."""
        self.inside("ip", "addr", "flush", "dev", "eth0")
        self._take(ip)

    def _take(self, ip: str) -> None:
        length, extra = ("64", ["nodad"]) if ":" in ip else ("24", [])
        self.inside("ip", "addr", "add", f"{ip}/{length}", "dev", "eth0", *extra)
        gateway = "fd77::1" if ":" in ip else OUTSIDE_IP
        self.inside("ip", "-6" if ":" in ip else "-4", "route", "replace", "default", "via", gateway)
        self.ip = ip

    def close(self) -> None:
        """End it; the cable goes with it."""
        self._holder.stop()

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)
