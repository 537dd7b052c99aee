"""Two RTCP sessions against each other, without sockets."""

import pytest

from offhook.rtp import rtcp
from offhook.rtp.errors import RtpError
from offhook.rtp.packet import RtpPacket
from offhook.rtp.report import RtcpSession, interval, ntp_time
from offhook.rtp.rtcp import Goodbye, ReceiverReport, SenderReport, SourceDescription

UNIX = 1_795_000_000.25


def packet(number: int, ssrc: int) -> RtpPacket:
    return RtpPacket(0, number, number * 160, ssrc, bytes(160))


def pair() -> tuple[RtcpSession, RtcpSession]:
    return RtcpSession(1, "one@phone", lambda: 0.5), RtcpSession(2, "two@phone", lambda: 0.5)


def exchange(one: RtcpSession, two: RtcpSession, count: int, lost: frozenset[int] = frozenset()) -> None:
    for number in range(count):
        now = number * 0.02
        one.sent(packet(number, 1), now)
        if number not in lost:
            two.received(packet(number, 1), now + 0.03)
        two.sent(packet(number, 2), now)
        one.received(packet(number, 2), now + 0.03)


def test_the_round_trip_is_measured_from_the_reports() -> None:
    one, two = pair()
    exchange(one, two, 50)
    two.receive(one.report(1.0, UNIX), 1.03, UNIX + 0.03)
    one.receive(two.report(3.0, UNIX + 2.0), 3.04, UNIX + 2.04)
    assert one.round_trip == pytest.approx(0.07, abs=0.001)


def test_loss_is_reported_to_the_sender() -> None:
    one, two = pair()
    exchange(one, two, 100, frozenset(range(20, 30)))
    one.receive(two.report(2.0, UNIX), 2.0, UNIX)
    assert one.remote_loss == pytest.approx(0.1, abs=0.005)


def test_a_sender_report_maps_media_time_to_wall_clock() -> None:
    one, two = pair()
    exchange(one, two, 50)
    report, names = rtcp.parse(one.report(1.08, UNIX))
    assert isinstance(report, SenderReport)
    assert report.ntp == ntp_time(UNIX)
    assert report.rtp_timestamp == 49 * 160 + int((1.08 - 0.98) * 8000)
    assert (report.packets, report.octets) == (50, 8000)
    assert names == SourceDescription(((1, "one@phone"),))


def test_who_sends_nothing_gives_a_receiver_report() -> None:
    one, two = pair()
    exchange(one, two, 50)
    one.report(1.0, UNIX)
    assert isinstance(rtcp.parse(one.report(6.0, UNIX))[0], ReceiverReport)
    assert isinstance(rtcp.parse(RtcpSession(9, "x", lambda: 0.5).report(0, UNIX))[0], ReceiverReport)


def test_goodbye_is_heard() -> None:
    one, two = pair()
    exchange(one, two, 5)
    data = two.goodbye(1.0, UNIX)
    assert rtcp.parse(data)[-1] == Goodbye((2,))
    assert not one.gone
    one.receive(data, 1.0, UNIX)
    assert one.gone


def test_another_source_begins_anew() -> None:
    one, two = pair()
    exchange(one, two, 50)
    one.received(packet(9, 77), 2.0)
    assert one.reception is not None
    assert (one.reception.ssrc, one.reception.received) == (77, 1)


def test_reports_are_due_2_to_6_seconds_apart() -> None:
    for random in (0.0, 0.5, 0.999):
        session = RtcpSession(1, "x", lambda random=random: random)
        assert 1.0 <= session.deadline(0.0) <= 3.1
        assert session.deadline(0.5) == session.deadline(0.0)
        session.report(5.0, UNIX)
        assert 5 + 2.0 <= session.deadline(5.0) <= 5 + 6.2


def test_the_interval_grows_with_the_members() -> None:
    few = interval(2, 2, True, 120, False, lambda: 0.5)
    many = interval(500, 500, True, 120, False, lambda: 0.5)
    assert few == pytest.approx(5 / (2.71828 - 1.5))
    assert many > 20 * few
    assert interval(100, 1, True, 120, False, lambda: 0.5) == few


def test_junk_is_an_rtp_error_and_changes_nothing() -> None:
    one, _ = pair()
    with pytest.raises(RtpError):
        one.receive(b"junk junk", 1.0, UNIX)
    assert not one.gone


def test_a_report_on_another_source_says_nothing_of_ours() -> None:
    one, two = pair()
    exchange(one, two, 100, frozenset(range(50)))
    stranger = RtcpSession(99, "z", lambda: 0.5)
    stranger.receive(two.report(2.0, UNIX), 2.0, UNIX)
    assert stranger.remote_loss == 0.0
