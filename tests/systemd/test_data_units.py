"""The units of the data partition: their order, what they may do, and the shell that looks before Python does."""

import re
import subprocess
from pathlib import Path

import pytest

from offhook.device.data.datacheck import UNFINISHED
from offhook.device.data.remade import DATA
from tests.systemd.test_unit import exposure

OVERLAY = Path(__file__).resolve().parents[2] / "image-build" / "overlay"
FOLDER = OVERLAY / "usr/lib/systemd/system"
CHECK, GROW = "offhook-data-check.service", "offhook-data-grow.service"
SCRIPT = OVERLAY / "usr/lib/offhook-device/data-check"


def setting(unit: str, name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", (FOLDER / unit).read_text(), re.MULTILINE)
    return str(value)


def test_the_partition_is_mounted_after_it_was_looked_at_and_by_nobody_else() -> None:
    (line,) = [
        line.split() for line in (OVERLAY / "etc/fstab").read_text().splitlines() if line.startswith("PARTLABEL=data")
    ]
    assert line[1] == str(DATA)
    assert f"x-systemd.requires={CHECK}" in line[3].split(",")
    assert line[5] == "0"
    assert "data.mount" in setting(CHECK, "Before").split()
    assert setting(CHECK, "DefaultDependencies") == "no"


def test_the_check_waits_for_its_device_and_for_no_file_system() -> None:
    assert setting(CHECK, "Requires") == r"dev-disk-by\x2dpartlabel-data.device"
    assert not re.findall(
        r"^(PrivateTmp|RequiresMountsFor|StateDirectory)=", (FOLDER / CHECK).read_text(), re.MULTILINE
    )


def test_dial_tone_does_not_wait_for_the_growth() -> None:
    assert setting(GROW, "After") == "offhook.service"
    assert setting(GROW, "Type") == "exec"
    assert (setting(GROW, "Nice"), setting(GROW, "IOSchedulingClass")) == ("19", "idle")
    link = FOLDER / "multi-user.target.wants" / GROW
    assert link.resolve() == (FOLDER / GROW).resolve()


@pytest.mark.parametrize(
    ("fsck", "label", "mount", "ends"),
    [
        (0, "data", 0, "mounted"),
        (1, "data", 0, "mounted"),
        (0, "", 0, "mounted"),
        (0, UNFINISHED, 0, "offhook"),
        (0, "data", 32, "offhook"),
        (4, "data", 0, "offhook"),
        (8, "", 32, "offhook"),
        (127, "", 0, "offhook"),
    ],
)
def test_only_what_is_not_in_order_starts_offhook(fsck: int, label: str, mount: int, ends: str, tmp_path: Path) -> None:
    tools = {"e2fsck": f"exit {fsck}", "e2label": f"echo '{label}'", "mount": f"exit {mount}"}
    tools |= {"umount": "echo mounted", "offhook": 'echo "offhook $*"'}
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    text = SCRIPT.read_text().replace("PATH=/usr/sbin:", f"PATH={tmp_path}:/usr/sbin:")
    assert "/usr/bin/offhook" in text
    text = text.replace("/usr/bin/offhook", str(tmp_path / "offhook"))
    env = {"RUNTIME_DIRECTORY": str(tmp_path / "run"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["sh", "-c", text, "data-check", "/dev/x"], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout == ("mounted\n" if ends == "mounted" else "offhook data check /dev/x\n")


@pytest.mark.peer
@pytest.mark.parametrize("unit", [CHECK, GROW])
def test_the_units_are_hardened(unit: str) -> None:
    assert exposure(FOLDER / unit) <= 2.5


@pytest.mark.peer
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (CHECK, GROW):
        text = (FOLDER / unit).read_text()
        for program in ("/usr/lib/offhook-device/data-check", "/usr/bin/offhook"):
            text = text.replace(f"={program}", "=/bin/true")
        (tmp_path / unit).write_text(text)
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit) for unit in (CHECK, GROW))]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [line for line in verdict.stderr.splitlines() if "offhook" in line] == []
