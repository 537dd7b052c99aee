"""DTMF as named telephone events (:rfc:`4733`): one packet per ``ptime`` while a key is down, three at its end.

::

    key     ____/~~~~~~~~~~~~~~~~~~\\_________
    packets     M  .  .  .  .  .  .  E  E  E       M: marker bit, E: end bit; all carry the timestamp of the start
"""

import struct
from collections import deque

from msgspec import Struct

from offhook.rtp.errors import RtpError

DIGITS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_END = 0x80
_ENDS = 3
_LONGEST = 0xFFFF
_VOLUME = 10  # -10 dBm0
_QUEUE = 64


class TelephoneEvent(Struct, frozen=True):
    """The payload (:rfc:`4733#section-2.3`).

    Attributes:
        event: 0 to 15 are the DTMF digits.
        end: the event is over.
        volume: -dBm0, 0 to 63.
        duration: timestamp units since the start.
    """

    event: int
    end: bool
    volume: int
    duration: int

    @classmethod
    def parse(cls, payload: bytes) -> "TelephoneEvent":
        """Read the first event of a payload. Raises :class:`RtpError`."""
        if len(payload) < 4:
            raise RtpError(f"telephone event of {len(payload)} octets is shorter than 4: drop it")
        event, flags, duration = _EVENT.unpack_from(payload)
        return cls(event, bool(flags & _END), flags & 0x3F, duration)

    def serialize(self) -> bytes:
        """Return the four octets."""
        return _EVENT.pack(self.event, (_END if self.end else 0) | self.volume, self.duration)

    @property
    def digit(self) -> str | None:
        """The DTMF digit, None for another event."""
        return DIGITS[self.event] if self.event < len(DIGITS) else None


class EventPacket(Struct, frozen=True):
    """What to send instead of sound."""

    payload: bytes
    timestamp: int
    marker: bool


class TelephoneEventSender:
    """Turns key strokes into event packets; keys pressed faster than they can be sent are queued."""

    def __init__(self, rate: int = 8000, shortest_ms: int = 80, pause_ms: int = 60) -> None:
        """No event is shorter than ``shortest_ms``, no pause between two shorter than ``pause_ms``."""
        self._shortest = rate * shortest_ms // 1000
        self._pause = rate * pause_ms // 1000
        self._waiting: deque[str] = deque()
        self._digit: str | None = None  # being sent
        self._down: str | None = None
        self._start = 0
        self._first = False
        self._sent = 0  # duration in the last update
        self._total = 0  # the same, over all segments
        self._ends = 0
        self._quiet = 0  # samples of pause still to keep

    @property
    def busy(self) -> bool:
        """An event is being sent, or one waits."""
        return self._digit is not None or bool(self._waiting)

    def press(self, digit: str) -> None:
        """A key goes down. Raises :class:`RtpError` for what is not a DTMF digit."""
        if len(digit) != 1 or digit not in DIGITS:
            raise RtpError(f"{digit!r} is not a DTMF digit: send one of {DIGITS}")
        self._down = digit
        if len(self._waiting) < _QUEUE:
            self._waiting.append(digit)

    def release(self, digit: str) -> None:
        """The key goes up."""
        if self._down == digit:
            self._down = None

    def next(self, timestamp: int, samples: int) -> EventPacket | None:
        """Return the packet for the ``samples`` that begin at ``timestamp``, None to send sound."""
        if self._digit is None:
            self._quiet = max(0, self._quiet - samples)
            if not self._waiting or self._quiet:
                return None
            self._begin(self._waiting.popleft(), timestamp)
        if self._ends:
            return self._end()
        if self._sent + samples > _LONGEST:  # a further segment, :rfc:`4733#section-2.5.1.3`
            self._start = (self._start + self._sent) & 0xFFFFFFFF
            self._sent = 0
        self._sent += samples
        self._total += samples
        if self._total >= self._shortest and not self._held():
            self._ends = _ENDS
            return self._end()
        return self._packet(end=False)

    def _held(self) -> bool:
        return self._down == self._digit and not self._waiting

    def _begin(self, digit: str, timestamp: int) -> None:
        self._digit, self._start, self._first = digit, timestamp, True
        self._sent = self._total = 0

    def _end(self) -> EventPacket:
        packet = self._packet(end=True)
        self._ends -= 1
        if not self._ends:
            self._digit = None
            self._quiet = self._pause
        return packet

    def _packet(self, end: bool) -> EventPacket:
        assert self._digit is not None
        event = TelephoneEvent(DIGITS.index(self._digit), end, _VOLUME, self._sent)
        marker, self._first = self._first, False
        return EventPacket(event.serialize(), self._start, marker)


class TelephoneEventReceiver:
    """Tells each key stroke of the other side once, whichever of its packets are lost or come twice."""

    def __init__(self) -> None:
        self._last: int | None = None  # timestamp of the last event
        self._event = -1
        self._duration = 0
        self._ended = False

    def receive(self, payload: bytes, timestamp: int) -> str | None:
        """Take an event packet; return its digit if it is the first of a new event. Raises :class:`RtpError`."""
        event = TelephoneEvent.parse(payload)
        if self._last is not None:
            step = (timestamp - self._last + (1 << 31)) % (1 << 32) - (1 << 31)
            if -8 * 8000 < step < 0:
                return None  # a straggler of an event before
            if step == 0:
                self._duration = max(self._duration, event.duration)
                self._ended = self._ended or event.end
                return None
            if self._continues(event, step):
                self._last, self._duration, self._ended = timestamp, event.duration, event.end
                return None
        self._last, self._event = timestamp, event.event
        self._duration, self._ended = event.duration, event.end
        return event.digit

    def _continues(self, event: TelephoneEvent, step: int) -> bool:
        """A long event goes on in a further segment, which begins where the last one ended."""
        return not self._ended and event.event == self._event and self._duration > _LONGEST // 2 and step <= _LONGEST
