"""A small initramfs: busybox, the few modules that find the root, and one script."""

from pathlib import Path

from imagebuild.command import run
from imagebuild.kernel import Kernel, ModuleList

INIT = Path(__file__).parent.parent / "virt" / "init"
_DIRECTORY, _FILE, _DEVICE = 0o040755, 0o100000, 0o020600


def newc(entries: list[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive in the format that the kernel reads (``Documentation/driver-api/early-userspace``).

    ``entries`` are names, modes with their type, and contents; all belong to root and were made at the epoch.
    """
    archive = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        console = (5, 1) if mode & 0o170000 == 0o020000 else (0, 0)
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *console, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + content
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


class Initrd:
    """The initramfs of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def write(self, path: Path) -> None:
        """Write it, compressed. Raises BuildError."""
        modules = self._kernel.load_order(*ModuleList.read().initramfs)
        folders = ("bin", "dev", "lib", "lib/modules", "mnt", "proc", "run", "sys")
        entries = [(folder, _DIRECTORY, b"") for folder in folders]
        entries.append(("dev/console", _DEVICE, b""))
        entries.append(("bin/busybox", _FILE | 0o755, self._kernel.busybox.read_bytes()))
        entries.append(("init", _FILE | 0o755, INIT.read_bytes()))
        entries.append(("modules", _FILE | 0o644, "".join(f"{module.name}\n" for module in modules).encode()))
        entries += [(f"lib/modules/{module.name}", _FILE | 0o644, module.read_bytes()) for module in modules]
        run(["zstd", "-q", "-10", "-f", "-o", path], stdin=newc(entries))
