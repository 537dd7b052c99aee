"""What the launcher must know of an image: ``image.json`` beside the disk."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from imagebuild.debian import Arch
from imagebuild.errors import BuildError
from imagebuild.layout import DiskLayout, Scheme

NAME = "image.json"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image: which machine it is for, how it is partitioned, and from what it was made."""

    arch: Arch
    scheme: Scheme
    disk: str
    """The file's name, in the same folder."""
    boot_mib: int
    root_mib: int
    data_mib: int
    kernel: str
    compatible: str
    """The kind of machine, as update bundles name it."""
    package: str
    """The offhook package in it."""
    digest: str
    """Of everything that it was made from."""

    @property
    def layout(self) -> DiskLayout:
        """Where its partitions lie."""
        return DiskLayout.of(self.scheme, root=self.root_mib, data=self.data_mib, boot=self.boot_mib)

    def write(self, folder: Path) -> None:
        """Write it beside the disk; last of all, for what has this file is whole."""
        (folder / NAME).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "ImageFacts":
        """Raises BuildError when no image was built there."""
        try:
            return cls(**json.loads((folder / NAME).read_text()))
        except (OSError, ValueError, TypeError):
            raise BuildError(
                f"there is no image in {folder}: build one with ./dev image --arch {folder.name}"
            ) from None
