"""The units around first boot: judged by systemd's own tools, and their order by what they are for."""

import re
import subprocess
from pathlib import Path

import pytest

from offhook.device.card.firstboot import TARGETS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "systemd"
OVERLAY = ROOT / "image-build" / "overlay"
UNITS = {"offhook-firstboot.service": 20, "offhook-hostname.service": 20, "offhook-wifi-country.service": 20}
"""The units, and ten times the exposure that each may have."""


def settings(unit: str, name: str) -> list[str]:
    """The values of a setting, in order."""
    return re.findall(rf"^{name}=(.*)$", (FOLDER / unit).read_text(), re.MULTILINE)


def test_first_boot_comes_before_all_that_read_what_it_writes() -> None:
    (before,) = settings("offhook-firstboot.service", "Before")
    assert {"NetworkManager.service", "offhook.service", "ssh.service"} <= set(before.split())
    for unit in ("offhook-hostname.service", "offhook-wifi-country.service"):
        assert "offhook-firstboot.service" in settings(unit, "After")[0]
        assert "NetworkManager.service" in settings(unit, "Before")[0]


def test_the_unit_may_write_wherever_the_command_does() -> None:
    writable = settings("offhook-firstboot.service", "ReadWritePaths")[0].replace("-/", "/").split()
    assert set(writable) == {
        "/boot/firmware",
        "/etc/offhook",
        "/etc/NetworkManager/system-connections",
        "/etc/ssh/keys",
    }
    assert settings("offhook-firstboot.service", "StateDirectory") == ["offhook-device"]


def test_the_other_units_wait_for_the_files_that_first_boot_writes() -> None:
    for unit, target in (("offhook-hostname.service", "hostname"), ("offhook-wifi-country.service", "wifi-country")):
        assert settings(unit, "ConditionFileNotEmpty") == [f"/var/lib/offhook-device/{TARGETS[target][1]}"]


def test_without_a_key_ssh_does_not_start_and_passwords_open_nothing() -> None:
    dropin = (OVERLAY / "etc/systemd/system/ssh.service.d/offhook.conf").read_text()
    keys = f"/etc/ssh/keys/{TARGETS['ssh'][1]}"
    assert f"ConditionFileNotEmpty={keys}\n" in dropin
    lines = (OVERLAY / "etc/ssh/sshd_config.d/offhook.conf").read_text().splitlines()
    assert {"PasswordAuthentication no", "KbdInteractiveAuthentication no", f"AuthorizedKeysFile {keys}"} <= set(lines)


@pytest.mark.peer
@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_hardened(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={UNITS[unit]}", str(FOLDER / unit)]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout[-300:] + verdict.stderr
