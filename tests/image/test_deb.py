import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from imagebuild.cli_deb import main as deb_main
from imagebuild.cli_install import board_file
from imagebuild.debian import SUITES
from imagebuild.debpackage import DebPackage, version_of
from imagebuild.errors import BuildError
from imagebuild.installtrial import needed_packages
from imagebuild.lock import read_lock
from imagebuild.payload import Payload, Units, bundled_licences
from imagebuild.privatevenv import BUILD_ONLY, FROM_SOURCE
from offhook import __version__
from offhook.config.load import load

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "image-build" / "package"
HASH = "--hash=sha256:" + "0" * 64


def test_the_package_is_named_by_version_suite_and_architecture() -> None:
    assert DebPackage(ROOT, SUITES["trixie"], "amd64").name == f"offhook_{__version__}~deb13_amd64.deb"
    assert DebPackage(ROOT, SUITES["bookworm"], "arm64").name == f"offhook_{__version__}~deb12_arm64.deb"
    assert version_of(ROOT) == __version__


def test_a_lock_file_is_read_with_markers_and_hashes() -> None:
    numpy = f"numpy==2.4.6 ; python_full_version < '3.12' \\\n    {HASH} \\\n    {HASH}\n    # via x\n"
    text = f"# by ./dev lock\n{numpy}lgpio==0.2.2.0 \\\n    {HASH}\n"
    first, second = read_lock(text)
    assert (first.name, first.version, second.name) == ("numpy", "2.4.6", "lgpio")
    assert "python_full_version < '3.12'" in first.text
    assert first.text.count(HASH) == 2


@pytest.mark.parametrize("entry", ["numpy", "numpy>=1", "numpy==2.4.6", f"-e . {HASH}", f"git+https://x {HASH}"])
def test_nothing_is_installed_without_version_and_hash(entry: str) -> None:
    with pytest.raises(BuildError, match=r"without version or hash.*\./dev lock"):
        read_lock(f"{entry}\n")


def test_the_lock_of_the_device_names_what_is_built_from_source() -> None:
    names = {entry.name for entry in read_lock((ROOT / "requirements-device.lock").read_text())}
    assert {*FROM_SOURCE, *BUILD_ONLY, "lgpio"} <= names


def test_every_unit_is_taken_and_those_to_be_started_are_enabled() -> None:
    units = Units.of(ROOT / "systemd")
    files = {path.name for path in (ROOT / "systemd").iterdir() if path.is_file()}
    assert set(units.all) == files  # a file of another kind would be forgotten
    assert {"offhook.service", "offhook-poweroff.path"} <= set(units.enabled)
    assert "offhook-poweroff.service" not in units.enabled


def test_the_tree_has_units_rules_boards_documents_and_the_command(tmp_path: Path) -> None:
    payload = Payload(ROOT, tmp_path)
    payload.lay(tmp_path / "none")
    laid = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {f"usr/lib/systemd/system/{name}" for name in payload.units.all} <= laid
    assert {f"usr/share/offhook/boards/{path.name}" for path in (ROOT / "boardconfig").glob("*.yaml")} <= laid
    assert {
        "usr/lib/sysusers.d/offhook.conf",
        "usr/lib/tmpfiles.d/offhook.conf",
        "usr/lib/udev/rules.d/60-offhook.rules",
        "usr/share/doc/offhook/README.md",
        "usr/share/doc/offhook/copyright",
        "usr/share/doc/offhook/changelog.gz",
        "usr/share/offhook/example.yaml",
        "usr/share/offhook/card-example.yaml",
    } <= laid
    command = tmp_path / "usr/bin/offhook"
    assert stat.S_IMODE(command.stat().st_mode) == 0o755
    assert command.read_text().startswith("#!/usr/lib/offhook/bin/python -I\n")
    assert not [path for path in laid if path.startswith("etc/")]  # config is the user's: nothing is a conffile


def test_the_licences_of_what_is_inside_are_told(tmp_path: Path) -> None:
    for name, fields in {
        "a": "License-Expression: MIT\n",
        "b": "License: many words\n and more\nClassifier: License :: OSI Approved :: BSD License\n",
        "c": "License: unlicense.org\n",
    }.items():
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{fields}\nLicense: body\n")
    text = bundled_licences(tmp_path)
    assert "  a 1: MIT\n  b 1: BSD License\n  c 1: unlicense.org\n" in text


def test_the_example_starts_nothing_before_a_country_is_filled_in() -> None:
    text = (PACKAGE / "example.yaml").read_text()
    assert yaml.safe_load(text) == {"country": None}
    settings = text.split("\ncountry:\n")[1]
    config = load("country: NO\n" + re.sub(r"^#(?=\w|  )", "", settings, flags=re.MULTILINE))
    assert [account.name for account in config.accounts] == ["home"]
    assert config.audio.capture == "hw:CARD=Device"
    assert config.location is not None


def test_a_change_of_what_goes_in_makes_the_package_old(tmp_path: Path) -> None:
    tree, out = tmp_path / "tree", tmp_path / "out"
    for name in ("firmware/offhook/__init__.py", "systemd/offhook.service", "docs/x.md"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text('__version__ = "1.0"\n')
    package = DebPackage(tree, SUITES["trixie"], "amd64")
    out.mkdir()
    assert package.current(out) is None
    (out / package.name).write_bytes(b"deb")
    (out / package.name).with_suffix(".inputs").write_text(package.inputs())
    assert package.current(out) == out / package.name
    (tree / "firmware/offhook/__pycache__").mkdir()
    (tree / "firmware/offhook/__pycache__/x.pyc").write_bytes(b"")
    assert package.current(out) is not None
    (tree / "systemd/offhook.service").write_text("other\n")
    assert package.current(out) is None


def test_thirty_two_bits_end_the_command_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert deb_main(["--arch", "armhf"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "32-bit" in said


def test_without_root_the_command_says_sudo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert deb_main(["--arch", "amd64"]) == 1
    assert "sudo" in capsys.readouterr().err


def test_a_board_is_named_or_given_by_its_path(tmp_path: Path) -> None:
    folder = ROOT / "boardconfig"
    assert board_file("rotary-phone", folder) == folder / "rotary-phone.yaml"
    own = tmp_path / "own.yaml"
    own.write_text("kind: gpio\n")
    assert board_file(str(own), folder) == own
    for wrong in ("nosuch", "../boardconfig/rotary-phone", str(tmp_path / "none.yaml")):
        with pytest.raises(BuildError, match=r"there is no board .*rotary-phone"):
            board_file(wrong, folder)


def test_the_trial_has_what_the_package_depends_on(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@localhost>\nDescription: x\n"
        "Depends: python3 (>= 3.13), python3 (<< 3.14), libasound2t64 (>= 1.0.29) | other, systemd\n"
    )
    subprocess.run(["dpkg-deb", "-b", str(tree), str(tmp_path / "x.deb")], check=True, capture_output=True)
    assert needed_packages(tmp_path / "x.deb") == ["libasound2t64", "python3", "systemd", "util-linux"]
