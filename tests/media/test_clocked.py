"""The device without a card, and the socket where the page exchanges sound."""

import select
import socket
from pathlib import Path

import numpy as np
import pytest

from offhook.errors import DeviceError
from offhook.media.clocked import ClockedDevice

FRAME = np.arange(80, dtype=np.int16)


def connect(path: Path) -> socket.socket:
    page = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    page.connect(str(path))
    page.settimeout(1.0)
    return page


def serve(device: ClockedDevice, now: float) -> bool:
    """Do what the loop does."""
    poller = select.poll()
    for fd, mask in device.descriptors():
        poller.register(fd, mask)
    return device.ready(poller.poll(0), now)


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def test_the_clock_beats_a_period_each_10_ms_and_catches_up() -> None:
    device = ClockedDevice(10, 5.0)
    assert device.deadline() == 5.01
    assert device.read(5.005) is None
    silence = device.read(5.0101)
    assert silence is not None
    assert not silence.any()
    assert len(silence) == device.wanted() == 80
    assert device.deadline() == pytest.approx(5.02)
    assert [device.read(5.0501) is not None for _ in range(5)] == [True] * 4 + [False]


def test_what_was_missed_while_the_machine_slept_is_missed() -> None:
    device = ClockedDevice(10, 5.0)
    assert device.read(60.0) is not None
    assert device.read(60.0) is not None
    assert device.read(60.0) is None


def test_the_page_hears_the_ear_and_is_heard(tmp_path: Path) -> None:
    device = ClockedDevice(10, 0.0, str(tmp_path / "sound"))
    page = connect(tmp_path / "sound")
    serve(device, 0.0)
    device.write(FRAME)
    assert page.recv(4096) == frame(FRAME.tobytes())
    spoken = np.arange(800, dtype="<i2")
    data = b"".join(frame(spoken[i : i + 100].tobytes()) for i in range(0, 800, 100))
    page.sendall(data[:333])
    serve(device, 0.0)
    page.sendall(data[333:])
    serve(device, 0.0)
    heard = [device.read(0.0101 + 0.01 * i) for i in range(10)]
    assert np.array_equal(np.concatenate([part for part in heard if part is not None]), spoken)
    page.close()
    device.close()
    assert not (tmp_path / "sound").exists()


def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    device = ClockedDevice(10, 0.0, str(tmp_path / "sound"))
    assert (tmp_path / "sound").stat().st_mode & 0o777 == 0o600
    device.close()


def test_the_newest_page_takes_over(tmp_path: Path) -> None:
    device = ClockedDevice(10, 0.0, str(tmp_path / "sound"))
    first, second = connect(tmp_path / "sound"), None
    serve(device, 0.0)
    second = connect(tmp_path / "sound")
    serve(device, 0.0)
    device.write(FRAME)
    assert first.recv(10) == b""
    assert second.recv(4096) == frame(FRAME.tobytes())
    first.close()
    second.close()
    device.close()


@pytest.mark.parametrize("junk", [b"\xff\xff" + bytes(100), b"\x00\x03abc"])
def test_a_page_that_breaks_the_framing_is_dropped(tmp_path: Path, junk: bytes) -> None:
    device = ClockedDevice(10, 0.0, str(tmp_path / "sound"))
    page = connect(tmp_path / "sound")
    serve(device, 0.0)
    page.sendall(junk)
    serve(device, 0.0)
    assert page.recv(10) == b""
    page.close()
    device.close()


def test_a_page_that_stalls_loses_sound_and_never_the_framing(tmp_path: Path) -> None:
    device = ClockedDevice(10, 0.0, str(tmp_path / "sound"))
    page = connect(tmp_path / "sound")
    serve(device, 0.0)
    for _ in range(1000):
        device.write(FRAME)
    received = b""
    page.setblocking(False)
    for _ in range(3):
        try:
            while part := page.recv(65536):
                received += part
        except BlockingIOError:
            device.write(FRAME)
    whole = len(received) // 162 * 162
    assert 162 < whole < 162 * 900
    assert received[:whole] == frame(FRAME.tobytes()) * (whole // 162)
    page.close()
    device.close()


def test_a_page_that_falls_behind_is_cut_to_a_fresh_start(tmp_path: Path) -> None:
    device = ClockedDevice(10, 0.0, str(tmp_path / "sound"))
    page = connect(tmp_path / "sound")
    serve(device, 0.0)
    for number in range(20):
        page.sendall(frame(np.full(400, number, "<i2").tobytes()))
        serve(device, 0.0)
    heard = device.read(0.0101)
    assert heard is not None
    assert heard[0] >= 15
    page.close()
    device.close()


def test_a_socket_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="writable"):
        ClockedDevice(10, 0.0, str(tmp_path / "missing" / "sound"))
