"""What a Raspberry Pi's boot firmware does before Linux, done by the launcher of the virtual phone.

QEMU starts a kernel that it is given; which one is decided here, from the files that the real firmware reads:
``autoboot.txt`` on the first partition, ``config.txt`` or ``tryboot.txt``, and ``cmdline.txt``. Source: the Raspberry
Pi documentation, "config.txt" and "bootloader configuration" (conditional filters, ``boot_partition``, ``tryboot_a_b``,
``os_prefix``). It has not been compared with hardware yet.
"""

from collections.abc import Callable
from dataclasses import dataclass

from imagebuild.errors import BuildError

AUTOBOOT_LIMIT = 512
DEFAULT_KERNEL, DEFAULT_INITRAMFS = "kernel8.img", "initramfs8"
_INCLUDE_DEPTH = 8

ReadFile = Callable[[int, str], bytes | None]


class NoBootError(BuildError):
    """This choice does not start: the real firmware would reset, and try without the flag."""


@dataclass(frozen=True, slots=True)
class BootChoice:
    """What is to be started."""

    partition: int
    prefix: str
    kernel: bytes
    initramfs: bytes | None
    cmdline: str
    tryboot: bool


def settings(text: str, *, tryboot: bool) -> dict[str, str]:
    """The settings of one file that hold: the last of each name, under ``[all]`` and, in a trial, ``[tryboot]``."""
    found: dict[str, str] = {}
    holds = True
    for line in text.splitlines():
        entry = line.split("#", 1)[0].strip()
        if entry.startswith("[") and entry.endswith("]"):
            name = entry[1:-1].strip().lower()
            holds = name == "all" or (name == "tryboot" and tryboot)
        elif holds and "=" in entry:
            name, value = entry.split("=", 1)
            found[name.strip()] = value.strip()
        elif holds and entry:
            words = entry.split()  # "include FILE" and "initramfs FILE followkernel" have no sign
            found[words[0]] = " ".join(words[1:])
    return found


class BootFirmware:
    """Chooses what starts from a disk whose FAT partitions ``read(number, path)`` reads; None: no such file."""

    def __init__(self, read: ReadFile) -> None:
        self._read = read

    def choose(self, *, tryboot: bool) -> BootChoice:
        """With the flag the trial, or what is committed when the trial does not start. Raises NoBootError."""
        if tryboot:
            try:
                return self._choose(tryboot=True)
            except NoBootError:
                pass  # the flag is cleared before anything is tried
        return self._choose(tryboot=False)

    def _choose(self, *, tryboot: bool) -> BootChoice:
        autoboot = settings(self._text(1, "autoboot.txt", AUTOBOOT_LIMIT) or "", tryboot=tryboot)
        try:
            partition = int(autoboot.get("boot_partition", "1"))
        except ValueError:
            raise NoBootError(f"autoboot.txt: boot_partition={autoboot['boot_partition']} is no number") from None
        by_partition = autoboot.get("tryboot_a_b") == "1"
        config_name = "tryboot.txt" if tryboot and not by_partition else "config.txt"
        text = self._text(partition, config_name)
        if text is None:
            raise NoBootError(f"partition {partition} has no {config_name}")
        config = self._included(partition, text, tryboot=tryboot, depth=0)
        prefix = config.get("os_prefix", "")
        kernel_name = config.get("kernel", DEFAULT_KERNEL)
        kernel = self._read(partition, prefix + kernel_name)
        if not kernel:
            raise NoBootError(f"partition {partition} has no {prefix}{kernel_name}")
        initramfs_name = DEFAULT_INITRAMFS if config.get("auto_initramfs") == "1" else ""
        if "initramfs" in config:
            initramfs_name = (config["initramfs"].split() or [""])[0]
        initramfs = self._read(partition, prefix + initramfs_name) if initramfs_name else None
        words = (self._text(partition, prefix + config.get("cmdline", "cmdline.txt")) or "").split("\n", 1)[0].split()
        if tryboot:
            words.append("offhook.tryboot=1")
        return BootChoice(partition, prefix, kernel, initramfs, " ".join(words), tryboot)

    def _included(self, partition: int, text: str, *, tryboot: bool, depth: int) -> dict[str, str]:
        config = settings(text, tryboot=tryboot)
        name = config.pop("include", "")
        if not name or depth >= _INCLUDE_DEPTH:
            return config
        return {
            **self._included(partition, self._text(partition, name) or "", tryboot=tryboot, depth=depth + 1),
            **config,
        }

    def _text(self, partition: int, name: str, limit: int | None = None) -> str | None:
        content = self._read(partition, name)
        return None if content is None else content[:limit].decode("utf-8", errors="replace")
