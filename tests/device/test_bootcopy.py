"""Boot files are copied from the new root, with this slot's own command line."""

from pathlib import Path

import pytest

from offhook.device.boot.bootcopy import FOLDER, copy_boot_files
from offhook.errors import DeviceError


def new_root(folder: Path) -> Path:
    boot = folder / FOLDER
    (boot / "overlays").mkdir(parents=True)
    (boot / "vmlinuz").write_bytes(b"kernel 2")
    (boot / "overlays" / "i2c.dtbo").write_bytes(b"overlay")
    (boot / "cmdline.txt").write_text("root=PARTLABEL=root_a offhook.slot=a offhook.scheme=partition ro quiet\n")
    return folder


def test_the_target_holds_what_the_root_has_and_nothing_else(tmp_path: Path) -> None:
    root, target = new_root(tmp_path / "root"), tmp_path / "fat" / "b"
    (target / "old").mkdir(parents=True)
    (target / "old" / "stale.dtb").write_bytes(b"x")
    (target / "vmlinuz").write_bytes(b"kernel 1")
    copy_boot_files(root, target, "b", "prefix")
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {
        "vmlinuz": b"kernel 2",
        "overlays/i2c.dtbo": b"overlay",
        "cmdline.txt": b"root=PARTLABEL=root_b offhook.slot=b offhook.scheme=prefix ro quiet panic=10\n",
    }
    assert not (target / "old").exists()


def test_a_root_without_boot_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="boot files of slot b cannot be copied"):
        copy_boot_files(tmp_path, tmp_path / "fat", "b", "prefix")
