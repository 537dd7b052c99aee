import os
import threading
from pathlib import Path

import pytest

from offhook.errors import DeviceError
from offhook.hardware import poweroff
from offhook.hardware.poweroff import NAME, power_off_by_systemd

UNITS = Path(__file__).resolve().parents[2] / "systemd"


def test_a_service_asks_by_a_file_that_a_root_unit_takes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    request, taken = tmp_path / NAME, threading.Event()

    def root_unit() -> None:
        while not request.exists():
            pass
        request.unlink()
        taken.set()

    unit = threading.Thread(target=root_unit)
    unit.start()
    power_off_by_systemd()
    unit.join()
    assert taken.is_set()


def test_a_request_that_nobody_takes_is_told_and_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(poweroff, "_ask", lambda request, ask=poweroff._ask: ask(request, limit=0.0))
    with pytest.raises(DeviceError, match=r"nobody takes .* systemctl enable --now offhook-poweroff\.path"):
        power_off_by_systemd()
    assert os.listdir(tmp_path) == []  # a unit that is enabled later must not find it


def test_a_runtime_directory_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "gone"))
    with pytest.raises(DeviceError, match="cannot be written"):
        power_off_by_systemd()


def test_the_path_unit_watches_the_file_that_the_phone_writes() -> None:
    place = f"/run/offhook/{NAME}"
    assert f"PathExists={place}\n" in (UNITS / "offhook-poweroff.path").read_text()
    assert f"rm -f {place}\n" in (UNITS / "offhook-poweroff.service").read_text()
    assert "RuntimeDirectory=offhook\n" in (UNITS / "offhook.service").read_text()


def test_outside_of_a_service_systemctl_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="No such file"):
        power_off_by_systemd()
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/asked\n')
    systemctl.chmod(0o755)
    power_off_by_systemd()
    assert (tmp_path / "asked").read_text() == "--no-ask-password poweroff\n"
    systemctl.write_text("#!/bin/sh\necho Access denied >&2\nexit 1\n")
    with pytest.raises(DeviceError, match=r"\(Access denied\): .*as a service"):
        power_off_by_systemd()
