"""The receiving half of a stream: whose packets count, and what they sound like."""

from offhook.dsp.codecs.g711 import G711, LAWS
from offhook.dsp.playout import Playout
from offhook.media.device import RATE, Samples
from offhook.media.settings import Address, StreamSettings
from offhook.rtp.jitter import JitterBuffer
from offhook.rtp.packet import RtpPacket

_SILENT_S = 2.0
_PATIENCE_S = 0.3
_STEP = 50  # packets that may be lost between two of a source that is not believed yet
_LONGEST_PAUSE = RATE // 5


class Receiver:
    """Filters by source and payload type, and feeds jitter buffer and playout.

    The plan's own address is heard whenever it speaks. Where the plan is symmetric (:rfc:`4961`, NAT) another may stand
    for it: the first that sends two packets in sequence of a payload type that was agreed on. From the same host, or
    from the account's server, that is enough; from elsewhere it is believed only when the plan's own address was silent
    meanwhile, for 0.3 s. It stays until it was silent for 2 s; then only the same source (SSRC) or the same host is
    followed, so that nobody can take over a call, or what is said in it, from aside.
    """

    def __init__(self, plan: StreamSettings) -> None:
        self.source: Address | None = None
        self.packets = 0
        self._ssrc = -1
        self._heard_at = 0.0
        self._candidate: tuple[Address, int] | None = None  # address and SSRC of who may come to be believed ...
        self._candidate_last = 0  # ... its last sequence number
        self._candidate_since = 0.0  # ... and when it came up
        self._event = -1  # timestamp of the last telephone event, and how much of it is filled
        self._event_until = 0
        self._plan = plan
        self._concealed_before = self._played_before = 0
        self._start_over()

    def update(self, plan: StreamSettings) -> None:
        """Take a new offer and answer; a new remote address is looked for afresh."""
        before, self._plan = self._plan, plan
        if before.remote != plan.remote:
            self.source = self._candidate = None
        if _decoders(before) != _decoders(plan) or (plan.receive and not before.receive):
            self._concealed_before, self._played_before = self.concealed, self.played
            self._start_over()

    @property
    def concealed(self) -> int:
        """Samples made up so far for packets that were lost or late."""
        return self._concealed_before + self._playout.concealed

    @property
    def played(self) -> int:
        """Samples of packets that were played so far."""
        return self._played_before + self.buffer.statistics.played_samples

    @property
    def delay_ms(self) -> float:
        """How long samples wait in the jitter buffer now."""
        return self.buffer.delay_ms

    def admit(self, packet: RtpPacket, address: Address, now: float) -> bool:
        """Return whether a packet from ``address`` belongs to this stream; may settle the source on it."""
        if address != self.source:
            if address != self._plan.remote and not self._may_stand_in(packet, address, now):
                return False
            self.source = address
        self._ssrc = packet.ssrc
        self._heard_at = now
        return True

    def take(self, packet: RtpPacket, arrival: float) -> None:
        """Take a packet of an admitted source; payload types that were not agreed on are dropped."""
        self.packets += 1
        if self._plan.receive and packet.payload_type in self._decoders:
            self.buffer.put(packet, arrival)

    def pause(self, packet: RtpPacket, arrival: float) -> None:
        """Take a telephone event: it stands for sound that was not sent, so that nothing is missed or made up."""
        self.packets += 1
        duration = int.from_bytes(packet.payload[2:4], "big")
        begin = self._event_until if packet.timestamp == self._event else 0
        self._event, self._event_until = packet.timestamp, max(begin, duration)
        count = duration - begin
        if 0 < count <= _LONGEST_PAUSE and self._plan.receive and self._decoders:
            payload_type, law = next(iter(self._decoders.items()))
            silence = bytes([law.silence]) * count
            timestamp = packet.timestamp + begin & 0xFFFFFFFF
            self.buffer.put(RtpPacket(payload_type, packet.sequence, timestamp, packet.ssrc, silence), arrival)

    def read(self, count: int, now: float) -> Samples | None:
        """Return ``count`` samples for the ear, None on hold."""
        return self._playout.read(count, now) if self._plan.receive else None

    def _may_stand_in(self, packet: RtpPacket, address: Address, now: float) -> bool:
        known = packet.payload_type in self._decoders or packet.payload_type == self._plan.dtmf_receive_payload_type
        if not self._plan.symmetric or not known:
            return False
        if self.source is not None:
            silent = now - self._heard_at >= _SILENT_S
            return silent and (packet.ssrc == self._ssrc or address[0] == self.source[0])
        last, self._candidate_last = self._candidate_last, packet.sequence
        if self._candidate != (address, packet.ssrc) or not 0 < (packet.sequence - last & 0xFFFF) <= _STEP:
            self._candidate, self._candidate_since = (address, packet.ssrc), now
            return False
        return now - self._candidate_since >= _PATIENCE_S or self._is_expected(address[0])

    def _is_expected(self, host: str) -> bool:
        return host in self._plan.relays or (self._plan.remote is not None and host == self._plan.remote[0])

    def _start_over(self) -> None:
        self._decoders = _decoders(self._plan)
        self.buffer = JitterBuffer()
        self._playout = Playout(self.buffer, self._decoders)


def _decoders(plan: StreamSettings) -> dict[int, G711]:
    names = dict(plan.receive_payload_types) or {plan.payload_type: plan.codec}
    return {number: LAWS[name] for number, name in names.items() if name in LAWS}
