"""When to send which RTCP packet: one session of two (:rfc:`3550#section-6.2`, appendix A.7)."""

from collections.abc import Callable

from offhook.rtp import rtcp
from offhook.rtp.packet import RtpPacket
from offhook.rtp.reception import Reception
from offhook.rtp.rtcp import Goodbye, ReceiverReport, RtcpPacket, SenderReport, SourceDescription

_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_MINIMUM_S = 5.0
_COMPENSATION = 2.71828 - 1.5  # the timer reconsideration of section 6.3.1 sends too often by this
_BANDWIDTH = 0.05 * 80_000 / 8  # octets a second: 5 % of a G.711 call with its headers


def ntp_time(unix: float) -> int:
    """Return the 64-bit NTP time of seconds since 1970."""
    return int((unix + _NTP_EPOCH) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def interval(
    members: int, senders: int, we_sent: bool, average_size: float, initial: bool, random: Callable[[], float]
) -> float:
    """Return the seconds until the next report (:rfc:`3550#appendix-A.7`); ``random()`` is in [0, 1)."""
    bandwidth, count = _BANDWIDTH, members
    if senders <= members * 0.25:
        bandwidth *= 0.25 if we_sent else 0.75
        count = senders if we_sent else members - senders
    time = max(average_size * count / bandwidth, _MINIMUM_S / 2 if initial else _MINIMUM_S)
    return time * (random() + 0.5) / _COMPENSATION


class RtcpSession:
    """Our half of a call: counts what is sent and heard, makes reports, reads those of the other side."""

    def __init__(self, ssrc: int, cname: str, random: Callable[[], float], rate: int = 8000) -> None:
        """``cname`` names this phone without telling who it is (:rfc:`7022`)."""
        self.ssrc = ssrc
        self._cname = cname
        self._random = random
        self._rate = rate
        self._packets = 0
        self._octets = 0
        self._sent_at: tuple[int, float] | None = None  # RTP timestamp and time of the last packet
        self._sent_before = 0  # packets when the report before was made
        self._due: float | None = None
        self._size = 120.0
        self._initial = True
        self.reception: Reception | None = None
        self.round_trip: float | None = None  # seconds, from the last report of the other side
        self.remote_loss = 0.0  # share of our packets that the other side misses
        self.remote_jitter_ms = 0.0
        self.gone = False  # the other side said goodbye

    def start_over(self, ssrc: int) -> None:
        """Go on as another source (:rfc:`3550#section-8.2`); what is known of the other side stays."""
        self.ssrc = ssrc
        self._packets = self._octets = self._sent_before = 0
        self._sent_at = None

    def sent(self, packet: RtpPacket, now: float) -> None:
        """Count a packet that went out."""
        self._packets += 1
        self._octets += len(packet.payload)
        self._sent_at = (packet.timestamp, now)

    def received(self, packet: RtpPacket, arrival: float) -> None:
        """Count a packet that came in; another SSRC begins anew."""
        if self.reception is None or self.reception.ssrc != packet.ssrc:
            self.reception = Reception(packet.ssrc, self._rate)
        self.reception.packet(packet.sequence, packet.timestamp, arrival)

    def deadline(self, now: float) -> float:
        """Return when :meth:`report` is due."""
        if self._due is None:
            self._due = now + self._interval()
        return self._due

    def report(self, now: float, unix: float) -> bytes:
        """Return a compound packet; ``unix`` is wall-clock time."""
        data = rtcp.serialize((self._own_report(now, unix), SourceDescription(((self.ssrc, self._cname),))))
        self._size += (len(data) + 28 - self._size) / 16
        self._initial = False
        self._due = now + self._interval()
        self._sent_before = self._packets
        return data

    def goodbye(self, now: float, unix: float) -> bytes:
        """Return the last compound packet of the call."""
        return self.report(now, unix) + Goodbye((self.ssrc,)).serialize()

    def receive(self, data: bytes, arrival: float, unix: float) -> None:
        """Read a compound packet of the other side; ``arrival`` and ``unix`` are when it came. Raises RtpError."""
        for packet in rtcp.parse(data):
            self._take(packet, arrival, unix)

    def _take(self, packet: RtcpPacket, arrival: float, unix: float) -> None:
        match packet:
            case SenderReport() | ReceiverReport():
                if isinstance(packet, SenderReport) and self.reception and self.reception.ssrc == packet.ssrc:
                    self.reception.sender_report(packet.ntp, arrival)
                for block in packet.blocks:
                    if block.ssrc == self.ssrc:
                        self._take_block(block, unix)
            case Goodbye():
                self.gone = self.gone or (self.reception is not None and self.reception.ssrc in packet.ssrcs)
            case SourceDescription():
                pass

    def _take_block(self, block: rtcp.ReportBlock, unix: float) -> None:
        self.remote_loss = block.fraction_lost / 256
        self.remote_jitter_ms = block.jitter * 1000 / self._rate
        if block.last_report:
            middle = ntp_time(unix) >> 16 & 0xFFFFFFFF
            trip = (middle - block.last_report - block.delay) & 0xFFFFFFFF
            if trip < 10 << 16:  # more is a mistake of the other side's, or a clock that was set
                self.round_trip = trip / 65536

    def _own_report(self, now: float, unix: float) -> RtcpPacket:
        blocks = (self.reception.block(now),) if self.reception is not None and self.reception.received else ()
        if self._sent_at is None or self._packets == self._sent_before:
            return ReceiverReport(self.ssrc, blocks)
        timestamp, at = self._sent_at
        timestamp = (timestamp + int((now - at) * self._rate)) & 0xFFFFFFFF
        return SenderReport(self.ssrc, ntp_time(unix), timestamp, self._packets, self._octets, blocks)

    def _interval(self) -> float:
        members = 2 if self.reception is not None else 1
        we_sent = self._packets != self._sent_before
        return interval(members, members, we_sent, self._size, self._initial, self._random)
