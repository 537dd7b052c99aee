"""The two slots of a device, and the small files by which its boot firmware chooses one.

========= ==================== ==================================================================================
scheme    machines             files on the first FAT partition
========= ==================== ==================================================================================
partition Pi 4, 5              ``autoboot.txt`` names the partitions ``boot_a`` (2) and ``boot_b`` (3), one of them
                               under ``[tryboot]``
prefix    Pi 3, Zero 2 W       ``config.txt`` names a folder (``os_prefix=a/``), ``tryboot.txt`` the other
========= ==================== ==================================================================================

A start after ``reboot "0 tryboot"`` reads ``[tryboot]``, or ``tryboot.txt``, once. The names and filters are those of
the boot firmware's documentation (``autoboot.txt``, ``os_prefix``, conditional filters). Neither scheme has been tried
on hardware yet.

Every file has the same length, within one sector of 512 bytes, so that it can be changed by writing that one sector.
"""

from dataclasses import dataclass
from typing import Literal

from offhook.errors import OffhookError

Slot = Literal["a", "b"]
Scheme = Literal["partition", "prefix"]

SLOTS: tuple[Slot, Slot] = ("a", "b")
SECTOR = 512
"""Bytes that a disk writes whole or not at all, and that ``autoboot.txt`` may have at most."""
LENGTH = 480
"""Bytes of each file: the firmware takes no more than a sector, and room is left for a person's line."""

AUTOBOOT, CONFIG, TRYBOOT = "autoboot.txt", "config.txt", "tryboot.txt"
_PARTITIONS: dict[Slot, int] = {"a": 2, "b": 3}
_PHONE = "phone.txt"


class SlotError(OffhookError):
    """A slot file is not one that this phone wrote, or this machine has no slots."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the firmware would start: ``primary`` always, ``trial`` once after ``reboot "0 tryboot"``."""

    primary: Slot
    trial: Slot


def other(slot: Slot) -> Slot:
    """Return the other slot."""
    return "b" if slot == "a" else "a"


def slot_named(name: str) -> Slot:
    """Return the slot of this name. Raises SlotError."""
    for slot in SLOTS:
        if name == slot:
            return slot
    raise SlotError(f"{name!r} is no slot: write a or b")


def boot_partition(slot: Slot) -> int:
    """Return the number of a slot's FAT partition (scheme ``partition``)."""
    return _PARTITIONS[slot]


def autoboot_text(primary: Slot) -> bytes:
    """Return ``autoboot.txt`` for this primary slot; the other is the one to try."""
    lines = [
        "[all]",
        "tryboot_a_b=1",
        f"boot_partition={_PARTITIONS[primary]}",
        "[tryboot]",
        f"boot_partition={_PARTITIONS[other(primary)]}",
    ]
    return _padded(lines)


def prefix_text(slot: Slot) -> bytes:
    """Return ``config.txt`` or ``tryboot.txt`` for this slot; everything else stands in ``phone.txt`` beside it."""
    return _padded([f"os_prefix={slot}/", f"include {_PHONE}"])


def read_autoboot(data: bytes) -> Choice:
    """Return what ``autoboot.txt`` says. Raises SlotError for whatever else it may hold."""
    section = "all"
    found: dict[str, Slot] = {}
    tryboot_a_b = False
    for line in _lines(data, AUTOBOOT):
        if line.startswith("["):
            section = line.removeprefix("[").removesuffix("]") if line.endswith("]") else ""
            if section not in ("all", "tryboot", "none"):
                raise SlotError(_unknown(AUTOBOOT, line))
            continue
        if section == "none":
            continue
        name, _, value = line.partition("=")
        if name == "tryboot_a_b" and value in ("0", "1"):
            tryboot_a_b = value == "1"
        elif name == "boot_partition":
            slot = next((slot for slot, number in _PARTITIONS.items() if value == str(number)), None)
            if slot is None:
                raise SlotError(f"{AUTOBOOT}: boot_partition is 2 (slot a) or 3 (slot b), not {value[:20]!r}")
            found[section] = slot
        else:
            raise SlotError(_unknown(AUTOBOOT, line))
    if not tryboot_a_b:
        raise SlotError(f"{AUTOBOOT}: tryboot_a_b=1 is missing: no other slot could be tried; write the file anew")
    if "all" not in found:
        raise SlotError(f"{AUTOBOOT}: no boot_partition under [all]: write the file anew")
    return Choice(found["all"], found.get("tryboot", found["all"]))


