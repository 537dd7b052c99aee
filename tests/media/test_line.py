"""The line, tick by tick, without card, clock or process."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.dsp.codecs.g711 import PCMU
from offhook.media import messages as msg
from offhook.media.line import MediaLine
from offhook.media.settings import MediaSettings, StreamSettings
from offhook.rtp import rtcp
from offhook.rtp.dtmf import TelephoneEvent
from offhook.rtp.packet import RtpPacket
from offhook.rtp.report import ntp_time
from tests.support.wire import Wire

REMOTE = ("192.0.2.7", 4000)
PLAN = StreamSettings(
    REMOTE, "PCMU", 0, receive_payload_types={0: "PCMU"}, dtmf_payload_type=101, dtmf_receive_payload_type=96
)
PERIOD = 80
QUIET = np.zeros(PERIOD, np.int16)
SPEECH = (8000 * np.sin(np.arange(160) * 2 * np.pi * 500 / 8000)).astype(np.int16)
Samples = NDArray[np.int16]


class Bench:
    """A line with a clock of its own and what it said."""

    def __init__(self, settings: MediaSettings | None = None) -> None:
        self.said: list[msg.FromMedia] = []
        self.line = MediaLine(
            settings or MediaSettings("NO"), self.said.append, lambda n: bytes(n), lambda: 1e9 + self.now
        )
        self.now = 100.0
        self.rtp, self.rtcp = Wire(), Wire()
        self._sequence = 0

    def call(self, plan: StreamSettings = PLAN) -> "Bench":
        """Lift the handset and start stream 1."""
        self.line.set_active(True)
        self.line.start_stream(1, plan, self.rtp, self.rtcp, self.now)
        return self

    def tick(self, periods: int = 1, mic: Samples = QUIET) -> Samples:
        """Let time pass; return what the ear heard."""
        heard = []
        for _ in range(periods):
            heard.append(self.line.tick(mic, PERIOD, self.now))
            self.line.handed_over(self.now + 0.001)
            self.now += 0.01
        return np.concatenate(heard)

    def hear(self, packets: int, lose: frozenset[int] = frozenset()) -> Samples:
        """Let the far end talk, packet after packet; return what the ear heard of it."""
        heard = []
        for _ in range(packets):
            if self._sequence not in lose:
                payload = PCMU.encode(SPEECH).tobytes()
                packet = RtpPacket(0, self._sequence, self._sequence * 160, 7, payload)
                self.rtp.deliver(packet.serialize(), REMOTE, self.now)
            self._sequence += 1
            heard.append(self.tick(2))
        return np.concatenate(heard)

    def sent(self) -> list[RtpPacket]:
        """Every RTP packet that went out."""
        return [RtpPacket.parse(data) for data, _ in self.rtp.sent]

    def of(self, kind: type[msg.FromMedia]) -> list[msg.FromMedia]:
        """Every message of a kind."""
        return [message for message in self.said if isinstance(message, kind)]


def rms(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def test_a_tone_is_audible_in_the_first_period_and_its_start_is_told() -> None:
    bench = Bench()
    bench.line.play_tone("dial")
    assert rms(bench.tick()) > 500
    assert bench.said == [msg.ToneStarted("dial", 100.001)]


def test_a_tone_that_stops_does_not_click() -> None:
    bench = Bench()
    bench.line.play_tone("dial")
    before = bench.tick(3)
    bench.line.stop_tone()
    heard = np.concatenate([before, bench.tick(3)]).astype(int)
    assert np.abs(np.diff(heard)).max() <= np.abs(np.diff(before.astype(int))).max() + 50
    assert rms(heard[-PERIOD:].astype(np.int16)) == 0
    assert not bench.line.busy


def test_speech_comes_out_as_it_went_in_after_the_buffer_delay() -> None:
    heard = Bench().call().hear(50)[4000:]
    reference = PCMU.decode(PCMU.encode(SPEECH))
    lag = int(np.argmax([np.dot(heard[i : i + 1600].astype(float), np.tile(reference, 10)) for i in range(160)]))
    assert np.array_equal(heard[lag : lag + 1600], np.tile(reference, 10))


def test_a_lost_packet_is_concealed_and_counted() -> None:
    bench = Bench().call()
    heard = bench.hear(100, lose=frozenset({60}))
    quietest = min(rms(heard[i : i + 160]) for i in range(4000, len(heard) - 160, 80))
    assert quietest > 2000
    report = bench.of(msg.StreamReport)[-1]
    assert isinstance(report, msg.StreamReport)
    bench.line.stop_stream(1, bench.now)
    report = bench.of(msg.StreamReport)[-1]
    assert isinstance(report, msg.StreamReport)
    assert (report.rx, report.lost, report.concealed) == (99, 1, 160)


def test_the_microphone_is_heard_only_off_hook_and_unmuted() -> None:
    bench = Bench().call()
    loud = np.full(PERIOD, 5000, np.int16)
    bench.tick(2, loud)
    bench.line.set_mute(True)
    bench.tick(2, loud)
    bench.line.set_mute(False)
    bench.line.set_active(False)
    bench.tick(2, loud)
    levels = [rms(PCMU.decode(packet.payload)) for packet in bench.sent()]
    assert [round(level, -3) for level in levels] == [5000, 0, 0]


def test_on_hold_nothing_is_sent_and_nothing_heard() -> None:
    bench = Bench().call(StreamSettings(REMOTE, "PCMU", 0, send=False, receive=False))
    assert rms(bench.hear(20)) == 0
    assert bench.rtp.sent == []


def test_a_resumed_call_is_heard_again() -> None:
    bench = Bench().call()
    bench.hear(20)
    bench.line.update_stream(1, StreamSettings(REMOTE, "PCMU", 0, send=False, receive=False))
    bench.hear(50)
    bench.line.update_stream(1, PLAN)
    assert rms(bench.hear(20)[1600:]) > 4000


def test_a_short_key_press_is_sent_for_at_least_70_ms() -> None:
    bench = Bench().call()
    bench.line.start_dtmf(1, "5")
    bench.line.stop_dtmf(1, "5")
    bench.tick(30)
    events = [packet for packet in bench.sent() if packet.payload_type == 101]
    parsed = [TelephoneEvent.parse(packet.payload) for packet in events]
    assert events[0].marker
    assert {event.digit for event in parsed} == {"5"}
    assert len({packet.timestamp for packet in events}) == 1
    assert [event.end for event in parsed[-3:]] == [True] * 3
    assert parsed[-1].duration >= 560


def test_a_key_of_the_other_side_is_told_once() -> None:
    bench = Bench().call()
    for number, (duration, end) in enumerate([(160, False), (320, False), (480, True), (480, True), (480, True)]):
        event = TelephoneEvent(11, end, 10, duration)
        bench.rtp.deliver(RtpPacket(96, number, 4000, 7, event.serialize()).serialize(), REMOTE, bench.now)
        bench.tick(2)
    assert bench.of(msg.DtmfReceived) == [msg.DtmfReceived(1, "#")]


def test_a_key_of_the_other_side_is_a_pause_and_no_loss() -> None:
    bench = Bench().call()
    bench.hear(50)
    for number in range(50, 60):
        event = TelephoneEvent(5, number == 59, 10, (number - 49) * 160)
        bench.rtp.deliver(RtpPacket(96, number, 8000, 7, event.serialize()).serialize(), REMOTE, bench.now)
        bench.tick(2)
    bench._sequence = 60
    heard = bench.hear(50)
    bench.line.stop_stream(1, bench.now)
    report = bench.of(msg.StreamReport)[-1]
    assert isinstance(report, msg.StreamReport)
    assert (report.rx, report.lost, report.concealed) == (110, 0, 0)
    assert rms(heard[-800:]) > 4000


def test_a_tone_that_no_plan_has_is_silence_and_ends_the_one_before() -> None:
    bench = Bench().call()
    bench.line.play_tone("dial")
    bench.tick(2)
    bench.line.play_tone("fanfare")
    assert rms(bench.tick(5)[-PERIOD:]) == 0
    assert bench.of(msg.ToneStarted) == [msg.ToneStarted("dial", 100.001)]


def test_a_prompt_speaks_instead_of_the_tone_and_then_the_tone_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "say.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.full(240, 1000, "<i2").tobytes())
    bench = Bench()
    bench.line.play_tone("dial")
    bench.tick(5)
    bench.line.say(str(path), "mains lost")
    assert np.array_equal(bench.tick(3), np.full(240, 1000))
    assert rms(bench.tick(2)) > 500
    assert [type(message) for message in bench.said[1:]] == [msg.SayStarted, msg.SayEnded]


def test_without_a_file_a_short_tone_stands_for_the_prompt() -> None:
    bench = Bench()
    bench.line.say("", "battery low")
    assert rms(bench.tick(20)) > 300
    bench.tick(60)
    assert bench.of(msg.SayEnded) == [msg.SayEnded("battery low")]
    assert not bench.line.busy


def test_a_file_that_is_no_prompt_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFF....not a wave")
    bench = Bench()
    for path in (str(tmp_path / "bad.wav"), str(tmp_path / "none.wav"), str(tmp_path), "a\0b"):
        bench.line.say(path, path)
        bench.tick(80)
        assert bench.of(msg.SayEnded)[-1] == msg.SayEnded(path)


def test_nothing_louder_than_the_limit_reaches_the_ear() -> None:
    bench = Bench(MediaSettings("NO", ear_gain_db=20.0, ear_limit_dbfs=-6.0)).call()
    bench.line.set_volume(12.0)
    heard = bench.hear(40)
    assert 10000 < np.abs(heard.astype(int)).max() <= 16423


def test_volume_changes_what_is_heard() -> None:
    bench = Bench().call()
    normal = rms(bench.hear(40)[3200:])
    bench.line.set_volume(-12.0)
    assert 0.2 < rms(bench.hear(40)[3200:]) / normal < 0.3


def test_two_streams_are_heard_together() -> None:
    bench = Bench().call()
    other = Wire()
    bench.line.start_stream(2, StreamSettings(("192.0.2.8", 6000), "PCMU", 0), other, Wire(), bench.now)
    alone = rms(bench.hear(30)[2400:])
    for number in range(30):
        packet = RtpPacket(0, number, number * 160, 9, PCMU.encode(SPEECH).tobytes())
        other.deliver(packet.serialize(), ("192.0.2.8", 6000), bench.now)
        bench.hear(1)
    assert rms(bench.hear(1)) != alone
    assert len({packet.ssrc for packet in bench.sent()}) == 1
    assert other.sent


def test_the_ear_may_need_more_or_less_than_the_microphone_gave() -> None:
    bench = Bench().call()
    assert len(bench.line.tick(QUIET, 81, bench.now)) == 81
    assert len(bench.line.tick(QUIET, 0, bench.now)) == 0
    assert len(bench.line.tick(np.zeros(0, np.int16), 120, bench.now)) == 120


def test_reports_are_sent_and_goodbye_is_said() -> None:
    bench = Bench().call()
    bench.hear(400)
    bench.line.stop_stream(1, bench.now)
    kinds = [[type(packet) for packet in rtcp.parse(data)] for data, _ in bench.rtcp.sent]
    assert len(kinds) >= 2
    assert kinds[0][0] is rtcp.SenderReport
    assert rtcp.Goodbye in kinds[-1]
    assert {remote for _, remote in bench.rtcp.sent} == {("192.0.2.7", 4001)}
    assert bench.rtp.closed
    assert bench.rtcp.closed


def test_the_round_trip_does_not_count_how_long_a_report_waited_here() -> None:
    bench = Bench().call()
    bench.hear(200)
    ours = rtcp.parse(bench.rtcp.sent[0][0])[0]
    assert isinstance(ours, rtcp.SenderReport)
    block = rtcp.ReportBlock(ours.ssrc, 0, 0, 1, 0, ours.ntp >> 16 & 0xFFFFFFFF, 0)
    sent_at = ours.ntp / (1 << 32) - ntp_time(1e9) / (1 << 32)
    bench.rtcp.deliver(
        rtcp.ReceiverReport(7, (block,)).serialize(), (REMOTE[0], 4001), sent_at + 0.05
    )  # found only now, a second and more after it came
    bench.hear(60)
    report = bench.of(msg.StreamReport)[-1]
    assert isinstance(report, msg.StreamReport)
    assert report.round_trip_ms == pytest.approx(50, abs=0.2)


def test_junk_and_strangers_change_nothing() -> None:
    bench = Bench().call()
    bench.hear(30)
    for junk in (b"", b"\x80", b"\x00" * 50, bytes(range(200)), b"\x80\xc9" + bytes(3)):
        bench.rtp.deliver(junk, REMOTE, bench.now)
        bench.rtcp.deliver(junk, REMOTE, bench.now)
    noise = RtpPacket(0, 40, 6400, 99, PCMU.encode(np.full(160, 30000, np.int16)).tobytes())
    bench.rtp.deliver(noise.serialize(), ("203.0.113.1", 9), bench.now)
    assert np.abs(bench.hear(20).astype(int)).max() < 9000


def test_a_report_is_made_each_second() -> None:
    bench = Bench().call()
    bench.hear(150)
    reports = bench.of(msg.StreamReport)
    assert len(reports) == 3
    assert isinstance(reports[-1], msg.StreamReport)
    assert reports[-1].mos > 4.3
    assert reports[-1].lost == 0
