"""What the media process says reaches whom it concerns."""

from pathlib import Path

import pytest

from offhook.config.load import load
from offhook.daemon.build import build
from offhook.daemon.line import Line
from offhook.media import messages as msg
from tests.support.daemon_bench import fixtures

ACCOUNTS = """\
country: NO
accounts:
  - {name: desk, uri: "sip:1001@pbx.test", srtp: required, transport: udp}
  - {name: safe, uri: "sip:1002@pbx.test", srtp: required, transport: tls}
"""


def line(folder: Path) -> Line:
    return build(load(ACCOUNTS, "phone.yaml"), fixtures(folder))


class Legs:
    def __init__(self) -> None:
        self.silent: list[tuple[int, float]] = []

    def fell_silent(self, stream: int, seconds: float) -> None:
        self.silent.append((stream, seconds))


def test_a_stream_that_fell_silent_ends_its_call(tmp_path: Path) -> None:
    made, legs = line(tmp_path), Legs()
    made.legs = legs  # type: ignore[assignment]
    made.media_message(msg.StreamSilent(3, 60.2))
    assert legs.silent == [(3, 60.2)]


def test_packets_that_srtp_did_not_let_through_are_kept_for_the_status(tmp_path: Path) -> None:
    made = line(tmp_path)
    made.media_message(msg.StreamReport(3, 10, 11, 1, 0, 0.5, 12.0, 4.1, None, 7))
    assert (made.streams[3].rx, made.streams[3].rejected) == (10, 7)


def test_figures_of_calls_that_are_over_do_not_pile_up(tmp_path: Path) -> None:
    made = line(tmp_path)
    for stream in range(1000):
        for number in (-1, stream):  # a long call beside many short ones
            made.media_message(msg.StreamReport(number, 10, 11, 1, 0, 0.5, 12.0, 4.1, None, 0))
    assert len(made.streams) <= 64
    assert {-1, 999} <= set(made.streams)


def test_many_of_them_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = line(tmp_path)
    caplog.clear()
    for rejected in (0, 49, 60, 120):
        made.media_message(msg.StreamReport(3, 10, 11, 1, 0, 0.5, 12.0, 4.1, None, rejected))
    (record,) = caplog.records
    assert record.getMessage().startswith("SRTP: 60 packets failed authentication")


def test_a_line_warns_of_keys_in_clear_when_it_is_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line(tmp_path)
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.getMessage().startswith("accounts[0].srtp: keys travel in clear")


def test_a_fault_of_the_mixer_is_logged_once_and_stays_in_the_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, fault = line(tmp_path), 'audio.mixer: the card has no "Mic"'
    caplog.clear()
    for state in ("open", "closed", "open"):
        made.media_message(msg.DeviceChanged(state, "mic", "ear", "", fault))  # type: ignore[arg-type]
    assert made.audio.mixer == fault
    assert [record.getMessage() for record in caplog.records] == [fault]
    made.media_message(msg.DeviceChanged("open", "mic", "ear", "", ""))
    assert made.audio.mixer == ""
