"""What passes on ``lo``, with the time: SIP as it is on the wire, whoever sends it."""

import re
import socket
import threading
import time
from dataclasses import dataclass

ETH_P_ALL = 3


@dataclass(frozen=True, slots=True)
class Sighting:
    """A UDP datagram of SIP and when it passed, s on CLOCK_MONOTONIC."""

    t: float
    first_line: str
    cseq: str


class Wire:
    """Watches from its making to ``stop``; needs the network namespace's CAP_NET_RAW."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.bind(("lo", ETH_P_ALL))
        self._socket.settimeout(0.2)
        self._seen: list[Sighting] = []
        self._changed = threading.Condition()
        self._going = True
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._going:
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                continue
            sighting = _sip(packet, time.monotonic())
            if sighting is not None:
                with self._changed:
                    self._seen.append(sighting)
                    self._changed.notify_all()

    def wait_for(self, first_line: str, method: str, since: float, timeout: float = 30.0) -> Sighting:
        """Wait for the first message after ``since`` whose first line begins so and whose CSeq is of this method."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                for seen in self._seen:
                    if seen.t >= since and seen.first_line.startswith(first_line) and seen.cseq.endswith(method):
                        return seen
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {first_line} of {method} on the wire within {timeout:g} s")
                self._changed.wait(left)

    def stop(self) -> None:
        """Look away."""
        self._going = False
        self._thread.join(5)
        self._socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def _sip(packet: bytes, t: float) -> Sighting | None:
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
        return None
    text = packet[(packet[0] & 15) * 4 + 8 :].decode("utf-8", "replace")
    cseq = re.search(r"^CSeq\s*:\s*(.*?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    return Sighting(t, text.split("\r\n", 1)[0], cseq[1]) if cseq else None
