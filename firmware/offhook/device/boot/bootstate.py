"""Which slot this start runs on, and whether it is a trial.

The kernel command line says ``offhook.slot=``, ``offhook.scheme=`` and, where a launcher plays the boot firmware,
``offhook.tryboot=1``. The real firmware says the last in ``/proc/device-tree/chosen/bootloader/tryboot``, a 32-bit
number, big-endian (as everything in a device tree).
"""

from dataclasses import dataclass
from pathlib import Path

from offhook.device.boot.slots import SLOTS, Scheme, Slot, boot_partition

_SCHEMES: tuple[Scheme, Scheme] = ("partition", "prefix")
_BOOTLOADER = Path("proc/device-tree/chosen/bootloader")
_LONGEST = 65536


@dataclass(frozen=True, slots=True)
class BootState:
    """``trial``: this start happens once; any reset before the commit leads back to the other slot."""

    slot: Slot
    scheme: Scheme
    trial: bool


def boot_state(command_line: str, tryboot: bytes | None = None, partition: bytes | None = None) -> BootState | None:
    """Return what the boot firmware said; None on a machine without slots.

    ``tryboot`` and ``partition`` are the device tree's properties, None where there are none. A firmware that started
    the other partition than the command line says was not ours: then this is no trial, and nothing is committed.
    """
    words = dict(word.split("=", 1) for word in command_line.split() if "=" in word)
    slot = next((slot for slot in SLOTS if words.get("offhook.slot") == slot), None)
    scheme = next((scheme for scheme in _SCHEMES if words.get("offhook.scheme") == scheme), None)
    if slot is None or scheme is None:
        return None
    trial = words.get("offhook.tryboot") == "1" or bool(_number(tryboot))
    started = _number(partition)
    if scheme == "partition" and started and started != boot_partition(slot):
        trial = False
    return BootState(slot, scheme, trial)


def read_boot_state(root: Path = Path("/")) -> BootState | None:
    """Return :func:`boot_state` of this machine (of what lies under ``root``)."""
    line = _read(root / "proc/cmdline") or b""
    tree = root / _BOOTLOADER
    return boot_state(line.decode("ascii", "replace"), _read(tree / "tryboot"), _read(tree / "partition"))


def _number(data: bytes | None) -> int | None:
    return int.from_bytes(data, "big") if data is not None and len(data) == 4 else None


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except OSError:
        return None
