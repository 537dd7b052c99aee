"""The image layers' hooks and genimage's templates, run on a root that has the names of a real one and little in it.

rpi-image-gen builds the root elsewhere; what it does with a root is done here: the hook with the root and the input
folder, then genimage.
"""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import yaml

from imagebuild.bundle import prepare_root
from offhook.device.boot.slots import Scheme, files_for, kernel_command_line

pytestmark = pytest.mark.peer

RPI = Path("image-build/rpi").resolve()
FIRMWARE = (
    *("kernel8.img", "initramfs8", "bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat"),
    *("bcm2711-rpi-4-b.dtb", "bcm2711-rpi-cm4.dtb", "bcm2712-rpi-5-b.dtb", "bcm2712d0-rpi-5-b.dtb"),
    *("bcm2710-rpi-3-b.dtb", "bcm2710-rpi-3-b-plus.dtb", "bcm2710-rpi-zero-2-w.dtb"),
    *("overlays/README", "overlays/wm8960-soundcard.dtbo", "cmdline.txt", "config.txt"),
)
DEB, KEYRING = "/x/offhook_1.2.3~deb13_arm64.deb", "updates.pem"
SLOT = ["cmdline.txt", "initramfs8", "kernel8.img", "overlays/README", "overlays/wm8960-soundcard.dtbo"]
SIZES = {"bootcfg_part_size": "40M", "boot_part_size": "16M", "root_part_size": "16M", "data_part_size": "8M"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in FIRMWARE:
        file = root / "boot" / "firmware" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name} of raspi-firmware\n")
    for folder in ("etc/offhook", "usr/lib", "usr/share/offhook", "var/lib/offhook"):
        (root / folder).mkdir(parents=True)
    shutil.copy("image-build/package/card-example.yaml", root / "usr" / "share" / "offhook")
    (root / "etc" / "offhook" / "offhook.yaml").write_text("country: NO\n")
    (root / "etc" / "rauc").mkdir()
    shutil.copy("image-build/overlay/etc/rauc/system.conf", root / "etc" / "rauc")
    (root / "usr" / "lib" / "os-release").write_text('NAME="Debian"\nIMAGE_VERSION=0\nID=debian\n')
    (tmp_path / KEYRING).write_text("certificate\n")
    return root


