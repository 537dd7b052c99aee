"""The network that end-to-end tests run in: a namespace of their own, made by ``./dev test``.

``lo`` and a veth pair with 10.77.0.1 (servers and peers) and 10.77.0.2 (the phone), and no way out: no packet of a
test can reach a real telephone. baresip refuses to start with ``lo`` alone, hence the pair.
"""

import os
import socket

import pytest

SERVER_IP = "10.77.0.1"
PHONE_IP = "10.77.0.2"
RELAY_IP = "10.77.0.3"
MARK = "OFFHOOK_TEST_NET"


def require_network() -> None:
    """Skip a test outside of the namespace; with CI=true that is a failure."""
    if os.environ.get(MARK) != "10.77.0":
        pytest.skip("needs the network namespace that `./dev test` makes: ./dev test PATH")


def free_port(ip: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])
