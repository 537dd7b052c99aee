"""The units of updates: their paths are those of the code, their shell says what it should."""

import re
import subprocess
from pathlib import Path

import pytest

from offhook.device.update.machine import BOOT, SETTLED
from offhook.device.update.request import PLACE
from offhook.device.update.trial import TrialLimits
from offhook.device.update.updaterecord import FOLDER as FOLDER_OF_RECORDS
from tests.systemd.test_unit import exposure

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNITS = ("offhook-health.service", "offhook-trial.service", "offhook-update.path", "offhook-update.service")
EXPOSURE = {"offhook-health.service": 2.0, "offhook-update.service": 3.0, "offhook-trial.service": 3.0}
"""The updater needs the network, the guard of trials must start where no mounts can be made."""


def setting(unit: str, name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", (FOLDER / unit).read_text(), re.MULTILINE)
    return str(value)


def shell(unit: str, name: str, replaced: dict[str, str]) -> int:
    """Run the shell line of a unit with other paths; return its exit status."""
    found = re.fullmatch(r"/bin/sh -c '(.*)'", setting(unit, name))
    assert found
    line = found[1].replace("$$", "$")
    for old, new in replaced.items():
        assert old in line
        line = line.replace(old, new)
    return subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True).returncode


def test_the_path_unit_watches_where_the_phone_asks() -> None:
    assert setting("offhook-update.path", "PathExists") == str(PLACE)


def test_an_updater_that_was_killed_is_started_again_and_never_so_often_that_its_path_gives_up() -> None:
    assert setting("offhook-update.service", "Restart") == "on-abnormal"  # not where it said why it ended
    assert setting("offhook-update.service", "RestartSec") == "5min"  # systemd's own limit: five times in ten seconds
    assert "StartLimit" not in (FOLDER / "offhook-update.service").read_text()
    assert setting("offhook-update.service", "ExecStopPost") == "-/usr/bin/offhook update --ended"


@pytest.mark.parametrize("unit", UNITS)
def test_a_machine_without_slots_is_left_alone(unit: str) -> None:
    assert setting(unit, "ConditionKernelCommandLine") == "offhook.slot"


def test_the_guard_waits_longer_than_the_judge() -> None:
    (seconds,) = re.findall(r"sleep (\d+)", setting("offhook-trial.service", "ExecStart"))
    assert int(seconds) >= 2 * TrialLimits().within


@pytest.mark.parametrize("settled", [True, False])
def test_the_guard_restarts_what_was_not_settled(settled: bool, tmp_path: Path) -> None:
    flag = tmp_path / "settled"
    if settled:
        flag.touch()
    changes = {"sleep 600": "true", str(SETTLED): str(flag), "exec systemctl --force reboot": "exit 17"}
    assert shell("offhook-trial.service", "ExecStart", changes) == (0 if settled else 17)


@pytest.mark.parametrize(
    ("line", "tree", "trial"),
    [
        ("ro offhook.slot=b offhook.tryboot=1 quiet", None, True),
        ("ro offhook.slot=b quiet", None, False),
        ("ro offhook.slot=b quiet", b"\0\0\0\1", True),
        ("ro offhook.slot=b quiet", b"\0\0\0\0", False),
        ("ro offhook.tryboot=10", None, False),
    ],
)
def test_the_guard_knows_a_trial(line: str, tree: bytes | None, trial: bool, tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_text(line + "\n")
    if tree is not None:
        (tmp_path / "tryboot").write_bytes(tree)
    changes = {
        "/proc/cmdline": str(tmp_path / "cmdline"),
        "/proc/device-tree/chosen/bootloader/tryboot": str(tmp_path / "tryboot"),
    }
    assert (shell("offhook-trial.service", "ExecCondition", changes) == 0) == trial


@pytest.mark.peer
@pytest.mark.parametrize(("unit", "most"), EXPOSURE.items())
def test_the_units_are_hardened(unit: str, most: float) -> None:
    assert exposure(FOLDER / unit) <= most


def test_the_guard_of_a_trial_needs_no_mounts_of_its_own() -> None:
    """A unit whose mounts cannot be made does not start, and this one is for machines where something is missing."""
    text = (FOLDER / "offhook-trial.service").read_text()
    assert not re.findall(
        r"^(Protect\w+|Private\w+|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths)=", text, re.MULTILINE
    )


@pytest.mark.parametrize("unit", ["offhook-health.service", "offhook-update.service"])
def test_the_units_may_write_where_the_commands_do(unit: str) -> None:
    places = [Path(word.lstrip("-")) for word in setting(unit, "ReadWritePaths").split()]
    for path in (SETTLED, PLACE, BOOT, FOLDER_OF_RECORDS):
        assert any(path.is_relative_to(place) for place in places), path


@pytest.mark.peer
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit).write_text((FOLDER / unit).read_text().replace("/usr/bin/offhook", "/bin/true"))
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit) for unit in UNITS)]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (verdict.returncode, [line for line in verdict.stderr.splitlines() if "offhook" in line]) == (0, [])
