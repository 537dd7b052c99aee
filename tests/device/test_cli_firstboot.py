"""`offhook firstboot` on real directories: rights, keys, and what a start costs that finds nothing new."""

import base64
import grp
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from offhook.cli import main
from offhook.config.faults import ConfigError
from offhook.device.card.placed import PlacedDirectory, Rights
from offhook.device.card.sshkeys import HostKeyError, ensure_host_key, make_host_key
from tests.support.boot_files import CERTIFIED, SECRETS, WHOLE, read
from tests.support.cut_disk import CutDisk

ROOT = Path(__file__).resolve().parents[2]
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"


def options(device: Path) -> list[str]:
    places = [
        word for name in ("boot", "etc", "state", "connections", "ssh") for word in (f"--{name}", str(device / name))
    ]
    return ["firstboot", *places, "--boards", str(ROOT / "boardconfig")]


@pytest.fixture
def device(tmp_path: Path) -> Path:
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "OFFHOOK.YAML").write_text(
        WHOLE.split("# remote")[0] + CERTIFIED[CERTIFIED.index("certificates:") :]
    )
    return tmp_path


def test_a_device_is_set_up(device: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(options(device)) == 0
    assert capfd.readouterr().out == "boot file: applied\n"
    modes = {str(path.relative_to(device)): path.stat().st_mode & 0o777 for path in device.rglob("*") if path.is_file()}
    del modes["boot/OFFHOOK.YAML"], modes["boot/offhook-applied.txt"]
    assert modes == {
        "etc/offhook.yaml": 0o640,
        "etc/board.yaml": 0o644,
        "etc/ca.pem": 0o644,
        "connections/offhook-wifi.nmconnection": 0o600,
        "connections/offhook-ethernet.nmconnection": 0o600,
        "state/firstboot.json": 0o600,
        "state/hostname": 0o644,
        "state/wifi-country": 0o644,
        "state/overlays": 0o644,
        "state/overlays.done": 0o600,
    }
    left = b"".join(path.read_bytes() for path in (device / "boot").iterdir())
    assert not any(secret.encode() in left for secret in SECRETS)
    assert main(options(device)) == 0
    assert capfd.readouterr().out == ""


def test_faults_are_told_and_exit_78(device: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (device / "boot" / "OFFHOOK.YAML").write_text("contry: NO\n")
    assert main(options(device)) == 78
    assert "OFFHOOK.YAML:1:1: contry: there is no such setting" in capfd.readouterr().err
    assert "country" in (device / "boot" / "offhook-errors.txt").read_text()


def test_without_a_boot_partition_nothing_is_done(tmp_path: Path) -> None:
    assert main(options(tmp_path)) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_start_with_nothing_new_imports_no_schema_library(device: Path) -> None:
    code = (
        "import sys\nfrom offhook.cli import main\n"
        f"assert main({options(device)!r}) == 0\n"
        "print(sorted({'yaml', 'pydantic', 'asyncio', 'subprocess', 'numpy'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "firmware")}
    seen = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        seen.append(done.stdout.splitlines()[-1])
    assert "pydantic" in seen[0]
    assert seen[1] == "[]"


def test_the_host_key_is_made_when_somebody_may_log_in_and_not_again() -> None:
    disk = CutDisk()
    assert not ensure_host_key(disk, lambda: (KEY, b"public"))
    disk.files["authorized_keys"] = b"ssh-ed25519 ...\n"
    assert ensure_host_key(disk, lambda: (KEY, b"public"))
    assert disk.files["ssh_host_ed25519_key"] == KEY
    assert not ensure_host_key(disk, lambda: (b"another", b"public"))


@pytest.mark.parametrize("torn", [b"", b"\0" * 400, KEY[:40], KEY[: len(KEY) // 2]])
def test_a_host_key_that_is_not_whole_is_made_anew(torn: bytes) -> None:
    disk = CutDisk(files={"authorized_keys": b"x", "ssh_host_ed25519_key": torn})
    assert ensure_host_key(disk, lambda: (KEY, b"public"))
    assert disk.files["ssh_host_ed25519_key"] == KEY


def test_without_ssh_keygen_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HostKeyError, match="install openssh-server"):
        make_host_key()


def test_the_config_is_for_its_group(tmp_path: Path) -> None:
    own = grp.getgrgid(os.getgid()).gr_name
    folder = PlacedDirectory(tmp_path, {"a": Rights(0o640, own), "b": Rights(0o640, "no-such-group")})
    for name in ("a.new", "b", "c"):
        folder.write(name, b"x")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.new", "b", "c")] == [0o640, 0o640, 0o600]


def test_the_example_on_the_card_is_a_good_file_once_a_country_is_filled_in() -> None:
    text = (ROOT / "image-build" / "package" / "card-example.yaml").read_text()
    with pytest.raises(ConfigError, match="country: is missing"):
        read(text)
    text = text.replace("\ncountry:\n", "\ncountry: US\n")
    file = read(text)
    assert file.config is not None
    assert file.network.wifi is None  # nothing in it joins a network that somebody else has
    public_key = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)).decode()
    opened = re.sub(r"^#(?=  |[a-z]+:)", "", text, flags=re.MULTILINE).replace("ssh-ed25519 AAAA...", public_key)
    assert set(read(opened).secrets) == {"account home", "wifi"}
