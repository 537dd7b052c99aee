"""What RAUC asks of ``offhook slot``, over real files."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from offhook.cli_slot import use, written
from offhook.device.boot.bootstate import BootState
from offhook.device.boot.slots import Scheme, SlotError, files_for
from offhook.device.update import machine as machine_module
from offhook.device.update.machine import Machine, alone, image_version
from offhook.device.update.updaterecord import Records
from offhook.errors import DeviceError, OffhookError
from tests.support.cut_disk import CutDisk

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
Slot = Callable[..., str]


@pytest.fixture(params=SCHEMES)
def slot(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slot:
    """``offhook slot`` on a device that runs on slot a."""
    monkeypatch.setattr(machine_module, "BOOT", tmp_path)
    for name, data in files_for(request.param, "a").items():
        (tmp_path / name).write_bytes(data)
    device, records = Machine(BootState("a", request.param, False)), Records(CutDisk())
    return lambda verb, *words: use(verb, list(words), device, records, {})


def test_an_installation_as_rauc_does_it(slot: Slot) -> None:
    assert (slot("get-current"), slot("get-primary")) == ("a", "a")
    assert (slot("get-state", "a"), slot("get-state", "b")) == ("good", "good")
    slot("set-state", "b", "bad")
    assert slot("get-state", "b") == "bad"
    slot("set-primary", "b")
    assert (slot("get-primary"), slot("get-state", "b")) == ("b", "good")
    assert slot("get-current") == "a", "armed is not committed"
    slot("set-state", "b", "bad")
    assert slot("get-primary") == "a", "a bad slot is not armed"


def test_the_slot_that_starts_is_not_written_over(slot: Slot) -> None:
    with pytest.raises(SlotError, match="not written over"):
        slot("set-state", "a", "bad")


def test_the_primary_slot_disarms_the_other(slot: Slot) -> None:
    slot("set-primary", "b")
    slot("set-primary", "a")
    assert slot("get-primary") == "a"


@pytest.mark.parametrize(
    "words",
    [("get-state",), ("get-state", "c"), ("set-state", "a", "fine"), ("set-primary", "rootfs.0"), ("get-primary", "a")],
)
def test_what_rauc_does_not_say_is_refused(slot: Slot, words: tuple[str, ...]) -> None:
    with pytest.raises(SlotError):
        slot(*words)


def test_post_install_finds_the_roots_that_were_written() -> None:
    environment = {
        "RAUC_TARGET_SLOTS": "2 3",
        "RAUC_SLOT_CLASS_2": "rootfs",
        "RAUC_SLOT_BOOTNAME_2": "b",
        "RAUC_SLOT_DEVICE_2": "/dev/disk/by-partlabel/root_b",
        "RAUC_SLOT_CLASS_3": "other",
    }
    assert written(environment) == {"b": "/dev/disk/by-partlabel/root_b"}
    with pytest.raises(SlotError, match="no root slot"):
        written({})


def test_the_boot_files_of_the_slot_that_runs_are_not_touched() -> None:
    with pytest.raises(DeviceError, match="is the one that runs"):
        Machine(BootState("a", "prefix", False)).copy_boot_files(Path("/dev/null"), "a")


def test_the_version_of_an_image_is_in_its_os_release(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    assert image_version(file) == ""
    file.write_text('ID=debian\nIMAGE_VERSION="1.2.3"\n')
    assert image_version(file) == "1.2.3"


def test_there_is_one_updater_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with alone(lock), pytest.raises(OffhookError, match="under way"), alone(lock):
        pass
    with alone(lock):
        pass


def test_a_bundle_that_a_cut_left_is_removed_but_not_under_an_updaters_hands(tmp_path: Path) -> None:
    machine, bundle, lock = Machine(BootState("a", "prefix", False)), tmp_path / "bundle.raucb", tmp_path / "lock"
    bundle.write_bytes(b"half of one")
    with alone(lock):
        machine.drop_bundle(bundle, lock)
        assert bundle.exists()
    machine.drop_bundle(bundle, lock)
    assert not bundle.exists()
    machine.drop_bundle(bundle, lock)