def run(*command: str | Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(root: Path, scheme: Scheme, **more: str) -> Path:
    """Do what rpi-image-gen does after the root is there; return the folder with the images."""
    out, layer = root.parent / "out", RPI / "image" / scheme
    out.mkdir()
    settings = {f"IGconf_image_{name}": size for name, size in SIZES.items()}
    settings |= {"IGconf_image_name": "phone", "IGconf_image_suffix": "img", "LAYER_DIR": str(layer)}
    settings |= {"IGconf_offhook_keyring": str(root.parent / KEYRING), "IGconf_offhook_deb": DEB, **more}
    run(layer / f"offhook-image-{scheme}.d" / "hooks" / "preimage50-slots", root, out, **settings)
    places = [f"--{name}path={path}" for name, path in (("root", root), ("input", out), ("output", out))]
    run("genimage", *places, f"--tmppath={root.parent / 'tmp'}", f"--config={out / 'genimage.cfg'}")
    return out


def partitions(image: Path) -> list[str]:
    lines = [line for line in run("sfdisk", "-d", image).splitlines() if "name=" in line]
    return [line.partition('name="')[2].partition('"')[0] for line in lines]


def files_on_fat(image: Path) -> list[str]:
    names = run("mdir", "-/", "-b", "-i", image, "::").splitlines()
    return sorted(name.removeprefix("::/") for name in names if not name.endswith("/"))


def text_on_fat(image: Path, name: str) -> str:
    return run("mtype", "-i", image, f"::{name}")


def text_on_ext4(image: Path, name: str) -> str:
    return run("debugfs", "-R", f"cat {name}", image)


def test_partition_scheme_has_a_fat_partition_and_a_root_for_each_slot(root: Path) -> None:
    out = build(root, "partition")
    assert partitions(out / "phone.img") == ["bootcfg", "boot_a", "boot_b", "root_a", "root_b", "data"]
    assert files_on_fat(out / "bootcfg.vfat") == ["autoboot.txt", "offhook-example.yaml"]
    example = yaml.safe_load(text_on_fat(out / "bootcfg.vfat", "offhook-example.yaml"))
    assert {"country", "board", "network"} <= set(example), "what a card needs beyond /etc/offhook/offhook.yaml"
    dtbs = ["bcm2711-rpi-4-b.dtb", "bcm2712-rpi-5-b.dtb", "bcm2712d0-rpi-5-b.dtb"]
    for slot in ("a", "b"):
        files = files_on_fat(out / f"boot_{slot}.vfat")
        assert files == sorted([*SLOT, *dtbs, "config.txt", "start4.elf", "fixup4.dat"])


def test_prefix_scheme_has_a_folder_for_each_slot_on_the_first_fat_partition(root: Path) -> None:
    out = build(root, "prefix")
    assert partitions(out / "phone.img") == ["bootcfg", "root_a", "root_b", "data"]
    dtbs = ["bcm2710-rpi-3-b.dtb", "bcm2710-rpi-3-b-plus.dtb", "bcm2710-rpi-zero-2-w.dtb"]
    slots = [f"{slot}/{name}" for slot in ("a", "b") for name in (*SLOT, *dtbs)]
    firmware = [
        "bootcode.bin",
        "start.elf",
        "fixup.dat",
        "config.txt",
        "tryboot.txt",
        "phone.txt",
        "offhook-example.yaml",
    ]
    assert files_on_fat(out / "bootcfg.vfat") == sorted([*slots, *firmware])


def test_the_boot_rom_of_a_pi_3_finds_fat32_in_the_first_entry_of_the_mbr(root: Path) -> None:
    image = build(root, "prefix") / "phone.img"
    with image.open("rb") as disk:
        sector = disk.read(512)
        active, kind, start = sector[446], sector[450], struct.unpack_from("<I", sector, 454)[0]
        disk.seek(start * 512)
        fat = disk.read(512)
    assert (active, kind, fat[82:90]) == (0x80, 0x0C, b"FAT32   ")
    assert sector[466] == 0xEE  # the second entry keeps the GPT, by which the kernel finds names


@pytest.mark.parametrize("scheme", ["partition", "prefix"])
def test_the_slot_files_are_those_that_the_phone_writes(root: Path, scheme: Scheme) -> None:
    out = build(root, scheme)
    for name, text in files_for(scheme, "a").items():
        assert text_on_fat(out / "bootcfg.vfat", name).encode() == text


@pytest.mark.parametrize("scheme", ["partition", "prefix"])
def test_each_slots_command_line_is_the_one_that_an_update_would_write(root: Path, scheme: Scheme) -> None:
    out = build(root, scheme)
    kept = text_on_ext4(out / "root.ext4", "/usr/lib/offhook-boot/cmdline.txt")
    for slot in ("a", "b"):
        image, place = (f"boot_{slot}", "") if scheme == "partition" else ("bootcfg", f"{slot}/")
        told = text_on_fat(out / f"{image}.vfat", f"{place}cmdline.txt")
        assert told.split() == kernel_command_line(kept, slot, scheme).split()  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["partition", "prefix"])
def test_the_data_partition_is_empty_and_the_root_has_what_it_is_filled_with(root: Path, scheme: Scheme) -> None:
    out = build(root, scheme)
    names = {line.split("/")[5] for line in run("debugfs", "-R", "ls -p /", out / "data.ext4").splitlines() if line}
    assert names == {".", "..", "lost+found"}
    assert text_on_ext4(out / "root.ext4", "/etc/offhook/offhook.yaml") == "country: NO\n"


@pytest.mark.parametrize("scheme", ["partition", "prefix"])
@pytest.mark.parametrize(("more", "version"), [({}, "1.2.3"), ({"IGconf_offhook_version": "1.2.3.1"}, "1.2.3.1")])
def test_a_root_is_prepared_for_updates_as_the_virtual_phones_is(
    root: Path, scheme: Scheme, more: dict[str, str], version: str
) -> None:
    twin = root.parent / "twin"
    shutil.copytree(root, twin)
    prepare_root(twin, f"offhook-rpi-{scheme}", version, root.parent / KEYRING)
    out = build(root, scheme, **more)
    for name in ("etc/rauc/system.conf", "etc/rauc/keyring.pem", "usr/lib/os-release"):
        assert text_on_ext4(out / "root.ext4", f"/{name}") == (twin / name).read_text()


def test_a_root_without_a_kernel_is_refused(root: Path) -> None:
    (root / "boot" / "firmware" / "kernel8.img").unlink()
    with pytest.raises(AssertionError, match=r"offhook: kernel8.img is not in /boot/firmware"):
        build(root, "partition")
