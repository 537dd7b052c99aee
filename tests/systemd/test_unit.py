"""The units of the package, judged by systemd's own tools, and the settings of the device beside them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from offhook.config.store import _SLOTS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "systemd"
UNIT = FOLDER / "offhook.service"
OVERLAY = ROOT / "image-build" / "overlay" / "etc" / "systemd"


def settings(name: str, file: Path = UNIT) -> list[str]:
    """The values of a setting, in order."""
    return re.findall(rf"^{name}=(.*)$", file.read_text(), re.MULTILINE)


def seconds(text: str) -> float:
    """A length of time as these files write it (systemd.time(7))."""
    found = re.fullmatch(r"(\d+)(s|min|m|)", text)
    assert found is not None, text
    return int(found[1]) * (60 if found[2] in ("min", "m") else 1)


def exposure(unit: Path) -> float:
    """What `systemd-analyze security` makes of a unit, as it is in the checkout."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", verdict.stdout)
    assert found is not None, verdict.stderr
    return float(found[1])


def test_every_group_that_the_unit_names_is_made() -> None:
    made = set(re.findall(r"^g (\S+)", (FOLDER / "sysusers.d" / "offhook.conf").read_text(), re.MULTILINE))
    assert set(settings("SupplementaryGroups")[0].split()) <= made  # one that is missing fails the whole unit


def test_every_group_that_owns_a_device_is_made() -> None:
    text = (FOLDER / "sysusers.d" / "offhook.conf").read_text()
    made = set(re.findall(r"^[gu] (\S+)", text, re.MULTILINE))
    rules = (FOLDER / "udev" / "60-offhook.rules").read_text()
    owners = set(re.findall(r'GROUP="([^"]+)"', rules))
    assert owners
    assert owners <= made  # udev ignores a rule with a group that it does not know


def test_real_time_and_the_board_revision_stay_within_reach() -> None:
    assert not any("@resources" in value for value in settings("SystemCallFilter"))
    assert not settings("ProcSubset")
    assert not settings("RestrictRealtime")
    assert not settings("PrivateDevices")
    assert int(settings("LimitRTPRIO")[0]) > 0
    assert settings("LimitMEMLOCK") == ["infinity"]


def test_the_daemon_is_a_user_without_capabilities() -> None:
    assert settings("User") == ["offhook"]
    assert settings("CapabilityBoundingSet") == [""]
    assert settings("AmbientCapabilities") == [""]
    assert settings("NoNewPrivileges") == ["yes"]


def test_dial_tone_waits_neither_for_the_network_nor_for_the_time() -> None:
    ordered = " ".join(settings("After") + settings("Wants") + settings("Requires"))
    assert "network" not in ordered.lower()
    assert "time" not in ordered


def test_the_daemon_runs_from_the_packages_own_environment() -> None:
    assert settings("ExecStart")[0].startswith("/usr/lib/offhook/bin/python -P -m offhook run ")


def test_a_phone_that_was_not_set_up_is_quiet_and_starts_when_its_files_are_written() -> None:
    needed = ["/etc/offhook/board.yaml", "|/etc/offhook/offhook.yaml"]
    needed += [f"|/var/lib/offhook/{name}" for name in _SLOTS]  # a good copy is enough
    assert settings("ConditionPathExists") == needed
    command = settings("ExecStart")[0].split()
    written = settings("PathChanged", FOLDER / "offhook.path")
    assert sorted(written) == sorted([command[command.index("--board") + 1], command[command.index("--config") + 1]])
    assert settings("Also") == ["offhook.path"]  # who disables the phone disables this too
    assert settings("Restart") == ["always"]  # with a faulty file it is tried again: to mend it must be enough


def test_a_slow_start_is_not_taken_for_a_wedged_one() -> None:
    assert seconds(settings("TimeoutStartSec")[0]) >= 12 * seconds(settings("WatchdogSec")[0])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.path")), ids=lambda path: path.name)
def test_every_path_unit_has_a_service_to_start(path: Path) -> None:
    assert path.with_suffix(".service").exists() or settings("Unit", path)