def read_prefix(data: bytes, name: str = CONFIG) -> Slot:
    """Return the slot that ``config.txt`` or ``tryboot.txt`` chooses. Raises SlotError for anything else."""
    slot: Slot | None = None
    included = False
    for line in _lines(data, name):
        if line.startswith("os_prefix="):
            value = line.partition("=")[2]
            slot = next((slot for slot in SLOTS if value == f"{slot}/"), None)
            if slot is None:
                raise SlotError(f"{name}: os_prefix is a/ or b/, not {value[:20]!r}")
        elif line == f"include {_PHONE}":
            included = True
        else:
            raise SlotError(_unknown(name, line))
    if slot is None or not included:
        raise SlotError(f"{name}: os_prefix=a/ (or b/) and `include {_PHONE}` must stand there: write the file anew")
    return slot


def choice_in(scheme: Scheme, files: dict[str, bytes]) -> Choice:
    """Return what the firmware would start; ``files`` are the slot files of this scheme by name.

    A missing ``tryboot.txt`` starts nothing else: trial and primary are the same then. Raises SlotError.
    """
    if scheme == "partition":
        return read_autoboot(_there(files, AUTOBOOT))
    primary = read_prefix(_there(files, CONFIG))
    return Choice(primary, read_prefix(files[TRYBOOT], TRYBOOT) if TRYBOOT in files else primary)


def files_for(scheme: Scheme, primary: Slot) -> dict[str, bytes]:
    """Return the slot files with this primary slot, the one to try being the other; in the order to write them."""
    if scheme == "partition":
        return {AUTOBOOT: autoboot_text(primary)}
    return {CONFIG: prefix_text(primary), TRYBOOT: prefix_text(other(primary))}


def file_names(scheme: Scheme) -> tuple[str, ...]:
    """Return the names of the slot files."""
    return (AUTOBOOT,) if scheme == "partition" else (CONFIG, TRYBOOT)


def kernel_command_line(text: str, slot: Slot, scheme: Scheme) -> str:
    """Return ``cmdline.txt`` for a slot: the words of ``text``, with this slot's root and names in place of others.

    A kernel that cannot go on restarts (``panic=``): else one that finds no root would stand there, and not fall back.
    """
    own = ("root=", "offhook.slot=", "offhook.scheme=", "offhook.tryboot=")
    kept = [word for word in text.split() if not word.startswith(own)]
    if not any(word.startswith("panic=") for word in kept):
        kept.append("panic=10")
    return " ".join([f"root=PARTLABEL=root_{slot}", f"offhook.slot={slot}", f"offhook.scheme={scheme}", *kept])


def _padded(lines: list[str]) -> bytes:
    text = "\n".join(lines) + "\n"
    return text.encode().ljust(LENGTH, b"\n")


def _lines(data: bytes, name: str) -> list[str]:
    if len(data) > SECTOR:
        raise SlotError(f"{name} has {len(data)} bytes, and {SECTOR} are the most: write it anew")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise SlotError(f"{name} is not plain text: write it anew") from None
    lines = (line.partition("#")[0].strip() for line in text.replace("\r", "\n").split("\n"))
    return [line for line in lines if line]


def _unknown(name: str, line: str) -> str:
    return f"{name}: {line[:40]!r} is not understood, so nothing is changed: remove the line"


def _there(files: dict[str, bytes], name: str) -> bytes:
    if name not in files:
        raise SlotError(f"{name} is missing on the boot partition: write it anew")
    return files[name]
