"""What the launcher starts, from the files that a Raspberry Pi's boot firmware reads."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagebuild.firmware import BootFirmware, NoBootError, settings
from imagebuild.image import boot_settings, cmdline
from imagebuild.layout import SLOTS
from offhook.device.boot.slots import AUTOBOOT, CONFIG, TRYBOOT, autoboot_text, prefix_text

Disk = dict[tuple[int, str], bytes]


def partition_disk() -> Disk:
    disk: Disk = {(1, name): text for name, text in boot_settings("partition").items()}
    for number, slot in enumerate(SLOTS, start=2):
        disk |= {
            (number, "config.txt"): b"auto_initramfs=1\n",
            (number, "kernel8.img"): f"kernel {slot}".encode(),
            (number, "initramfs8"): f"initramfs {slot}".encode(),
            (number, "cmdline.txt"): cmdline(slot, "partition").encode() + b"\n",
        }
    return disk


def prefix_disk() -> Disk:
    disk: Disk = {(1, name): text for name, text in boot_settings("prefix").items()}
    for slot in SLOTS:
        disk |= {
            (1, f"{slot}/kernel8.img"): f"kernel {slot}".encode(),
            (1, f"{slot}/initramfs8"): f"initramfs {slot}".encode(),
            (1, f"{slot}/cmdline.txt"): cmdline(slot, "prefix").encode() + b"\n",
        }
    return disk


def firmware(disk: Disk) -> BootFirmware:
    return BootFirmware(lambda number, path: disk.get((number, path)))


@pytest.mark.parametrize("disk", [partition_disk(), prefix_disk()], ids=["partition", "prefix"])
def test_the_committed_slot_starts_and_the_flag_starts_the_other(disk: Disk) -> None:
    plain, trial = firmware(disk).choose(tryboot=False), firmware(disk).choose(tryboot=True)
    assert (plain.kernel, plain.initramfs, plain.tryboot) == (b"kernel a", b"initramfs a", False)
    assert (trial.kernel, trial.initramfs, trial.tryboot) == (b"kernel b", b"initramfs b", True)
    assert "root=PARTLABEL=root_a" in plain.cmdline.split()
    assert {"root=PARTLABEL=root_b", "offhook.slot=b", "offhook.tryboot=1"} <= set(trial.cmdline.split())
    assert "offhook.tryboot=1" not in plain.cmdline


def test_a_commit_as_the_phone_writes_it_changes_what_starts() -> None:
    disk = partition_disk() | {(1, AUTOBOOT): autoboot_text("b")}
    assert firmware(disk).choose(tryboot=False).kernel == b"kernel b"
    assert firmware(disk).choose(tryboot=True).kernel == b"kernel a"
    disk = prefix_disk() | {(1, CONFIG): prefix_text("b"), (1, TRYBOOT): prefix_text("a")}
    assert firmware(disk).choose(tryboot=False).kernel == b"kernel b"
    assert firmware(disk).choose(tryboot=True).kernel == b"kernel a"


def test_a_trial_without_a_kernel_falls_back() -> None:
    disk = partition_disk()
    del disk[(3, "kernel8.img")]
    choice = firmware(disk).choose(tryboot=True)
    assert (choice.kernel, choice.tryboot) == (b"kernel a", False)


def test_a_disk_without_boot_files_is_said_to_be_one() -> None:
    with pytest.raises(NoBootError, match=r"config\.txt"):
        firmware({}).choose(tryboot=False)


def test_filters_hold_until_the_next_and_unknown_ones_never() -> None:
    text = "a=1\n[tryboot]\na=2\n[pi5]\na=3\nb=3\n[all]\nc=4 # why\n"
    assert settings(text, tryboot=False) == {"a": "1", "c": "4"}
    assert settings(text, tryboot=True) == {"a": "2", "c": "4"}


def test_what_includes_itself_ends() -> None:
    disk = prefix_disk() | {(1, "phone.txt"): b"auto_initramfs=1\ninclude phone.txt\n"}
    assert firmware(disk).choose(tryboot=False).initramfs == b"initramfs a"


@given(st.binary(max_size=600), st.binary(max_size=600), st.booleans())
def test_damaged_files_start_something_or_are_refused(autoboot: bytes, config: bytes, tryboot: bool) -> None:
    disk = partition_disk() | {(1, "autoboot.txt"): autoboot, (2, "config.txt"): config, (1, "config.txt"): config}
    with suppress(NoBootError):
        assert firmware(disk).choose(tryboot=tryboot).kernel
