"""The boot firmware's files: ``config.txt`` and what it includes, ``tryboot.txt``, ``autoboot.txt``, ``cmdline.txt``.

Form and names are those of raspberrypi/documentation, ``documentation/asciidoc/computers/config_txt``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imagebuild.lint.fault import Fault
from imagebuild.lint.genimage import PARTITIONS
from offhook.config.overlays import LONGEST_LINE, OVERLAYS, overlay_name
from offhook.device.boot.slots import SECTOR

DIRECTIVES = frozenset(
    {
        *("arm_64bit", "auto_initramfs", "boot_delay", "boot_delay_ms", "camera_auto_detect", "cmdline"),
        *("disable_fw_kms_setup", "disable_splash", "display_auto_detect", "dtoverlay", "dtparam", "enable_uart"),
        *("gpu_mem", "initial_turbo", "initramfs", "kernel", "os_prefix", "overlay_prefix", "uart_2ndstage"),
        *("usb_max_current_enable", "kernel_watchdog_timeout"),
    }
)
SECTIONS = frozenset({"all", "none", "tryboot", "pi0", "pi02", "pi0w", "pi3", "pi3+", "pi4", "pi400", "pi5", "pi500"})
DTPARAMS = frozenset({"audio", "i2c", "i2c_arm", "i2c_arm_baudrate", "i2s", "spi", "uart0", "watchdog"})
AUTOBOOT = {"boot_partition": re.compile(r"[0-9]+"), "tryboot_a_b": re.compile(r"[01]")}
_TEXTS = frozenset({"cmdline", "dtoverlay", "dtparam", "initramfs", "kernel", "os_prefix", "overlay_prefix"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a boot file. ``section``: the filter that it stands under, ``all`` where none."""

    section: str
    name: str
    value: str
    line: int


def settings_in(text: str) -> Iterator[Setting]:
    """Every line that says something; sections are no settings of their own."""
    section = "all"
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            if line.startswith(("include ", "initramfs ")):
                name, _, value = line.partition(" ")
            else:
                name, _, value = line.partition("=")
            yield Setting(section, name, value, number)


def scheme_faults(source: Path, scheme: str) -> Iterator[Fault]:
    """What is wrong with the files in ``boot/SCHEME``."""
    folder = source / "boot" / scheme
    texts = {path.name: path.read_text() for path in sorted(folder.glob("*.txt"))}
    needed = ("autoboot.txt", "config.txt") if scheme == "partition" else ("config.txt", "tryboot.txt", "phone.txt")
    for missing in sorted({*needed, "cmdline.txt"} - set(texts)):
        yield Fault(f"boot/{scheme}/{missing}", 0, "is not there")
    for name, text in texts.items():
        file = f"boot/{scheme}/{name}"
        if name == "cmdline.txt":
            yield from command_line_faults(file, text, scheme)
        elif name == "autoboot.txt":
            yield from autoboot_faults(file, text)
        else:
            yield from config_text_faults(file, text, may_include=texts if scheme == "prefix" else None)
        if name in ("autoboot.txt", "tryboot.txt") or (name == "config.txt" and scheme == "prefix"):
            yield from _sector_faults(file, text)


def _sector_faults(file: str, text: str) -> Iterator[Fault]:
    size = len(text.encode())
    if size > SECTOR:
        yield Fault(file, 0, f"has {size} bytes: it is written as one sector, and that has {SECTOR}")


def _line_faults(file: str, text: str) -> Iterator[Fault]:
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            yield Fault(file, number, f"has {len(line)} characters: the firmware reads {LONGEST_LINE}")
        if not line.isascii():
            yield Fault(file, number, "has a character that is not ASCII")
        if line.startswith("[") and line.rstrip("]")[1:] not in SECTIONS:
            yield Fault(file, number, f"{line} is no filter that is known here")


