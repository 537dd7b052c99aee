"""Programs of another architecture run by qemu-user, through the kernel's binfmt_misc."""

import subprocess
from pathlib import Path

from imagebuild.debian import Arch, this_arch
from imagebuild.errors import BuildError

REGISTRY = Path("/proc/sys/fs/binfmt_misc")
_ENTRIES: dict[Arch, str] = {"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}


def have_emulation(arch: Arch) -> None:
    """See to it that programs of ``arch`` run here, also inside a chroot. Raises BuildError where they cannot."""
    if arch == this_arch():
        return
    if not (REGISTRY / "register").exists():
        _try(["mount", "-t", "binfmt_misc", "binfmt_misc", str(REGISTRY)])
    entry = REGISTRY / _ENTRIES[arch]
    if not is_ready(entry):
        _try(["update-binfmts", "--import"])
        _try(["update-binfmts", "--enable", entry.name])
    if not is_ready(entry):
        raise BuildError(
            f"programs for {arch} do not run on this machine ({entry} is not there or not enabled):"
            " apt-get install qemu-user-static binfmt-support"
        )


def is_ready(entry: Path) -> bool:
    """Whether a registration is enabled and fixed: flag F opens the interpreter at once, so a chroot needs none."""
    try:
        lines = entry.read_text().splitlines()
    except OSError:
        return False
    return "enabled" in lines and any(line.startswith("flags:") and "F" in line for line in lines)


def _try(command: list[str]) -> None:
    try:
        subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError:
        return  # have_emulation says what is missing
