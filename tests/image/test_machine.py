"""The virtual phone's command line, device tree and initramfs."""

from pathlib import Path

import pytest

from imagebuild.cache import Cache, tree_digest
from imagebuild.devicetree import as_raspberry_pi, without_node
from imagebuild.errors import BuildError
from imagebuild.initrd import newc
from imagebuild.machine import Machine

FOLDER = Path("/run/vm")


def words(machine: Machine, **options: str) -> list[str]:
    return machine.command(Path("kernel"), Path("initramfs"), "root=PARTLABEL=root_a", **options)


def test_a_reset_ends_the_machine_so_that_the_launcher_chooses_anew() -> None:
    assert "-no-reboot" in words(Machine("amd64", FOLDER / "disk", FOLDER))


def test_nothing_leads_out_of_a_machine_without_a_tap() -> None:
    command = words(Machine("amd64", FOLDER / "disk", FOLDER))
    assert not any("netdev" in word or word.startswith("user,") for word in command)
    assert "tap,id=net,ifname=tap7,script=no,downscript=no" in words(
        Machine("amd64", FOLDER / "disk", FOLDER, tap="tap7")
    )


def test_each_architecture_has_its_own_program_and_console() -> None:
    amd64, arm64 = (words(Machine(arch, FOLDER / "disk", FOLDER)) for arch in ("amd64", "arm64"))
    assert (amd64[0], arm64[0]) == ("qemu-system-x86_64", "qemu-system-aarch64")
    assert "console=ttyS0 root=PARTLABEL=root_a" in " ".join(amd64)
    assert "console=ttyAMA0 root=PARTLABEL=root_a" in " ".join(arm64)


def test_the_usb_card_is_left_out_where_it_must_be_for_a_snapshot() -> None:
    machine = Machine("amd64", FOLDER / "disk", FOLDER, usb_card=False)
    assert not any("usb-audio" in word for word in words(machine))
    assert machine.usb_card_device()["driver"] == "usb-audio"
    assert words(machine, load="ready")[-2:] == ["-loadvm", "ready"]


SOURCE = """/dts-v1/;

/ {
	model = "linux,dummy-virt";

	gpio-keys {
		poweroff {
			gpios = <1>;
		};
	};

	pl061@9030000 {
		phandle = <1>;
	};

	memory@40000000 {
		reg = <0>;
	};
};
"""


def test_the_device_tree_becomes_that_of_a_raspberry_pi() -> None:
    tree = as_raspberry_pi(SOURCE, "10000000deadbeef")
    assert "gpio-keys" not in tree
    assert "pl061" not in tree
    assert "memory@40000000" in tree
    assert 'serial-number = "10000000deadbeef";' in tree
    assert "linux,revision = <0x902120>;" in tree
    assert "ngpios = <54>;" in tree
    assert tree.count("{") == tree.count("}")
    assert tree.index("serial-number") < tree.index("memory@")


def test_a_device_tree_of_another_qemu_is_refused() -> None:
    with pytest.raises(BuildError, match="pl031"):
        without_node(SOURCE, "pl031")


def test_the_initramfs_is_an_archive_that_the_kernel_reads() -> None:
    archive = newc([("dev", 0o040755, b""), ("init", 0o100755, b"#!/bin/sh\n")])
    names, position = [], 0
    while position < len(archive):
        assert archive[position : position + 6] == b"070701"
        fields = [int(archive[position + 6 + 8 * n : position + 14 + 8 * n], 16) for n in range(13)]
        size, length = fields[6], fields[11]
        names.append(archive[position + 110 : position + 110 + length - 1].decode())
        position = -(-(position + 110 + length) // 4) * 4
        position = -(-(position + size) // 4) * 4
    assert names == ["dev", "init", "TRAILER!!!"]


def test_what_is_interrupted_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(path: Path) -> None:
        path.write_text("half")
        raise BuildError("no")

    def write(path: Path) -> None:
        path.write_text("whole")

    with pytest.raises(BuildError):
        cache.get("thing", fail)
    assert cache.get("thing", write).read_text() == "whole"
    assert cache.get("thing", fail).read_text() == "whole"


def test_a_changed_file_mode_or_link_is_another_tree(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a")
    seen = [tree_digest(tmp_path)]
    file.chmod(0o755)
    seen.append(tree_digest(tmp_path))
    (tmp_path / "link").symlink_to("file")
    seen.append(tree_digest(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "file.pyc").write_text("x")
    assert len(set(seen)) == 3
