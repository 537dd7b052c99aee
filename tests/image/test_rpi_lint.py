"""The checks of image-build/rpi: the tree passes, and each check can fail."""

import shutil
from pathlib import Path

import pytest

from imagebuild.cli_image import main
from imagebuild.lint.metadata import rule_fault
from imagebuild.lint.tree import ROOT, lint
from imagebuild.lint.wiring import pins_of, taken_by
from offhook.config.load import load_board

RPI = "image-build/rpi"
PHONE = f"{RPI}/layer/offhook-phone.yaml"
PARTITION = f"{RPI}/image/partition"
PREFIX = f"{RPI}/image/prefix"
HOOK = f"{PARTITION}/offhook-image-partition.d/hooks/preimage50-slots"
CONFIG = f"{RPI}/boot/partition/config.txt"
PHONE_TXT = f"{RPI}/boot/prefix/phone.txt"
AUTOBOOT = f"{RPI}/boot/partition/autoboot.txt"
CMDLINE = f"{RPI}/boot/prefix/cmdline.txt"
DEVICE = f"{RPI}/device/pi45/offhook-device-pi45.yaml"
BUILD = f"{RPI}/config/offhook-pi45.yaml"
FSTAB = "image-build/overlay/etc/fstab"
USB_BOARD = "boardconfig/usb-handset-4x3.yaml"
HAT_BOARD = "boardconfig/wm8960-hat-4x4.yaml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what is checked."""
    shutil.copytree(ROOT / RPI, tmp_path / RPI, symlinks=True)
    shutil.copytree(ROOT / "boardconfig", tmp_path / "boardconfig")
    shutil.copy(ROOT / "image-build/packages.yaml", tmp_path / "image-build/packages.yaml")
    (tmp_path / FSTAB).parent.mkdir(parents=True)
    shutil.copy(ROOT / FSTAB, tmp_path / FSTAB)
    return tmp_path


def faults_of(tree: Path) -> list[str]:
    return [str(fault) for fault in lint(tree)]


