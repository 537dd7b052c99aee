"""`offhook restart`: when nobody uses the phone, and what is asked of systemd then."""

import argparse
import os
from pathlib import Path

import pytest

from offhook import cli_restart
from offhook.cli_restart import main
from offhook.device.phoneservice import PhoneService
from offhook.device.update.quiet import Status
from tests.device.test_health import status


class Clock:
    """Time that passes while it is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clock:
    """A phone that talks until 100 s, a systemctl that notes what it is told, and files that were kept."""
    clock = Clock()

    def ask() -> Status:
        return status() | {"phone": "TALKING" if clock.now < 100 else "ON_HOOK"}

    monkeypatch.setattr(cli_restart, "time", clock)
    monkeypatch.setattr(cli_restart, "asker", lambda path: ask)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for pid in (16, 17):
        (tmp_path / f"kept.{pid}/lib").mkdir(parents=True)
    monkeypatch.setattr(cli_restart, "PhoneService", lambda: PhoneService(tmp_path / "kept"))
    (tmp_path / "pid").write_text("17\n")
    stub(tmp_path, f"echo 18 >{tmp_path}/pid")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return clock


def stub(folder: Path, restart: str) -> None:
    """In the place of systemctl; ``restart``: what a restart does."""
    place = folder / "systemctl"
    place.write_text(f'#!/bin/sh\n[ "$1" != show ] || exec cat {folder}/pid\necho "$*" >>{folder}/told\n{restart}\n')
    place.chmod(0o755)


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("kept*")}


def args(look: bool) -> argparse.Namespace:
    return argparse.Namespace(look=look, control_socket=None)


def test_a_restart_waits_until_nobody_uses_the_phone(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args(look=False)) == 0
    assert clock.now >= 115
    assert capsys.readouterr().out == "the restart waits: the handset is in use\n"
    assert (tmp_path / "told").read_text() == "try-restart offhook.service\n"
    assert kept(tmp_path) == set()


def test_who_restarted_the_phone_meanwhile_has_done_it_all(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the next upgrade keeps the files of the phone that runs since then."""

    def sleep(seconds: float) -> None:
        clock.now += seconds
        (tmp_path / "pid").write_text("18\n")
        (tmp_path / "kept.18/lib").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(clock, "sleep", sleep)
    assert main(args(look=False)) == 0
    assert not (tmp_path / "told").exists()
    assert "the phone was restarted meanwhile" in capsys.readouterr().out
    assert kept(tmp_path) == {"kept.18"}


def test_what_is_kept_for_the_phone_that_runs_stays_where_a_restart_is_forbidden(clock: Clock, tmp_path: Path) -> None:
    stub(tmp_path, "exit 0")
    assert main(args(look=False)) == 0
    assert kept(tmp_path) == {"kept.17"}


def test_a_phone_without_a_process_is_not_waited_for(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_restart, "asker", lambda path: lambda: None)
    (tmp_path / "pid").write_text("0\n")
    assert main(args(look=False)) == 0
    assert clock.now == 0
    assert (tmp_path / "told").read_text() == "try-restart offhook.service\n"


def test_a_systemctl_that_names_no_process_is_told(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pid").write_text("\n")
    assert main(args(look=False)) != 0
    assert "does not say which process" in capsys.readouterr().err
    assert not (tmp_path / "told").exists()


def test_a_look_only_tells(clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args(look=True)) == 1
    clock.now = 100
    assert main(args(look=True)) == 0
    assert capsys.readouterr().out == "the handset is in use\nnobody uses the phone\n"
    assert clock.now == 100
    assert not (tmp_path / "told").exists()
    assert kept(tmp_path) == {"kept.16", "kept.17"}


def test_a_phone_that_does_not_come_back_keeps_what_it_may_still_need(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub(tmp_path, "echo no >&2; exit 1")
    assert main(args(look=False)) != 0
    assert "try-restart offhook.service` failed: no" in capsys.readouterr().err
    assert kept(tmp_path) == {"kept.16", "kept.17"}


def test_who_is_not_root_is_told(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(args(look=False)) != 0
    assert "sudo offhook restart" in capsys.readouterr().err
