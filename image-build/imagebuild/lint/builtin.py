"""The layers of rpi-image-gen that ours stand on, as far as it matters here.

Read from the repository raspberrypi/rpi-image-gen in August 2026 (files ``layer/**``, ``device/*/device.yaml``); traits
(names with a colon) are resolved by its registry and left out. What an upgrade changes is seen by its own
``rpi-image-gen layer -S image-build/rpi --lint`` only.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Needs:
    """What a layer requires, provides, and wants to be provided by exactly one layer of the build."""

    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()


BUILTIN: Mapping[str, Needs] = {
    "debian-trixie-arm64": Needs(("locale-base",), ("debian-base",)),
    "device-base": Needs(wants=("device",)),
    "image-base": Needs(wants=("device",)),
    "linux-base": Needs(),
    "locale-base": Needs(),
    "rpi-boot-bsp": Needs(),
    "rpi-boot-firmware": Needs(("rpi-boot-bsp", "linux-base")),
    "rpi-debian-trixie": Needs(),
    "rpi-device-base": Needs(("device-base", "rpi-boot-firmware"), ("device",), ("rpi-device",)),
    "rpi-generic64": Needs(("rpi-device-base", "rpi-linux-v8")),
    "rpi-linux-base": Needs(("linux-base",)),
    "rpi-linux-v8": Needs(("rpi-linux-base",)),
    "rpi3": Needs(("rpi-generic64",), ("rpi-device",)),
    "rpi4": Needs(("rpi-generic64",), ("rpi-device",)),
    "rpizero2w": Needs(("rpi-generic64",), ("rpi-device",)),
    "systemd-min": Needs(provides=("systemd-sysv",)),
}
SETTINGS: Mapping[str, frozenset[str]] = {
    "device": frozenset({"layer", "hostname", "storage_type", "sector_size"}),
    "image": frozenset({"layer", "name", "compression", "suffix"}),
}
"""Keys of a config's sections that built-in layers declare; ``layer`` chooses one."""
PHASES = (
    *("prebuild", "setup", "extract", "essential", "customize", "cleanup"),
    *("postbuild", "sbom", "preimage", "postimage", "finalize", "deploy"),
)
"""Phases of a build, which the names of hooks and overlays begin with."""
MMDEBSTRAP_KEYS = frozenset(
    {
        *("aptopts", "architectures", "components", "dpkgopts", "format", "hostname", "install-recommends", "keyrings"),
        *("mirrors", "mode", "packages", "suite", "target", "variant"),
        *("setup-hooks", "extract-hooks", "essential-hooks", "customize-hooks", "cleanup-hooks"),
    }
)
"""What bdebstrap takes under ``mmdebstrap`` (bdebstrap(1))."""
