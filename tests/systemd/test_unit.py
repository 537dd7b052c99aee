"""The service unit, judged by systemd's own tools."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNIT = FOLDER / "offhook.service"


def settings(name: str) -> list[str]:
    """The values of a setting, in order."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_every_group_that_the_unit_names_is_made() -> None:
    made = set(re.findall(r"^g (\S+)", (FOLDER / "sysusers.d" / "offhook.conf").read_text(), re.MULTILINE))
    assert set(settings("SupplementaryGroups")[0].split()) <= made  # one that is missing fails the whole unit


def test_real_time_and_the_board_revision_stay_within_reach() -> None:
    assert not any("@resources" in value for value in settings("SystemCallFilter"))
    assert not settings("ProcSubset")
    assert not settings("RestrictRealtime")
    assert not settings("PrivateDevices")
    assert int(settings("LimitRTPRIO")[0]) > 0
    assert settings("LimitMEMLOCK") == ["infinity"]


@pytest.mark.peer
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("/usr/lib/offhook/bin/python", sys.executable)
    copy = tmp_path / "offhook.service"
    copy.write_text(text)
    verdict = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    complaints = [line for line in verdict.stderr.splitlines() if "offhook" in line]
    assert (verdict.returncode, complaints) == (0, [])


@pytest.mark.peer
def test_the_unit_is_hardened() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(UNIT)]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout[-300:] + verdict.stderr


@pytest.mark.peer
def test_the_user_and_groups_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    config = FOLDER / "sysusers.d" / "offhook.conf"
    made = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(config)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "offhook:x:" in (tmp_path / "etc" / "passwd").read_text()