def test_the_tree_has_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lint"]) == 0
    assert capsys.readouterr().out == "image-build/rpi, boardconfig: no faults\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        # layers: YAML and metadata
        (PHONE, "mmdebstrap:\n", "mmdebstrap: [\n", "layer/offhook-phone.yaml:38: is no YAML"),
        (PHONE, "# METABEGIN\n", "", "has no metadata"),
        (PHONE, "# METAEND\n", "", "the metadata is not ended"),
        (PHONE, "Layer-Version: 1.0.0", "Layer-Version: 1.0", ":8: the version is not of the form 1.2.3"),
        (PHONE, "# X-Env-Layer-Category: app\n", "", "X-Env-Layer-Category is missing"),
        (PHONE, "X-Env-Layer-Category", "X-Env-Layer-Kategory", ":3: X-Env-Layer-Kategory is no field of a layer"),
        (PHONE, "X-Env-VarPrefix", "X-Env-Prefix", "declares variables and no X-Env-VarPrefix"),
        (PHONE, "X-Env-Var-deb-Set", "X-Env-Var-deb-Sett", "a variable has no Sett"),
        (PHONE, "# X-Env-Var-deb:\n", "", "is of no variable: X-Env-Var-deb is missing"),
        (PHONE, "deb-Set: n", "deb-Set: later", "variable deb: Set is one of"),
        (PHONE, "file-nzero", "filename", "filename is no rule for values"),
        (PHONE, "#  firmware and packages", "# firmware and packages", ":5: is neither a field nor its next line"),
        (PHONE, "offhook-phone\n", "phone\n", "is called phone: name the file phone.yaml"),
        (f"{PARTITION}/offhook-image-partition.yaml", "64M", "64 MB", "its default '64 MB' does not fit size"),
        # layers: what they need of one another
        (PHONE, "systemd-min", "systemd-mini", "requires systemd-mini, which is neither ours nor known"),
        (PHONE, "  packages:", "  paquets:", "mmdebstrap has no paquets"),
        (PHONE, "    - rauc\n", "", "rauc: packages.yaml names it, and this layer does not"),
        (PHONE, "    - rauc\n", "    - rauc\n    - vim\n", "vim: packages.yaml does not, and this layer does"),
        (
            f"{RPI}/device/pi45/offhook-device-pi45.yaml",
            "Requires: rpi4",
            "Requires: linux-base",
            "by exactly one layer",
        ),
        (f"{PARTITION}/offhook-image-partition.yaml", "Provides: image", "Provides: disk", "image must be provided"),
        # configs
        (BUILD, "offhook-image-partition", "image-rota", "chooses the layer image-rota, which is not there"),
        (BUILD, "  name: offhook", "  nome: offhook", "no layer of this build has the setting image.nome"),
        (BUILD, "layer:\n", "printer: {ink: black}\nlayer:\n", "has settings under printer"),
        # hooks and genimage
        (HOOK, "../../lib/stage.sh", "../../lib/stages.sh", ":7: $LAYER_DIR/../../lib/stages.sh is not there"),
        (HOOK, "stage_data\n", "if stage_data\n", "syntax error"),
        (HOOK, "#!/bin/bash\n", "", "does not say what runs it"),
        (
            f"{PARTITION}/genimage.cfg.in",
            "partition boot_a {",
            "partition slot_a {",
            "partitions bootcfg, slot_a",
        ),
        (f"{PARTITION}/genimage.cfg.in", "image = data.ext4", "image = date.ext4", "there is no image date.ext4"),
        (f"{PARTITION}/genimage.cfg.in", "<DATA_SIZE>", "<DATUM_SIZE>", "<DATUM_SIZE> is filled in by nobody"),
        (f"{PREFIX}/genimage.cfg.in", '"hybrid"', '"gpt"', "the partition table must be hybrid"),
        # boot files
        (CONFIG, "enable_uart=0", "enabel_uart=0", "enabel_uart is no setting that is known here"),
        (CONFIG, "gpu_mem=32", "gpu_mem=little", "gpu_mem is a number, not 'little'"),
        (CONFIG, "dtparam=watchdog=on", "dtparam=watchdogs=on", "dtparam watchdogs=on is none that is known"),
        (CONFIG, "[all]\n", "", "ends under [pi5]"),
        (CONFIG, "[pi4]", "[pi6]", "[pi6] is no filter"),
        (CONFIG, "arm_64bit=1", "include phone.txt", "the bootloader of a Pi 5 knows no include"),
        (CONFIG, "dtoverlay=disable-bt\n", "dtoverlay=disable-blue\n", "disable-blue is not in the table"),
        (CONFIG, "disable-bt-pi5", "disable-bt", "a Pi 5 has disable-bt-pi5 in place of disable-bt"),
        (CONFIG, "# Start soon", f"# {'x' * 98}", "the firmware reads 98"),
        (f"{RPI}/boot/prefix/tryboot.txt", "b/", "b", "os_prefix is a/ or b/, with the slash"),
        (f"{RPI}/boot/prefix/tryboot.txt", "phone.txt", "fone.txt", "includes fone.txt, which is not there"),
        (f"{RPI}/boot/prefix/config.txt", "include", "# x\n" * 128 + "include", "it is written as one sector"),
        (AUTOBOOT, "boot_partition=3", "boot_partition=4", "must name the partitions 2 and 3"),
        (AUTOBOOT, "tryboot_a_b=1\n", "", "tryboot_a_b=1 is missing"),
        (AUTOBOOT, "[all]\n", "[all]\narm_64bit=1\n", "arm_64bit=1 has no place in autoboot.txt"),
        (CMDLINE, "root_a", "boot_a", "root=PARTLABEL=boot_a is no partition of the scheme prefix"),
        (CMDLINE, " ro ", " rw ", "ro is missing"),
        (CMDLINE, "scheme=prefix", "scheme=partition", "offhook.scheme=prefix is missing"),
        (CMDLINE, " quiet", "\nquiet", "must be one line"),
        # fstab
        (FSTAB, "PARTLABEL=data ", "PARTLABEL=boot_a ", "there is no partition boot_a in both schemes"),
        (FSTAB, ",x-systemd.requires=offhook-data-check.service", "", "/data is not mended at a start"),
        (FSTAB, "/data/etc/offhook ", "/data/offhook ", "/etc/offhook is bound from /data/offhook"),
        (FSTAB, "tmpfs /var/tmp tmpfs", "/dev/sda1 /var/tmp ext4", "is neither a partition by its name"),
        # pins
        (
            CONFIG,
            "i2c_arm=on",
            "i2s=on",
            "usb-handset-4x3.yaml: ringer.pin: GPIO18 is taken by dtparam=i2s",
        ),
        (PHONE_TXT, "i2c_arm=on", "spi=on", "wm8960-hat-4x4.yaml: lamps[2].pin: GPIO7 is taken by dtparam"),
        (
            PHONE_TXT,
            "enable_uart=0",
            "dtoverlay=googlevoicehat-soundcard",
            "GPIO16 is taken by dtoverlay=",
        ),
        (
            USB_BOARD,
            "hook: {pin: 17",
            "hook: {pin: 3",
            "hook.pin: GPIO3 is taken by dtparam=i2c_arm=on",
        ),
        (HAT_BOARD, "hook: {pin: 27", "hook: {pin: 21", "GPIO21 is taken by the overlay wm8960-soundcard"),
        (
            HAT_BOARD,
            "overlays: [wm8960-soundcard]",
            "overlays: [wm8961-soundcard]",
            "wm8961-soundcard is not in the table",
        ),
    ],
    ids=lambda value: str(value)[-40:].strip(),
)
def test_each_check_can_fail(tree: Path, file: str, old: str, new: str, words: str) -> None:
    path = tree / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert any(words in fault for fault in faults_of(tree)), faults_of(tree)


