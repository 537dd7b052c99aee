"""What a start says of itself: by the kernel command line and the device tree."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.device.boot.bootstate import BootState, boot_state, read_boot_state

LINE = "root=PARTLABEL=root_b offhook.slot=b offhook.scheme=partition quiet"
YES, NO = (1).to_bytes(4, "big"), (0).to_bytes(4, "big")


def test_the_command_line_names_slot_and_scheme() -> None:
    assert boot_state(LINE) == BootState("b", "partition", False)
    assert boot_state("offhook.slot=a offhook.scheme=prefix") == BootState("a", "prefix", False)


def test_a_trial_is_told_by_the_launcher_or_by_the_firmware() -> None:
    assert boot_state(LINE + " offhook.tryboot=1") == BootState("b", "partition", True)
    assert boot_state(LINE, tryboot=YES) == BootState("b", "partition", True)
    assert boot_state(LINE, tryboot=NO) == BootState("b", "partition", False)
    assert boot_state(LINE, tryboot=b"1") == BootState("b", "partition", False), "not a 32-bit number"


def test_a_partition_that_is_not_the_slots_own_is_no_trial() -> None:
    assert boot_state(LINE, YES, (3).to_bytes(4, "big")) == BootState("b", "partition", True)
    assert boot_state(LINE, YES, (2).to_bytes(4, "big")) == BootState("b", "partition", False)


@pytest.mark.parametrize("line", ["", "root=/dev/sda1 quiet", "offhook.slot=c offhook.scheme=prefix", "offhook.slot=a"])
def test_a_machine_without_slots_is_no_device_of_ours(line: str) -> None:
    assert boot_state(line, YES) is None


@given(st.text(max_size=80), st.none() | st.binary(max_size=6), st.none() | st.binary(max_size=6))
def test_whatever_the_firmware_says_is_read(line: str, tryboot: bytes | None, partition: bytes | None) -> None:
    found = boot_state(f"{line} offhook.slot=a offhook.scheme=prefix", tryboot, partition)
    assert found is not None
    assert found.slot == "a"


def test_the_files_of_this_machine_are_read(tmp_path: Path) -> None:
    tree = tmp_path / "proc/device-tree/chosen/bootloader"
    tree.mkdir(parents=True)
    (tmp_path / "proc/cmdline").write_text(LINE + "\n")
    assert read_boot_state(tmp_path) == BootState("b", "partition", False)
    (tree / "tryboot").write_bytes(YES)
    assert read_boot_state(tmp_path) == BootState("b", "partition", True)
    assert read_boot_state(tmp_path / "nowhere") is None
