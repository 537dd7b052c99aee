"""Who may log in: nobody, then the owner of the key in offhook.yaml, then nobody again."""

import socket
import subprocess
from pathlib import Path

import pytest

from imagebuild.guest import Guest
from tests.support.tap_network import PHONE_IP, TapNetwork
from tests.vm.conftest import put_card

pytestmark = [pytest.mark.vm, pytest.mark.long]

SSH = "ssh:\n  authorized_keys:\n    - {key}\n"
OTHERS = "network:\n  hostname: kitchen\n"
PORT = 22


def make_key(folder: Path, name: str) -> Path:
    key = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True, timeout=20)
    return key


def log_in(key: Path, known_hosts: Path, user: str = "root", *options: str) -> subprocess.CompletedProcess[str]:
    """Log in from the host's end of the cable and ask who one is there."""
    command = ["ssh", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    command += ["-o", f"UserKnownHostsFile={known_hosts}", "-o", "StrictHostKeyChecking=accept-new"]
    command += ["-o", "ConnectTimeout=60", *options, f"{user}@{PHONE_IP}", "id -un && hostname && offhook status"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)


def listens(guest: Guest) -> bool:
    """Whether anything answers at the port for SSH, once the phone is within reach."""
    guest.wait_until(lambda: PHONE_IP in guest.sh("ip -4 -o addr show dev eth0").out, "address", 180)
    try:
        socket.create_connection((PHONE_IP, PORT), 20).close()
    except OSError:
        return False
    return True


def test_only_the_owner_of_the_key_on_the_card_logs_in(phone: Guest, tap: TapNetwork, tmp_path: Path) -> None:
    ours, others, known = make_key(tmp_path, "ours"), make_key(tmp_path, "others"), tmp_path / "known_hosts"
    assert not listens(phone), "no key, no SSH"
    put_card(phone, SSH.format(key=ours.with_suffix(".pub").read_text().strip()) + OTHERS)
    phone.reboot()
    phone.wait_until_up()

    assert listens(phone)
    inside = log_in(ours, known)
    assert inside.returncode == 0, inside.stderr
    assert inside.stdout.split("\n")[:2] == ["root", "kitchen"]
    assert "slot a" in inside.stdout, inside.stdout
    for refused in (
        log_in(others, known),
        log_in(ours, known, "offhook"),
        log_in(others, known, "root", "-o", "PreferredAuthentications=password,keyboard-interactive,none"),
    ):
        assert refused.returncode != 0
        assert "Permission denied (publickey)" in refused.stderr
    host_key = phone.sh("cat /etc/ssh/keys/ssh_host_ed25519_key.pub").out.split()[1]
    assert host_key in known.read_text(), "the device's own key, and no other"

    put_card(phone, OTHERS)
    phone.reboot()
    phone.wait_until_up()
    assert not listens(phone), "what the card no longer says is taken back"
    assert phone.sh("cat /etc/ssh/keys/ssh_host_ed25519_key.pub").out.split()[1] == host_key
