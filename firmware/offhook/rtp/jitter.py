"""The jitter buffer: packets in as they come, an even timeline of samples out.

It counts in samples, not in packets, and holds no sound of its own: :meth:`JitterBuffer.get` says which samples of
which payload to play, what to conceal, and where there is nothing to say. What it cannot do itself, playing faster or
slower, it asks for: :meth:`JitterBuffer.surplus` is how many samples of delay the line can do without (or lacks), and
:meth:`JitterBuffer.adjust` tells it what was done.

::

    put(packet, arrival) --> [ packets by timestamp ] --> get(n, now) --> audio | lost | quiet
                                  |                            ^
                                  v                            |
                     transit-time quantile ---------------> target

A packet must be here when the call of :meth:`~JitterBuffer.get` comes that first touches it. Calls come in steps of
``n`` samples, so a part of the delay (from the start of a call's samples to the start of the packet among them) buys
nothing; ``surplus`` gives it back first.

What happens when the next packet is not here at its time, and nothing newer either: the buffer asks to conceal and
*holds* the timeline. When the packet comes it was late: a small delay is skipped (the concealment stood for it), a
large one is played in full and the buffer is that much deeper. When a later packet comes, the missing one is lost and
what was concealed already counts for it.
"""

from collections.abc import Callable
from math import gcd
from typing import Literal

from msgspec import Struct

from offhook.rtp.delay import DelayEstimator
from offhook.rtp.packet import RtpPacket
from offhook.rtp.store import Entry, PacketStore

PieceKind = Literal["audio", "lost", "quiet"]
_LEAK = 500e-6  # clocks differ by less than this
_KEPT = 640  # samples of played packets that may be given back
_SETTLED = 50  # packets until the initial delay has no say


class Piece(Struct):
    """A stretch of the timeline.

    Attributes:
        kind: ``audio``: play ``count`` samples of ``payload`` from sample ``start`` on. ``lost``: make up ``count``
            samples. ``quiet``: the sender says nothing (before its first packet, or a pause that it made).
        count: samples; the counts of one call of :meth:`JitterBuffer.get` sum up to what was asked for.
        payload: the whole payload of the packet.
        start: the first sample of it to play; 0 when the packet begins here.
        payload_type: which decoder to use.
    """

    kind: PieceKind
    count: int
    payload: bytes = b""
    start: int = 0
    payload_type: int = 0


class JitterSettings(Struct, frozen=True):
    """Times in milliseconds.

    Attributes:
        rate: timestamp units (samples) a second.
        initial: delay before anything is known of the path.
        minimum: never aim below this.
        maximum: never hold more than this; what is older is skipped.
        shrink_share: delay is given back as long as this share of packets would still be in time.
        grow_share: delay is added while fewer than this share of packets are in time.
        memory: how many packets back the statistics reach.
        skip: a packet that is late by no more than this loses its head instead of deepening the buffer.
        resync: a jump of the sender's clock by more than this is a new start.
    """

    rate: int = 8000
    initial: float = 20.0
    minimum: float = 3.0
    maximum: float = 400.0
    shrink_share: float = 0.992
    grow_share: float = 0.98
    memory: float = 1500.0
    skip: float = 20.0
    resync: float = 2000.0


class JitterStatistics(Struct):
    """Counters since the buffer was made, in packets, or in samples where the name says so.

    Attributes:
        late: came after their time and were not played at all.
        skipped: were dropped because more than ``maximum`` was waiting.
        resyncs: new sources and jumps of the sender's clock.
        lost_samples: asked to be concealed.
        held_samples: of those, because a packet was late and not lost.
        shortened_samples: taken out of the timeline to lessen the delay; ``lengthened_samples``: put in.
    """

    received: int = 0
    duplicate: int = 0
    late: int = 0
    skipped: int = 0
    resyncs: int = 0
    played_samples: int = 0
    lost_samples: int = 0
    held_samples: int = 0
    quiet_samples: int = 0
    shortened_samples: int = 0
    lengthened_samples: int = 0