def test_the_watchdog_of_the_hardware_is_within_what_a_raspberry_pi_has() -> None:
    file = OVERLAY / "system.conf.d" / "50-offhook.conf"
    assert 5 <= seconds(settings("RuntimeWatchdogSec", file)[0]) <= 15  # bcm2835_wdt's 20 bits of 1/65536 s: 15 s
    assert seconds(settings("DefaultTimeoutStopSec", file)[0]) < seconds(settings("RebootWatchdogSec", file)[0])


def test_the_phone_has_time_to_say_goodbye_before_the_device_is_reset() -> None:
    file = OVERLAY / "system.conf.d" / "50-offhook.conf"
    assert seconds(settings("TimeoutStopSec")[0]) <= seconds(settings("DefaultTimeoutStopSec", file)[0])


def test_the_journal_is_kept_and_bounded() -> None:
    file = OVERLAY / "journald.conf.d" / "50-offhook.conf"
    assert settings("Storage", file) == ["persistent"]
    for name in ("SystemMaxUse", "RuntimeMaxUse"):
        assert 0 < int(settings(name, file)[0].removesuffix("M")) <= 64


@pytest.mark.peer
def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    for unit in [*FOLDER.glob("*.service"), *FOLDER.glob("*.path"), *FOLDER.glob("*.timer")]:
        text = unit.read_text().replace("/usr/lib/offhook/bin/python", sys.executable)
        for program in ("/usr/bin/offhook", "/usr/sbin/iw"):  # what a device has, and this machine need not
            text = text.replace(f"={program}", f"={shutil.which('true') or '/bin/true'}")
        (tmp_path / unit.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    verdict = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, env=env
    )
    complaints = [line for line in verdict.stderr.splitlines() if "offhook" in line]
    absent = [line for line in complaints if "is not executable: No such file" in line]  # of this machine, as iw is
    assert [line for line in complaints if line not in absent] == []
    assert absent or verdict.returncode == 0


@pytest.mark.peer
def test_the_daemon_is_hardened() -> None:
    assert exposure(UNIT) <= 2.0


@pytest.mark.peer
def test_the_unit_that_switches_off_is_hardened() -> None:
    assert exposure(FOLDER / "offhook-poweroff.service") <= 2.0


@pytest.mark.peer
def test_the_user_and_groups_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    config = FOLDER / "sysusers.d" / "offhook.conf"
    made = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(config)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "offhook:x:" in (tmp_path / "etc" / "passwd").read_text()


def test_the_udev_rules_are_rules() -> None:
    """The form only; `./dev deb --try` has udev itself read them."""
    lines = [line for file in (FOLDER / "udev").glob("*.rules") for line in file.read_text().splitlines()]
    for line in lines:
        if line and not line.startswith("#"):
            assert re.fullmatch(r'([A-Z_]+(\{\w+\})?(==|!=|=|\+=)"[^"]*"(, )?)+', line), line


@pytest.mark.parametrize(("ends", "told"), [(0, 0), (99, 0), (1, 1), (2, 1)])
def test_a_card_without_a_kept_mixer_is_no_failure_and_any_other_is(ends: int, told: int, tmp_path: Path) -> None:
    """alsactl(1) ends with 99 where it falls back to its own defaults, which is what it does here."""
    rule = (ROOT / "image-build/overlay/etc/udev/rules.d/90-alsa-restore.rules").read_text()
    (line,) = re.findall(r"RUN\+=\"/bin/sh -c '(.*)'\"$", rule, re.MULTILINE)
    stub = tmp_path / "alsactl"
    stub.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/words\nexit {ends}\n')
    stub.chmod(0o755)
    line = line.replace("/usr/sbin/alsactl", str(stub)).replace("$attr{device/number}", "2").replace("$$", "$")
    assert subprocess.run(["/bin/sh", "-c", line], check=False).returncode == told
    assert (tmp_path / "words").read_text().endswith(" restore 2\n")