def test_a_clash_names_board_pin_and_overlay_in_one_fault(tree: Path) -> None:
    path = tree / USB_BOARD
    path.write_text(path.read_text() + "overlays: [googlevoicehat-soundcard]\n")
    told = [fault for fault in faults_of(tree) if "GPIO16" in fault]
    assert told == [
        "boardconfig/usb-handset-4x3.yaml:25: matrix.columns[0]: GPIO16 is taken by the overlay "
        "googlevoicehat-soundcard: wire it to another pin"
    ]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("boot/prefix/phone.txt", "boot/prefix/phone.txt: is not there"),
        ("boot/partition/autoboot.txt", "boot/partition/autoboot.txt: is not there"),
        ("image/prefix/genimage.cfg.in", "image/prefix/genimage.cfg.in: is not there"),
        ("device/pi45/offhook-device-pi45.yaml", "chooses the layer offhook-device-pi45, which is not there"),
    ],
)
def test_a_file_that_is_not_there_is_missed(tree: Path, missing: str, words: str) -> None:
    (tree / RPI / missing).unlink()
    assert any(fault.endswith(words) for fault in faults_of(tree))


def test_a_hook_that_would_be_left_out_is_told(tree: Path) -> None:
    (tree / HOOK).chmod(0o644)
    (tree / HOOK).with_name("later_on").write_text("#!/bin/sh\n")
    told = faults_of(tree)
    assert any("preimage50-slots: is not executable" in fault for fault in told)
    assert any("later_on: its name begins with no phase" in fault for fault in told)


def test_two_layers_cannot_have_one_name(tree: Path) -> None:
    folder = tree / RPI / "layer" / "more"
    folder.mkdir()
    shutil.copy(tree / PHONE, folder)
    assert any("there is a layer offhook-phone already" in fault for fault in faults_of(tree))


@pytest.mark.parametrize(
    ("rule", "default", "fits"),
    [
        ("regex:^a+$", "aa", True),
        ("regex:^a+$", "b", False),
        ("regex:(", None, False),
        ("int:1-10", "10", True),
        ("int:1-10", "11", False),
        ("int:low", None, False),
        ("keywords:sd,usb", "sd", True),
        ("sd,usb", "nvme", False),
        ("size", "100%", True),
        ("string", "", False),
        ("string-or-empty", "", True),
        ("sd", None, False),
    ],
)
def test_rules_for_values_are_those_of_rpi_image_gen(rule: str, default: str | None, fits: bool) -> None:
    assert (rule_fault(rule, default) is None) is fits


def test_every_pin_of_a_board_is_seen() -> None:
    board = load_board(
        "kind: gpio\nkeypad: direct\nhook: {pin: 1}\nkeys: {'1': 2}\nrotary: {pulse: 3, off_normal: 4}\n"
        "matrix: {rows: [5], columns: [6]}\nlamps: [{name: a, pin: 7}]\nbuttons: [{name: b, pin: 8}]\n"
        "ringer: {pin: 9}\n"
    )
    assert sorted(pins_of(board)) == list(range(1, 10))


def test_a_bus_that_is_off_takes_no_pin() -> None:
    assert taken_by("dtparam=i2s=off,spi=no\nenable_uart=0\n") == {}
    assert sorted(taken_by("enable_uart=1\n")) == [14, 15]
    assert sorted(taken_by("dtparam=i2c=on,i2s=on\n")) == [2, 3, 18, 19, 20, 21]
