"""A relay for RTP that loses packets by a seed: the same packets in every run.

It owns one address, in a network namespace of its own (its ports are those of the phones, which some bind on every
address), and listens there on every port of all sides. A packet for port P goes to the side whose range holds P, from
the relay's own port of the sender's number: each side sees a peer that sends from where it listens.
"""

import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.child import Child
from tests.support.netns import RELAY_IP

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Side:
    """One end of a call: where it listens. ``seed`` chooses which of the packets it sends are lost."""

    ip: str
    first_port: int
    last_port: int
    seed: str


@dataclass(frozen=True)
class Traffic:
    """What one side sent: packets passed on and RTP packets lost."""

    passed: int
    lost: int


class LossyRelay:
    """Forwards within each pair of sides; RTP (even ports) is lost with probability ``loss``, RTCP never."""

    def __init__(self, folder: Path, pairs: Sequence[tuple[Side, Side]], loss: float) -> None:
        folder.mkdir(parents=True)
        self._report = folder / "report.json"
        spec = {"loss": loss, "pairs": [[asdict(side) for side in pair] for pair in pairs]}
        (folder / "spec.json").write_text(json.dumps(spec))
        inner = [sys.executable, "-m", "tests.support.relay", str(folder / "spec.json"), str(self._report)]
        self._child = Child(["unshare", "--net", *inner], folder / "relay.log", cwd=ROOT)
        try:
            self._wire()
            self._child.wait_for_output("ready")
        except BaseException:
            self.stop()
            raise

    def _wire(self) -> None:
        """Join its namespace to ours by a veth pair."""
        namespace, ours = f"/proc/{self._child.pid}/ns/net", os.readlink("/proc/self/ns/net")
        self._child.wait_until(lambda: os.readlink(namespace) != ours, "namespace of its own")
        pair = ["ip", "link", "add", "wire", "type", "veth", "peer", "name", "relay", "netns", str(self._child.pid)]
        subprocess.run(pair, check=True)
        subprocess.run(["ip", "link", "set", "wire", "up"], check=True)
        subprocess.run(["ip", "route", "add", RELAY_IP, "dev", "wire"], check=True)

    def stop(self) -> list[tuple[Traffic, Traffic]]:
        """End it; returns what passed, by pair, first side's and second side's speech."""
        self._child.stop()
        if not self._report.exists():
            return []
        return [(Traffic(*first), Traffic(*second)) for first, second in json.loads(self._report.read_text())]

    def __enter__(self) -> "LossyRelay":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


class _Direction:
    """The speech of one side on its way to the other."""

    def __init__(self, sender: Side, receiver: Side) -> None:
        self.receiver = receiver
        self.chance = random.Random(sender.seed)
        self.passed = self.lost = 0


class _Forwarder:
    """The child's side: sockets on every port, until SIGTERM."""

    def __init__(self, spec: "dict[str, object]") -> None:
        self.loss = float(str(spec["loss"]))
        self.selector = selectors.DefaultSelector()
        self.sockets: dict[int, socket.socket] = {}
        self.directions: list[tuple[_Direction, _Direction]] = []
        pairs = spec["pairs"]
        assert isinstance(pairs, list)
        for first, second in ((Side(**first), Side(**second)) for first, second in pairs):
            there, back = _Direction(first, second), _Direction(second, first)
            self.directions.append((there, back))
            for direction in (there, back):
                for port in range(direction.receiver.first_port, direction.receiver.last_port + 1):
                    self.open(port, direction)

    def open(self, port: int, direction: _Direction) -> None:
        """Listen where the receiver seems to be."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((RELAY_IP, port))
        sock.setblocking(False)
        self.selector.register(sock, selectors.EVENT_READ, (port, direction))
        self.sockets[port] = sock

    def run(self) -> None:
        """Forward for ever."""
        while True:
            for key, _ in self.selector.select():
                self.forward(*key.data)

    def forward(self, port: int, direction: _Direction) -> None:
        """Pass one packet on, or lose it."""
        try:
            data, (_ip, from_port) = self.sockets[port].recvfrom(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return
        if port % 2 == 0 and direction.chance.random() < self.loss:
            direction.lost += 1
            return
        direction.passed += 1
        out = self.sockets.get(from_port)
        if out is not None:
            with suppress(OSError):  # the far end may have closed already
                out.sendto(data, (direction.receiver.ip, port))


def main(spec: Path, report: Path) -> None:
    """Run in the namespace: wait for the wire, forward, report at the end."""
    while not Path("/sys/class/net/relay").exists() and "relay" not in dict(socket.if_nameindex()).values():
        time.sleep(0.01)
    subprocess.run(["ip", "addr", "add", f"{RELAY_IP}/24", "dev", "relay"], check=True)
    subprocess.run(["ip", "link", "set", "relay", "up"], check=True)
    forwarder = _Forwarder(json.loads(spec.read_text()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        forwarder.run()
    finally:
        counts = [[(d.passed, d.lost) for d in pair] for pair in forwarder.directions]
        report.write_text(json.dumps(counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
