"""Everything at once: the source directory for rpi-image-gen, the package list, the boards."""

from pathlib import Path

from imagebuild.lint.fault import Fault
from imagebuild.lint.firmware_text import scheme_faults
from imagebuild.lint.fstab import fstab_faults
from imagebuild.lint.genimage import PARTITIONS, template_faults
from imagebuild.lint.sources import config_faults, layer_faults, package_faults, read_layers
from imagebuild.lint.wiring import board_faults

ROOT = Path(__file__).resolve().parents[3]


def lint(root: Path = ROOT) -> list[Fault]:
    """Return every fault of a checkout, sorted by place."""
    source = root / "image-build" / "rpi"
    layers, faults = read_layers(source)
    faults += layer_faults(source, layers)
    configs = sorted((source / "config").glob("*.yaml"))
    if not configs:
        faults.append(Fault("config", 0, "has no config"))
    for config in configs:
        faults += config_faults(source, layers, config)
    faults += package_faults(source, layers, root / "image-build" / "packages.yaml")
    faults += fstab_faults(root / "image-build" / "overlay" / "etc" / "fstab")
    for scheme in PARTITIONS:
        faults += template_faults(source, scheme)
        faults += scheme_faults(source, scheme)
    main = (source / "boot" / "partition" / "config.txt", source / "boot" / "prefix" / "phone.txt")
    boot = {str(path.relative_to(source)): path.read_text() for path in main if path.is_file()}
    for board in sorted((root / "boardconfig").glob("*.yaml")):
        faults += board_faults(board, boot)
    return sorted(set(faults))
