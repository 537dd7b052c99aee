"""The sending half of a stream: the microphone cut into packets, or telephone events in their place."""

from collections.abc import Callable

from offhook.dsp.codecs.g711 import LAWS
from offhook.media.device import RATE, Samples
from offhook.media.settings import StreamSettings
from offhook.rtp.dtmf import DIGITS, TelephoneEventSender
from offhook.rtp.packet import RtpPacket

_MOST_PENDING = RATE * 200 // 1000


class Sender:
    """Gathers samples into packets of ``ptime_ms``; what is sent goes to ``emit``."""

    def __init__(self, plan: StreamSettings, random: Callable[[int], bytes], emit: Callable[[RtpPacket], None]) -> None:
        self.packets = 0
        self._random = random
        self.ssrc = self._sequence = self.timestamp = 0
        self.start_over()
        self._emit = emit
        self._pending = bytearray()  # coded; octets join faster than arrays
        self._marker = True
        self._events = TelephoneEventSender(RATE)
        self._codec = LAWS[plan.codec]
        self.update(plan)

    def start_over(self) -> None:
        """Be a source of another name (SSRC)."""
        # Random starts make a guess at the next packet harder (RFC 3550 section 5.1). Sequence numbers not in the upper
        # half: a first packet that is lost at the wrap would cost SRTP its rollover counter (RFC 4568 section 6.4.1).
        self.ssrc = int.from_bytes(self._random(4), "big")
        self._sequence = int.from_bytes(self._random(2), "big") & 0x7FFF
        self.timestamp = int.from_bytes(self._random(4), "big")

    def update(self, plan: StreamSettings) -> None:
        """Take a new offer and answer."""
        codec = LAWS[plan.codec]
        self._size = max(1, min(RATE * plan.ptime_ms // 1000, _MOST_PENDING))
        if codec is not self._codec or len(self._pending) >= self._size:
            self._pending.clear()
        self._plan, self._codec = plan, codec

    def take(self, mic: Samples) -> None:
        """Take what the microphone heard; on hold it is dropped, and the timestamp goes on."""
        pending, size = self._pending, self._size
        pending += self._codec.encode(mic).tobytes()
        while len(pending) >= size:
            self._packet(bytes(pending[:size]))
            del pending[:size]

    def press(self, digit: str) -> None:
        """Begin a telephone event; where the other side takes none, nothing happens."""
        if self._plan.dtmf_payload_type is not None and len(digit) == 1 and digit in DIGITS:
            self._events.press(digit)

    def release(self, digit: str) -> None:
        """End it."""
        self._events.release(digit)

    def _packet(self, payload: bytes) -> None:
        timestamp, count = self.timestamp, self._size
        self.timestamp = timestamp + count & 0xFFFFFFFF
        event = self._events.next(timestamp, count)
        if event is not None and self._plan.dtmf_payload_type is not None:
            self._send(self._plan.dtmf_payload_type, event.timestamp, event.payload, event.marker)
            self._marker = True
            return
        if not self._plan.send:
            self._marker = True
            return
        self._send(self._plan.payload_type, timestamp, payload, self._marker)
        self._marker = False

    def _send(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> None:
        packet = RtpPacket(payload_type, self._sequence, timestamp, self.ssrc, payload, marker)
        self._sequence = self._sequence + 1 & 0xFFFF
        self.packets += 1
        self._emit(packet)
