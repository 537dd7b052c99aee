"""The jitter buffer: each situation by name, its invariants under anything, and whole calls over jittery paths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.rtp.jitter import JitterBuffer, JitterSettings, Piece
from offhook.rtp.packet import RtpPacket
from tests.support.jitter import play, trace

FRAME = 160
PERIOD = 80


def packet(number: int, *, ssrc: int = 1, frame: int = FRAME, start: int = 0, marker: bool = False) -> RtpPacket:
    """Packet ``number``; its payload tells which it is."""
    payload = number.to_bytes(4, "big") * (frame // 4)
    return RtpPacket(0, number & 0xFFFF, (start + number * frame) & 0xFFFFFFFF, ssrc, payload, marker)


class Line:
    """A buffer with a clock: packets are put at their time, periods are got at theirs."""

    def __init__(self, options: JitterSettings | None = None, period: int = PERIOD) -> None:
        self.buffer = JitterBuffer(options or JitterSettings(initial=20, minimum=0))
        self.period = period
        self.now = 0.0
        self.pieces: list[Piece] = []

    def run(self, arrivals: list[tuple[float, RtpPacket]], until: float) -> list[Piece]:
        """Go on to ``until``; return the pieces of that time."""
        waiting = sorted(arrivals, key=lambda arrival: arrival[0])
        before = len(self.pieces)
        while self.now < until - 1e-9:
            while waiting and waiting[0][0] <= self.now + 1e-9:
                self.buffer.put(waiting[0][1], waiting[0][0])
                waiting.pop(0)
            pieces = self.buffer.get(self.period, self.now)
            assert sum(piece.count for piece in pieces) == self.period
            self.pieces += pieces
            self.now += self.period / 8000
        assert not waiting
        return self.pieces[before:]


def stream(first: int, last: int, delay: float = 0.0, **options: int) -> list[tuple[float, RtpPacket]]:
    return [(number * 0.02 + delay, packet(number, **options)) for number in range(first, last)]


def order(pieces: list[Piece]) -> str:
    """``a5`` for 5 ms of audio, ``l`` lost, ``q`` quiet; neighbours of one kind joined."""
    runs: list[list[object]] = []
    for piece in pieces:
        if runs and runs[-1][0] == piece.kind[0]:
            runs[-1][1] += piece.count  # type: ignore[operator]
        else:
            runs.append([piece.kind[0], piece.count])
    return " ".join(f"{kind}{count // 8}" for kind, count in runs)  # type: ignore[operator]


def numbers(pieces: list[Piece]) -> list[int]:
    """The packets that were played, in order."""
    found: list[int] = []
    for piece in pieces:
        number = int.from_bytes(piece.payload[:4], "big")
        if piece.kind == "audio" and found[-1:] != [number]:
            found.append(number)
    return found


def test_it_is_quiet_until_the_first_packet_has_aged_by_the_initial_delay() -> None:
    assert order(Line().run(stream(0, 50), 1.0)) == "q20 a980"


def test_nothing_at_all_is_quiet() -> None:
    line = Line()
    assert order(line.run([], 0.5)) == "q500"
    assert line.buffer.surplus() == 0
    assert line.buffer.delay_ms == 0


def test_a_lost_packet_is_concealed_and_the_rest_stays_in_its_place() -> None:
    arrivals = [arrival for arrival in stream(0, 50) if arrival[1].sequence != 20]
    assert order(Line().run(arrivals, 1.0)) == "q20 a400 l20 a560"


def test_three_lost_packets_are_concealed_and_the_rest_stays_in_its_place() -> None:
    arrivals = [arrival for arrival in stream(0, 50) if arrival[1].sequence not in (20, 21, 22)]
    line = Line()
    assert order(line.run(arrivals, 1.0)) == "q20 a400 l60 a520"
    assert line.buffer.statistics.held_samples == 0


def test_reordered_packets_come_out_in_order() -> None:
    arrivals = stream(0, 50)
    arrivals[20] = (arrivals[20][0] + 0.018, arrivals[20][1])
    arrivals[21] = (arrivals[21][0] - 0.003, arrivals[21][1])
    pieces = Line().run(arrivals, 1.0)
    assert numbers(pieces) == list(range(49))
    assert order(pieces) == "q20 a980"


def test_a_duplicate_is_dropped() -> None:
    arrivals = stream(0, 50)
    line = Line()
    pieces = line.run(arrivals + [(at + 0.001, each) for at, each in arrivals[10:20]], 1.0)
    assert line.buffer.statistics.duplicate == 10
    assert numbers(pieces) == list(range(49))


def test_a_packet_that_is_a_little_late_loses_its_head_and_the_delay_stays() -> None:
    arrivals = stream(0, 500)
    arrivals[400] = (arrivals[400][0] + 0.028, arrivals[400][1])
    line = Line(JitterSettings(initial=20, minimum=20))
    pieces = line.run(arrivals, 10.0)
    assert order(pieces) == "q20 a8000 l10 a1970"
    assert line.buffer.delay_ms < 22


def test_after_a_long_stall_nothing_is_lost_and_the_delay_has_grown() -> None:
    arrivals = [(max(at, 8.15) if 8.0 <= at < 8.15 else at, each) for at, each in stream(0, 500)]
    line = Line()
    pieces = line.run(arrivals, 10.0)
    assert numbers(pieces) == list(range(numbers(pieces)[-1] + 1))
    assert line.buffer.statistics.late == 0
    assert line.buffer.delay_ms > 120
    assert line.buffer.surplus() >= 400


def test_a_late_packet_whose_time_is_over_is_counted() -> None:
    line = Line()
    arrivals = [arrival for arrival in stream(0, 50) if arrival[1].sequence != 20]
    line.run([*arrivals, (0.6, packet(20))], 1.0)
    assert line.buffer.statistics.late == 1


def test_a_pause_of_the_sender_is_quiet_and_not_lost() -> None:
    # No packets for 200 ms, then a talk spurt: the timestamps went on, the sequence numbers did not.
    spurt = [(n * 0.02, RtpPacket(0, n - 10, n * FRAME, 1, bytes(FRAME), n == 40)) for n in range(40, 60)]
    line = Line()
    pieces = line.run(stream(0, 30) + spurt, 1.2)
    assert order(pieces) == "q20 a600 l180 q20 a380"
    # Only when the packet after the pause is here, the pause is known as one.
    early = Line(JitterSettings(initial=300, minimum=300))
    assert order(early.run(stream(0, 30) + spurt, 1.2)) == "q300 a600 q200 a100"


def test_another_source_takes_over_at_once_and_stragglers_of_the_old_are_ignored() -> None:
    line = Line()
    line.run(stream(0, 50), 1.0)
    other = [(1.0 + n * 0.02, packet(n, ssrc=2, start=123456)) for n in range(50)]
    straggler = [(1.05, packet(50)), (1.15, packet(51))]
    pieces = line.run(other + straggler, 2.0)
    assert numbers(pieces) == list(range(49))
    assert line.buffer.statistics.resyncs == 1


@pytest.mark.parametrize("jump", [80_000, -80_000, 1 << 31])
def test_a_jump_of_the_senders_clock_is_a_new_start(jump: int) -> None:
    line = Line()
    line.run(stream(0, 50), 1.0)
    pieces = line.run(stream(50, 100, start=jump), 2.0)
    assert numbers(pieces)[-40:] == list(range(59, 99))
    assert line.buffer.statistics.resyncs == 1
    assert line.buffer.delay_ms < 25


def test_a_sender_that_stops_its_clock_during_a_pause_does_not_deepen_the_buffer() -> None:
    line = Line()
    line.run(stream(0, 50), 1.0)
    later = [
        (at + 1.5, RtpPacket(0, p.sequence, p.timestamp, 1, p.payload, p.sequence == 50)) for at, p in stream(50, 90)
    ]
    line.run(later, 3.3)
    assert line.buffer.delay_ms < 25


def test_timestamps_and_sequence_numbers_wrap() -> None:
    arrivals = [(n * 0.02, packet(n + 65_000, start=(1 << 32) - 65_200 * FRAME)) for n in range(1000)]
    line = Line()
    pieces = line.run(arrivals, 20.0)
    assert numbers(pieces) == list(range(65_000, 65_999))
    assert line.buffer.statistics.lost_samples == 0


def test_what_a_stall_of_a_second_held_back_is_cut_down_to_the_target() -> None:
    line = Line(JitterSettings(initial=20, maximum=200))
    line.run(stream(0, 50), 1.0)
    pieces = line.run([(max(2.0, at), each) for at, each in stream(50, 120)], 2.4)
    assert numbers(pieces)[-15:] == list(range(numbers(pieces)[-1] - 14, numbers(pieces)[-1] + 1))
    assert 30 < line.buffer.statistics.skipped < 50
    assert line.buffer.delay_ms < 200
    assert len(line.buffer._store) <= 256


def test_payloads_without_samples_are_refused() -> None:
    buffer = JitterBuffer()
    assert not buffer.put(RtpPacket(0, 1, 1, 1, b""), 0.0)


def test_the_surplus_is_what_can_be_taken_without_being_late() -> None:
    line = Line(JitterSettings(initial=100, minimum=0))
    line.run(stream(0, 200), 4.0)
    surplus = line.buffer.surplus()
    assert surplus == 640  # of the 100 ms, one period is for the next call, and the packet after it is not here yet
    pieces = line.buffer.get(PERIOD + 100, line.now)
    assert {piece.kind for piece in pieces} == {"audio"}
    line.buffer.adjust(PERIOD + 60, PERIOD)
    assert line.buffer.surplus() == 640 - 60 - PERIOD
    assert line.buffer.statistics.shortened_samples == 60


def test_what_is_given_back_comes_again() -> None:
    line = Line(JitterSettings(initial=100))
    line.run(stream(0, 25), 0.5)
    first = line.buffer.get(400, line.now)
    line.buffer.adjust(PERIOD, PERIOD)
    again = line.buffer.get(320, line.now + 0.01)
    flat = [(p.payload[0:4], i) for p in first for i in range(p.start, p.start + p.count)]
    assert [(p.payload[0:4], i) for p in again for i in range(p.start, p.start + p.count)] == flat[PERIOD:]


def test_a_lack_is_told_when_packets_get_later() -> None:
    line = Line(JitterSettings(initial=20, minimum=0, memory=100))
    line.run(stream(0, 200), 4.0)
    line.run(stream(200, 300, delay=0.012), 6.1)
    assert line.buffer.surplus() <= 0 or line.buffer.delay_ms >= 12


def test_adjusting_by_more_than_was_got_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="adjust"):
        JitterBuffer().adjust(0, 0)
    line = Line()
    line.run(stream(0, 25), 0.5)
    with pytest.raises(ValueError, match="adjust"):
        line.buffer.adjust(PERIOD + 1, PERIOD)


# --- invariants -----------------------------------------------------------------------------------------------------

CHAOS = st.lists(
    st.tuples(
        st.integers(0, 400) | st.integers(6400, 6500),  # packet number
        st.floats(0, 6),  # arrival
        st.sampled_from([1, 1, 1, 1, 1, 2]),  # source
        st.booleans(),
    ),
    max_size=120,
)


@settings(max_examples=60)
@given(CHAOS, st.lists(st.tuples(st.sampled_from([1, 40, 80, 160, 441]), st.floats(0, 1)), min_size=1, max_size=60))
def test_whatever_comes_counts_are_kept_and_nothing_is_played_twice(
    arrivals: list[tuple[int, float, int, bool]], calls: list[tuple[int, float]]
) -> None:
    buffer = JitterBuffer(JitterSettings(maximum=200))
    waiting = sorted(arrivals, key=lambda each: each[1])
    put = {packet(number).payload for number, *_ in arrivals}
    now, source_restarts = 0.0, 0
    last: tuple[int, int] | None = None
    for count, share in calls * 2:
        while waiting and waiting[0][1] <= now:
            number, at, ssrc, marker = waiting.pop(0)
            buffer.put(packet(number, ssrc=ssrc, marker=marker), at)
        surplus = buffer.surplus()
        pieces = buffer.get(count, now)
        assert sum(piece.count for piece in pieces) == count
        if buffer.statistics.resyncs != source_restarts:
            source_restarts, last = buffer.statistics.resyncs, None
        audio = all(piece.kind == "audio" for piece in pieces)
        used = int(count * share) if audio and surplus > 0 else count
        if audio and used != count:
            buffer.adjust(used, used)
        seen = 0
        for piece in pieces:
            assert piece.count > 0
            if piece.kind == "audio":
                assert piece.payload in put
                assert 0 <= piece.start < piece.start + piece.count <= len(piece.payload)
                stop = min(piece.count, used - seen)
                number = int.from_bytes(piece.payload[:4], "big")
                if stop > 0:
                    assert last is None or (number, piece.start) >= (last[0], last[1])
                    last = (number, piece.start + stop)
            seen += piece.count
        assert len(buffer._store) <= 256
        assert buffer.delay_ms >= 0
        now += count / 8000


@settings(max_examples=25)
@given(
    st.lists(st.floats(0, 0.3), min_size=50, max_size=200),
    st.sampled_from([80, 128, 160, 240]),
    st.sampled_from([80, 160, 240, 480]),
    st.integers(0, 1000),
)
def test_delay_stays_within_bounds_on_any_path(delays: list[float], period: int, frame: int, seed: int) -> None:
    options = JitterSettings(maximum=200)
    played = play(np.array(delays), period=period, frame=frame, seed=seed, settings=options)
    # The longest that can wait: the cap, a packet, a call.
    assert played.delays.max(initial=0) <= 200 + 300 + (frame + period) / 8


# --- whole calls ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "most_delay", "most_concealed"),
    # ms added to the fastest packet's way, period grid included, and the share of sound made up. A fixed buffer of
    # 40 ms makes up 0.9 % on the last two, one of 100 ms 0.3 to 0.5 %.
    [("LAN", 12, 0.001), ("DSL", 25, 0.003), ("Wi-Fi", 65, 0.012), ("LTE", 75, 0.012)],
)
def test_the_delay_is_little_and_so_is_what_is_made_up(path: str, most_delay: float, most_concealed: float) -> None:
    calls = [play(trace(path, 6000, seed), phase=0.003 * seed) for seed in (1, 2)]
    assert np.mean([call.delays.mean() for call in calls]) < most_delay
    assert np.mean([call.concealed for call in calls]) < most_concealed


@pytest.mark.parametrize("ppm", [200, -200])
@pytest.mark.parametrize("path", ["LAN", "DSL"])
def test_clocks_that_differ_by_200_ppm_neither_add_delay_nor_gaps(path: str, ppm: float) -> None:
    played = play(trace(path, 15_000, 5), ppm=ppm)  # 5 minutes, 60 ms of drift
    halves = np.array_split(played.delays[len(played.delays) // 5 :], 2)
    assert abs(halves[0].mean() - halves[1].mean()) < 10
    assert played.delays.max() < 60
    assert played.concealed < 0.004
    changed = played.buffer.statistics
    assert changed.shortened_samples + changed.lengthened_samples + changed.held_samples > 200


@pytest.mark.parametrize("period", [80, 120, 160, 320])
@pytest.mark.parametrize("frame", [80, 160, 240, 480])
def test_every_packet_time_plays_on_every_period(period: int, frame: int) -> None:
    played = play(trace("LAN", 1500, 3), period=period, frame=frame)
    assert played.concealed < 0.004
    assert played.delays[len(played.delays) // 2 :].mean() < (period + frame) / 8 + 12
