"""A relay for RTP that loses packets by a seed: the same packets in every run.

It owns one address and listens there on every port of both sides' ranges. A packet for port P goes to the side whose
range holds P, from the relay's own port of the sender's number: each side sees a peer that sends from where it listens.
"""

import random
import selectors
import socket
import threading
from dataclasses import dataclass, field

from tests.support.netns import RELAY_IP, add_address


@dataclass
class Side:
    """One end: where it listens, and what of its speech was passed on and lost."""

    ip: str
    ports: range
    passed: int = 0
    lost: int = 0
    chance: random.Random = field(default_factory=random.Random)


class LossyRelay:
    """Forwards between two sides; RTP (even ports) is lost with probability ``loss``, RTCP never."""

    def __init__(self, first: Side, second: Side, loss: float, seed: int, ip: str = RELAY_IP) -> None:
        add_address(ip)
        self.ip, self.sides = ip, (first, second)
        self.set_loss(loss, seed)
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[int, socket.socket] = {}
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        for side in self.sides:
            for port in side.ports:
                self._sockets[port] = self._open(port, side)
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def set_loss(self, loss: float, seed: int) -> None:
        """Lose from now on with this probability; each direction draws from a sequence of its own."""
        self.loss = loss
        for index, side in enumerate(self.sides):
            side.chance = random.Random(f"{seed}/{index}")
            side.passed = side.lost = 0

    def _open(self, port: int, owner: Side) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((self.ip, port))
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, (port, owner))
        return sock

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                port, owner = key.data
                self._forward(key.fd, port, owner)

    def _forward(self, fd: int, port: int, owner: Side) -> None:
        try:
            data, (_ip, from_port) = self._sockets[port].recvfrom(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return
        sender = self.sides[1] if owner is self.sides[0] else self.sides[0]
        if port % 2 == 0 and sender.chance.random() < self.loss:
            sender.lost += 1
            return
        sender.passed += 1
        out = self._sockets.get(from_port)
        if out is not None:
            try:
                out.sendto(data, (owner.ip, port))
            except OSError:
                return  # the far end has closed already

    def stop(self) -> None:
        """Close every socket."""
        self._wake.send(b"x")
        self._thread.join(5)
        self._selector.close()
        for sock in (*self._sockets.values(), self._wake, self._woken):
            sock.close()

    def __enter__(self) -> "LossyRelay":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
