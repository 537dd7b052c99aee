"""A slot's boot files (kernel, initramfs, device trees, ``cmdline.txt``), copied from its root to where firmware looks.

The root holds them in ``usr/lib/offhook-boot/``. While they are copied the slot cannot be started, and nobody does: it
is not the one that runs, and it is tried only when all of this is done.
"""

import os
import shutil
from pathlib import Path

from offhook.config.disk import sync_path
from offhook.device.boot.slots import Scheme, Slot, kernel_command_line
from offhook.errors import DeviceError

FOLDER = Path("usr/lib/offhook-boot")
COMMAND_LINE = "cmdline.txt"


def copy_boot_files(root: Path, target: Path, slot: Slot, scheme: Scheme) -> None:
    """Make ``target`` (the slot's FAT partition or folder) hold the boot files of ``root``, and nothing else.

    Returns when all of it is on the disk. Raises DeviceError.
    """
    source = root / FOLDER
    try:
        line = (source / COMMAND_LINE).read_text("ascii")
        target.mkdir(exist_ok=True)
        for entry in list(os.scandir(target)):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        for path in sorted(source.rglob("*")):
            place = target / path.relative_to(source)
            if path.is_dir():
                place.mkdir()
            elif path != source / COMMAND_LINE:
                shutil.copyfile(path, place)  # FAT knows neither owners nor links
        (target / COMMAND_LINE).write_text(kernel_command_line(line, slot, scheme) + "\n", "ascii")
        _sync(target)
    except (OSError, UnicodeError, shutil.Error) as error:
        raise DeviceError(f"the boot files of slot {slot} cannot be copied to {target} ({error})") from error


def _sync(target: Path) -> None:
    for folder, _, names in os.walk(target, topdown=False):
        for name in (*names, "."):
            sync_path(Path(folder) / name)
