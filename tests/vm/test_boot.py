"""The image as it starts: what runs, what may be written, and what outlives a start."""

import time

import pytest

from imagebuild.guest import Guest
from tests.support.tap_network import HOST_IP, PHONE_IP

pytestmark = pytest.mark.vm

WRITABLE = {
    "/data",
    "/etc/NetworkManager/system-connections",
    "/etc/offhook",
    "/etc/ssh/keys",
    "/var/lib/NetworkManager",
    "/var/lib/offhook",
    "/var/lib/offhook-device",
    "/var/lib/systemd",
    "/var/log/journal",
}


FIFO = 1  # SCHED_FIFO of sched.h
POLICIES = """
import glob, os
result = []
for process in open("/sys/fs/cgroup/system.slice/offhook.service/cgroup.procs").read().split():
    for task in glob.glob(f"/proc/{process}/task/*"):
        result.append((open(f"{task}/comm").read().strip(), os.sched_getscheduler(int(os.path.basename(task)))))
"""


def test_every_unit_starts_and_every_module_finds_what_it_needs(phone: Guest) -> None:
    assert phone.sh("systemctl --failed --plain --no-legend").out == ""
    assert phone.sh("systemctl is-system-running", check=False).out.strip() == "running"
    assert phone.sh("dmesg | grep -i 'unknown symbol'", check=False).out == ""


def test_only_what_is_named_can_be_written(phone: Guest) -> None:
    mounts = [
        line.split() for line in phone.sh("findmnt --list --noheadings -o TARGET,FSTYPE,OPTIONS").out.splitlines()
    ]
    kept = {target: options.split(",") for target, kind, options in mounts if kind in ("ext4", "vfat", "squashfs")}
    assert "ro" in kept["/"]
    assert "ro" in kept["/boot/firmware"]
    assert {target for target, options in kept.items() if "rw" in options} == WRITABLE
    for place in ("/etc", "/usr/lib/offhook", "/var/lib", "/root", "/boot/firmware"):
        assert phone.sh(f"touch {place}/probe", check=False).status != 0, place
    for place in (*sorted(WRITABLE - {"/data"}), "/tmp", "/var/tmp", "/var/log", "/run"):
        phone.sh(f"touch {place}/probe && rm {place}/probe")


def test_the_network_comes_up_by_itself(phone: Guest) -> None:
    phone.wait_until(lambda: PHONE_IP in phone.sh("ip -4 -o addr show dev eth0").out, "address", 120)
    phone.sh(f"ping -c 1 -W 10 {HOST_IP}")
    assert phone.sh("readlink /etc/resolv.conf").out.strip() == "/run/NetworkManager/resolv.conf"


def test_nobody_can_log_in(phone: Guest) -> None:
    assert phone.sh("cut -d: -f2 /etc/shadow | sort -u").out.split() in (
        ["!", "*"],
        ["!*", "*"],
        ["*"],
        ["!", "!*", "*"],
    )
    assert phone.sh("systemctl is-active ssh.service", check=False).out.strip() == "inactive"
    assert phone.sh("ls /etc/ssh/ssh_host_*", check=False).status != 0


def test_the_phone_runs_as_its_own_user_with_real_time_for_its_sound(phone: Guest) -> None:
    phone.wait_until(
        lambda: phone.sh("systemctl is-active offhook.service", check=False).out.strip() == "active", "phone", 120
    )
    main = phone.sh("systemctl show -p MainPID --value offhook.service").out.strip()
    assert phone.sh(f"stat -c %U /proc/{main}").out.strip() == "offhook"
    assert phone.sh(f"grep ^CapEff: /proc/{main}/status").out.split()[1].strip("0") == ""
    # A sound process that has only just been started has not asked for it yet.
    phone.wait_until(lambda: any(policy == FIFO for _, policy in phone.python(POLICIES)), "SCHED_FIFO", 120)


def test_the_next_start_has_what_the_last_one_kept(booted: Guest, tmp_path_factory: pytest.TempPathFactory) -> None:
    with booted.clone(tmp_path_factory.mktemp("again")) as guest:
        guest.load()
        before = guest.sh("cat /etc/machine-id").out
        guest.sh("echo kept > /var/lib/offhook-device/note && sync && echo gone > /var/log/note")
        guest.reboot()
        assert guest.wait_until_up() == "running"
        assert guest.sh("cat /var/lib/offhook-device/note").out == "kept\n"
        assert guest.sh("cat /var/log/note", check=False).status != 0
        assert guest.sh("cat /etc/machine-id").out == before
        assert len(guest.sh("ls /var/log/journal").out.split()) == 1
        assert len(guest.sh("journalctl --list-boots --no-pager --quiet").out.splitlines()) >= 2
        assert guest.sh("hostname").out == "offhook\n"


def test_the_guest_has_todays_time_after_a_snapshot(phone: Guest) -> None:
    assert abs(float(phone.sh("date +%s").out) - time.time()) < 60
