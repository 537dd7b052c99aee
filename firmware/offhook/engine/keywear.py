"""How far the SRTP keys of a call are worn: packets counted against the lifetime that their lines announce.

:rfc:`4568#section-6.1`: a key may protect so many packets and no more; without a word of it so many as SRTP allows
(:rfc:`3711#section-9.2`), which no call lives to see.
"""

from dataclasses import dataclass
from enum import Enum

from offhook.sdp.crypto import CryptoAttribute
from offhook.sdp.security import CryptoPlan

MOST_PACKETS = 1 << 48
NEAR = 3000  # packets before the end: a minute of speech at 20 ms, or a quarter of a key that has fewer


class Wear(Enum):
    """NEAR_END is told once for each key, SPENT as long as it is used on."""

    FINE = "fine"
    NEAR_END = "near its end"
    SPENT = "spent"


@dataclass(slots=True)
class _Way:
    """One way's keys, and how many packets they have protected; ``total`` is what the stream last counted."""

    line: CryptoAttribute | None = None
    lifetime: int = MOST_PACKETS
    used: int = 0
    total: int = 0
    told: bool = False

    def use(self, line: CryptoAttribute | None) -> None:
        if line is not None and (self.line is None or line.keys != self.line.keys):
            self.used, self.told = 0, False
            self.lifetime = min(key.lifetime or MOST_PACKETS for key in line.keys)
        self.line = line

    def count(self, total: int) -> Wear:
        self.used += total - self.total if total >= self.total else total  # a media process that is new to the call
        self.total = total
        left = self.lifetime - self.used
        if self.line is None or left > min(NEAR, self.lifetime // 4):
            return Wear.FINE
        if left <= 0:
            return Wear.SPENT
        told, self.told = self.told, True
        return Wear.FINE if told else Wear.NEAR_END


class KeyWear:
    """Both ways of one call. Each key of a line with several counts for all of them: whose turn it is is not seen."""

    def __init__(self) -> None:
        self._send = _Way()
        self._receive = _Way()

    def use(self, plan: CryptoPlan | None) -> None:
        """Take what was agreed; a key that stays goes on counting."""
        self._send.use(plan.send if plan is not None else None)
        self._receive.use(plan.receive if plan is not None else None)

    def count(self, sent: int, received: int) -> Wear:
        """Take the packets of the stream so far; return how the more worn of the two is."""
        seen = (self._send.count(sent), self._receive.count(received))
        return next((wear for wear in (Wear.SPENT, Wear.NEAR_END) if wear in seen), Wear.FINE)
