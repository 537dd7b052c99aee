"""``packages.yaml``: which Debian packages a device carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import yaml

from imagebuild.debian import Suite, suite_of
from imagebuild.errors import BuildError

Kind = Literal["rpi", "virt"]
PACKAGES_FILE = Path(__file__).parent.parent / "packages.yaml"


@dataclass(frozen=True, slots=True)
class PackageSet:
    """Names in ``suite``: those of every device, and those of one kind of device beside them."""

    suite: Suite
    device: tuple[str, ...]
    rpi: tuple[str, ...]
    virt: tuple[str, ...]

    @classmethod
    def read(cls, path: Path = PACKAGES_FILE) -> "PackageSet":
        """Raises BuildError for what is no list of packages."""
        data = yaml.safe_load(path.read_text())
        if not isinstance(data, Mapping) or set(data) != {"suite", "device", "rpi", "virt"}:
            raise BuildError(f"{path} must have suite, device, rpi and virt, and nothing else")
        lists = {key: cls._names(path, key, data[key]) for key in ("device", "rpi", "virt")}
        twice = sorted(name for name in lists["device"] if name in (*lists["rpi"], *lists["virt"]))
        if twice:
            raise BuildError(f"{path}: {', '.join(twice)}: of every device already, take it from the other list")
        return cls(suite=suite_of(str(data["suite"])), **lists)

    def of(self, kind: Kind) -> tuple[str, ...]:
        """Everything that a device of this kind carries."""
        return tuple(sorted({*self.device, *(self.rpi if kind == "rpi" else self.virt)}))

    @staticmethod
    def _names(path: Path, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise BuildError(f"{path}: {key} must be a list of package names")
        names = cast(list[str], value)
        if len(set(names)) != len(names):
            raise BuildError(f"{path}: {key} names a package twice")
        return tuple(names)