def config_text_faults(file: str, text: str, may_include: Mapping[str, str] | None) -> Iterator[Fault]:
    """``may_include`` are the files beside it, ``None`` where a bootloader reads it that knows no ``include``."""
    yield from _line_faults(file, text)
    last = "all"
    for raw in text.splitlines():
        last = raw.strip()[1:-1] if raw.startswith("[") else last
    if last != "all":
        yield Fault(file, 0, f"ends under [{last}]: write [all] at its end, what is added there is for every model")
    for setting in settings_in(text):
        if setting.name == "include":
            if may_include is None:
                yield Fault(file, setting.line, "the bootloader of a Pi 5 knows no include: write the lines here")
            elif setting.value not in may_include:
                yield Fault(file, setting.line, f"includes {setting.value}, which is not there")
        elif setting.name not in DIRECTIVES:
            yield Fault(file, setting.line, f"{setting.name} is no setting that is known here")
        else:
            yield from _value_faults(file, setting)


def _value_faults(file: str, setting: Setting) -> Iterator[Fault]:
    if setting.name not in _TEXTS and not setting.value.isdecimal():
        yield Fault(file, setting.line, f"{setting.name} is a number, not {setting.value!r}")
    elif setting.name == "os_prefix" and setting.value not in ("a/", "b/"):
        yield Fault(file, setting.line, "os_prefix is a/ or b/, with the slash")
    elif setting.name == "dtparam" and setting.value.partition("=")[0] not in DTPARAMS:
        yield Fault(file, setting.line, f"dtparam {setting.value} is none that is known here")
    elif setting.name == "dtoverlay":
        overlay, on_pi5 = overlay_name(setting.value), setting.section in ("pi5", "pi500")
        if overlay not in OVERLAYS:
            yield Fault(file, setting.line, f"the overlay {overlay} is not in the table of overlays")
        elif overlay.endswith("-pi5") and not on_pi5:
            yield Fault(file, setting.line, f"the overlay {overlay} must stand under [pi5]")
        elif f"{overlay}-pi5" in OVERLAYS and on_pi5:
            yield Fault(file, setting.line, f"a Pi 5 has {overlay}-pi5 in place of {overlay}")


def autoboot_faults(file: str, text: str) -> Iterator[Fault]:
    """``autoboot.txt`` has two settings, and the slots' partitions under ``[all]`` and ``[tryboot]``."""
    yield from _line_faults(file, text)
    order = PARTITIONS["partition"]
    slots = {str(order.index("boot_a") + 1), str(order.index("boot_b") + 1)}
    found: dict[str, str] = {}
    for setting in settings_in(text):
        rule = AUTOBOOT.get(setting.name)
        if rule is None or not rule.fullmatch(setting.value):
            yield Fault(file, setting.line, f"{setting.name}={setting.value} has no place in autoboot.txt")
        elif setting.name == "boot_partition":
            found[setting.section] = setting.value
    if set(found) != {"all", "tryboot"} or set(found.values()) != slots:
        yield Fault(file, 0, f"must name the partitions {' and '.join(sorted(slots))}, under [all] and [tryboot]")
    if not any(setting.name == "tryboot_a_b" and setting.value == "1" for setting in settings_in(text)):
        yield Fault(file, 0, "tryboot_a_b=1 is missing: the firmware would look for tryboot.txt")


def command_line_faults(file: str, text: str, scheme: str) -> Iterator[Fault]:
    """One line, a root that the scheme has, read-only."""
    if text.count("\n") != 1 or not text.endswith("\n"):
        yield Fault(file, 0, "must be one line: the firmware reads no other")
    words = text.split()
    root = next((word.removeprefix("root=PARTLABEL=") for word in words if word.startswith("root=PARTLABEL=")), None)
    if root not in PARTITIONS[scheme]:
        yield Fault(file, 1, f"root=PARTLABEL={root or ''} is no partition of the scheme {scheme}")
    for wanted in ("ro", f"offhook.scheme={scheme}", f"offhook.slot={(root or '')[-1:]}"):
        if wanted not in words:
            yield Fault(file, 1, f"{wanted} is missing")