class JitterBuffer:
    """One stream's buffer; see the module's text."""

    def __init__(self, settings: JitterSettings | None = None, duration: Callable[[bytes], int] = len) -> None:
        """``duration`` tells a payload's length in samples (G.711: its length in octets)."""
        self._settings = settings or JitterSettings()
        self._duration = duration
        self._per_ms = self._settings.rate / 1000
        self._store = PacketStore()
        self._transit = DelayEstimator(self._settings.memory)
        self._observed = 0
        self._reference = 0.0  # transit of the last packet, ms
        self._play: int | None = None  # extended timestamp of the next sample, None until the first packet's time
        self._held = 0  # samples concealed while the timeline stood still
        self._sequence = -1  # of the packet that was played last
        self._heard = 0
        self._phase: float | None = None  # time of a call less the samples heard by then, smallest lately
        self._period = 0
        self._got = 0
        self.statistics = JitterStatistics()

    def put(self, packet: RtpPacket, arrival: float) -> bool:
        """Take a packet that arrived at ``arrival`` (seconds); False if it is of no use (duplicate, too late)."""
        statistics, store = self.statistics, self._store
        statistics.received += 1
        length = self._duration(packet.payload)
        if length <= 0 or store.retired(packet.ssrc, arrival):
            return False
        if packet.ssrc != store.ssrc:
            self._restart(packet, arrival)
        stamp = store.extend(packet.timestamp)
        transit = arrival * 1000 - stamp / self._per_ms
        if self._jumped(transit, packet.marker):
            self._restart(packet, arrival)
            stamp = store.extend(packet.timestamp)
            transit = arrival * 1000 - stamp / self._per_ms
        if store.knows(stamp):
            statistics.duplicate += 1
            return False
        self._reference = transit
        self._observed += 1
        self._transit.observe(transit)
        if self._play is not None and stamp + length <= self._play:
            statistics.late += 1
            return False
        statistics.skipped += store.add(stamp, length, packet, int(self._settings.maximum * 2 * self._per_ms))
        return True

    def get(self, count: int, now: float) -> list[Piece]:
        """Return the next ``count`` samples of the timeline; called once for each period of the sound card."""
        clock = now * self._settings.rate - self._heard
        # A call that comes late by the scheduler's fault must not look like delay, nor may a slow card stay unseen.
        self._phase = clock if self._phase is None else min(clock, self._phase + _LEAK * count)
        self._skip_surfeit()
        pieces: list[Piece] = []
        missing = count
        while missing:
            piece = self._next(missing)
            missing -= piece.count
            pieces.append(piece)
        self._heard += count
        self._got = self._period = count
        return pieces

    def adjust(self, used: int, heard: int) -> None:
        """Tell that the first ``used`` samples of the last :meth:`get` were made into ``heard`` samples of sound.

        The rest is given back and comes again. Only where the last call returned nothing but audio.
        """
        if self._play is None or not 0 <= used <= self._got:
            raise ValueError("adjust() follows a get() of audio, with at most as many samples used as it returned")
        self._play -= self._got - used
        self._store.rewind(self._play)
        self._heard += heard - self._got
        self.statistics.played_samples -= self._got - used
        if used > heard:
            self.statistics.shortened_samples += used - heard
        else:
            self.statistics.lengthened_samples += heard - used
        self._period = heard
        self._got = used

    def surplus(self) -> int:
        """Return how many samples of delay can be dropped (> 0) or should be added (< 0) in the next call.

        What can be dropped is never more than is here beyond the next call's samples, without a gap.
        """
        if self._play is None or self._held or not self._period:
            return 0
        behind, step = self._behind()
        effective = self._offset() - behind - (self._period - step)
        spare = effective - self._need(self._settings.shrink_share)
        if spare >= 0:
            wanted = behind + step * int(spare // step)
            return max(0, min(wanted, self._store.unbroken(self._play, self._period + wanted) - self._period))
        lack = self._need(self._settings.grow_share) - effective
        if lack > 0:
            return behind - step * -int(-lack // step)
        return 0

    @property
    def delay_ms(self) -> float:
        """How long samples wait here now, measured from the fastest packets of late."""
        if self._play is None or self._transit.empty:
            return 0.0
        return max(0.0, self._offset() / self._per_ms - self._transit.floor)

    @property
    def target_ms(self) -> float:
        """How long the slower packets of late make it worth to wait."""
        if self._transit.empty:
            return self._settings.initial
        return self._need(self._settings.shrink_share) / self._per_ms - self._transit.floor

    def _restart(self, packet: RtpPacket, arrival: float) -> None:
        """Begin anew with ``packet``: another source, or its clock has jumped."""
        if self._observed:
            self.statistics.resyncs += 1
        self._store.restart(packet, arrival)
        self._transit.reset()
        self._observed = 0
        self._play = None
        self._held = 0

    def _jumped(self, transit: float, marker: bool) -> bool:
        if not self._observed:
            return False
        jump = abs(transit - self._reference)
        # A new talk spurt (:rfc:`3551#section-4.1`) is the moment for a smaller jump: nothing is torn apart.
        return jump > self._settings.resync or (marker and jump > 200.0 and self._store.first is None)

    def _offset(self) -> float:
        """Time of the next call less the media time that it will ask for, in samples."""
        assert self._phase is not None
        assert self._play is not None
        return self._phase + self._heard - self._play

    def _behind(self) -> tuple[int, int]:
        """Return how far into a step of calls packets begin, and how long such a step is."""
        assert self._play is not None
        stamp, length = self._store.newest
        step = gcd(length, self._period)
        return (stamp - self._play) % step, step

    def _need(self, share: float) -> float:
        """Smallest useful time from media time to a call, in samples."""
        floor = self._transit.floor
        settings = self._settings
        least = max(settings.minimum, settings.initial * (1.0 - self._observed / _SETTLED))
        wanted = max(self._transit.quantile(share), floor + least)
        return min(wanted, floor + settings.maximum) * self._per_ms

    def _next(self, missing: int) -> Piece:
        """Return the next piece, of at most ``missing`` samples."""
        first = self._store.first
        if self._play is None:
            return self._begin(missing)
        if first is None:
            self._held += missing
            self.statistics.lost_samples += missing
            return Piece("lost", missing)
        gap = first.stamp - self._play
        if gap > self._held:
            return self._bridge(first, gap, missing)
        if self._held:
            self._catch_up(first, gap)
            return self._next(missing)
        start = self._play - first.stamp
        count = min(missing, first.length - start)
        self._play += count
        self._sequence = first.packet.sequence
        self._store.played(self._play, _KEPT)
        self.statistics.played_samples += count
        return Piece("audio", count, first.packet.payload, start, first.packet.payload_type)

    def _begin(self, missing: int) -> Piece:
        """Wait until the first packet has aged by the target."""
        first = self._store.first
        if first is not None and self._phase is not None:
            age = self._phase + self._heard - first.stamp
            if age >= self._need(self._settings.shrink_share):
                self._play = first.stamp
                return self._next(missing)
        self.statistics.quiet_samples += missing
        return Piece("quiet", missing)

    def _bridge(self, first: Entry, gap: int, missing: int) -> Piece:
        """Fill up to ``first``: lost packets, or a pause of the sender if no sequence number is missing."""
        assert self._play is not None
        count = min(missing, gap - self._held)
        self._held += count
        if self._held == gap:
            self._play, self._held = first.stamp, 0
        if (self._sequence + 1) & 0xFFFF == first.packet.sequence:
            self.statistics.quiet_samples += count
            return Piece("quiet", count)
        self.statistics.lost_samples += count
        return Piece("lost", count)

    def _catch_up(self, first: Entry, gap: int) -> None:
        """Go on after holding: what was concealed stands for a lost packet, or for the head of a late one."""
        assert self._play is not None
        late, self._held = self._held - max(gap, 0), 0
        self._play += max(gap, 0)
        self.statistics.held_samples += late
        effective = self._offset() - self._behind()[0]
        if late <= self._settings.skip * self._per_ms and effective >= self._need(self._settings.grow_share):
            self._play += late
            self._store.played(self._play, _KEPT)

    def _skip_surfeit(self) -> None:
        """After a burst: drop what is more than ``maximum``, down to the target."""
        if self._play is None or self._store.first is None:
            return
        stamp, length = self._store.newest
        if stamp + length - self._play - self._held <= self._settings.maximum * self._per_ms:
            return
        assert self._phase is not None
        wanted = int(self._phase + self._heard - self._need(self._settings.shrink_share))
        before = len(self._store)
        self._play = max(self._play, self._store.begin_at(wanted))
        self._held = 0
        self.statistics.skipped += before - len(self._store)
