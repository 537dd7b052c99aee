"""What is known of a source that is heard: sequence numbers, loss, jitter (:rfc:`3550`, appendices A.1, A.3, A.8)."""

from offhook.rtp.rtcp import ReportBlock

_CYCLE = 1 << 16
_DROPOUT = 3000  # a larger step forward is a new start ...
_MISORDER = 100  # ... and so is a larger step back


class Reception:
    """Statistics of one SSRC, from its first packet on."""

    def __init__(self, ssrc: int, rate: int = 8000) -> None:
        """``rate`` is timestamp units a second."""
        self.ssrc = ssrc
        self._rate = rate
        self.received = 0
        self.jitter = 0.0  # timestamp units
        self._base = 0
        self._highest = 0  # extended
        self._bad = -1  # the sequence number that would confirm a jump
        self._transit: float | None = None
        self._timestamp = -1  # of the packet before
        self._reported = (0, 0)  # expected and received at the last report
        self._sender_report: tuple[int, float] | None = None  # middle 32 bits of its NTP time, when it came

    def packet(self, sequence: int, timestamp: int, arrival: float) -> bool:
        """Take a packet; False for the first of a jump, which is not yet believed."""
        if not self.received:
            self._start(sequence)
        elif not self._advance(sequence):
            return False
        self.received += 1
        self._measure(timestamp, arrival)
        return True

    def sender_report(self, ntp: int, arrival: float) -> None:
        """Note that the source's sender report came."""
        self._sender_report = (ntp >> 16 & 0xFFFFFFFF, arrival)

    @property
    def expected(self) -> int:
        """Packets that the source has sent, by its sequence numbers."""
        return self._highest - self._base + 1 if self.received else 0

    @property
    def lost(self) -> int:
        """Packets missing; negative if duplicates outnumber them."""
        return self.expected - self.received

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter in milliseconds."""
        return self.jitter * 1000 / self._rate

    def block(self, now: float) -> ReportBlock:
        """Return the report for the time since the last one (:rfc:`3550#appendix-A.3`)."""
        expected = self.expected - self._reported[0]
        received = self.received - self._reported[1]
        self._reported = (self.expected, self.received)
        missing = expected - received
        fraction = (missing << 8) // expected if expected > 0 and missing > 0 else 0
        last, came = self._sender_report or (0, now)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(fraction, 255),
            lost=self.lost,
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=int(self.jitter),
            last_report=last,
            delay=int(max(0.0, now - came) * 65536),
        )

    def _start(self, sequence: int) -> None:
        self._base = self._highest = sequence
        self._bad = -1
        self.received = 0
        self._reported = (0, 0)
        self._transit = None

    def _advance(self, sequence: int) -> bool:
        step = (sequence - self._highest) % _CYCLE
        if step < _DROPOUT:
            self._highest += step
        elif step <= _CYCLE - _MISORDER:
            if sequence != self._bad:
                self._bad = (sequence + 1) % _CYCLE
                return False
            self._start(sequence)  # two in sequence: the other side has restarted
        return True

    def _measure(self, timestamp: int, arrival: float) -> None:
        if timestamp == self._timestamp:
            return  # an event goes on (:rfc:`4733`): its timestamp says nothing of when this was sent
        self._timestamp = timestamp
        transit = arrival * self._rate - timestamp
        if self._transit is not None:
            # The difference is taken modulo the timestamp's wrap.
            difference = (transit - self._transit + (1 << 31)) % (1 << 32) - (1 << 31)
            self.jitter += (abs(difference) - self.jitter) / 16
        self._transit = transit
