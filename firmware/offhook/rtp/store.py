"""The packets of one source in the order of their timestamps, which are unwrapped to 64 bits here."""

from bisect import insort
from collections import deque
from operator import attrgetter
from typing import NamedTuple

from offhook.rtp.packet import RtpPacket

_MAX_PACKETS = 256
_MAX_PLAYED = 8  # packets that are kept behind before any is dropped
_RETIRED_S = 0.5  # how long packets of the source before are ignored
_WRAP = 1 << 32
_HALF = _WRAP // 2


class Entry(NamedTuple):
    """A packet with its unwrapped timestamp and its length in samples."""

    stamp: int
    length: int
    packet: RtpPacket


class PacketStore:
    """Ordered, bounded, without duplicates."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []  # by timestamp; those before ``_head`` were played
        self._head = 0
        self._newest = (0, 1)
        self._reference = 0  # unwrapped timestamp of the packet before
        self._recent: deque[int] = deque(maxlen=64)  # timestamps that were added
        self._retired: tuple[int, float] | None = None
        self.ssrc: int | None = None

    def __len__(self) -> int:
        """How many packets wait to be played, the one that is being played included."""
        return len(self._entries) - self._head

    def restart(self, packet: RtpPacket, arrival: float) -> None:
        """Forget all; ``packet`` is the first of what comes now."""
        if self.ssrc is not None and self.ssrc != packet.ssrc:
            self._retired = (self.ssrc, arrival + _RETIRED_S)
        self.ssrc = packet.ssrc
        self._entries.clear()
        self._head = 0
        self._recent.clear()
        self._reference = packet.timestamp
        self._newest = (packet.timestamp, 1)

    def retired(self, ssrc: int, now: float) -> bool:
        """The source was replaced a moment ago: this is a straggler of it."""
        return self._retired is not None and self._retired[0] == ssrc and now < self._retired[1]

    def extend(self, timestamp: int) -> int:
        """Return the unwrapped timestamp nearest to that of the packet before."""
        return self._reference + (timestamp - self._reference + _HALF) % _WRAP - _HALF

    def knows(self, stamp: int) -> bool:
        """A packet with this timestamp was added lately."""
        return stamp in self._recent

    def add(self, stamp: int, length: int, packet: RtpPacket, span: int) -> int:
        """Insert a packet; return how many old ones had to go so that no more than ``span`` samples are held."""
        self._recent.append(stamp)
        self._reference = max(stamp, self._reference)
        entry = Entry(stamp, length, packet)
        if stamp >= self._newest[0]:
            self._newest = (stamp, length)
            self._entries.append(entry)
        else:
            insort(self._entries, entry, lo=self._head, key=attrgetter("stamp"))
        dropped = 0
        while len(self) > _MAX_PACKETS or self._newest[0] - self._entries[self._head].stamp > span:
            self._head += 1
            dropped += 1
        if dropped:
            del self._entries[: self._head]
            self._head = 0
        return dropped

    @property
    def first(self) -> Entry | None:
        """The earliest packet that has samples left to play."""
        return self._entries[self._head] if self._head < len(self._entries) else None

    @property
    def newest(self) -> tuple[int, int]:
        """Timestamp and length of the latest packet."""
        return self._newest

    def unbroken(self, position: int, most: int) -> int:
        """Return how many samples from ``position`` on are here without a gap, or ``most`` if there are more."""
        here = 0
        for index in range(self._head, len(self._entries)):
            entry = self._entries[index]
            if entry.stamp > position + here or here >= most:
                break
            here = max(here, entry.stamp + entry.length - position)
        return min(here, most)

    def played(self, position: int, kept: int) -> None:
        """All samples before ``position`` were played; keep those after ``position - kept`` for :meth:`rewind`."""
        entries, head = self._entries, self._head
        while head < len(entries) and entries[head].stamp + entries[head].length <= position:
            head += 1
        self._head = head
        if head > _MAX_PLAYED:
            drop = 0
            while drop < head and entries[drop].stamp + entries[drop].length <= position - kept:
                drop += 1
            del entries[:drop]
            self._head = head - drop

    def rewind(self, position: int) -> None:
        """Samples from ``position`` on are to be played again."""
        while self._head and self._entries[self._head - 1].stamp + self._entries[self._head - 1].length > position:
            self._head -= 1

    def begin_at(self, position: int) -> int:
        """Drop packets so that the one playing at ``position`` comes first; return where it begins."""
        while self._head < len(self._entries) - 1 and self._entries[self._head + 1].stamp <= position:
            self._head += 1
        del self._entries[: self._head]
        self._head = 0
        return self._entries[0].stamp
