"""Files with the rights that their readers want, from the first moment on."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from offhook.config.disk import Directory


@dataclass(frozen=True, slots=True)
class Rights:
    """Mode of a file, and the group that may read it; a group that this machine lacks is left out."""

    mode: int = 0o600
    group: str | None = None


class PlacedDirectory(Directory):
    """A directory whose files get rights by their names; ``NAME.new`` gets those of ``NAME``."""

    def __init__(self, path: Path, rights: Mapping[str, Rights]) -> None:
        super().__init__(path)
        self._rights = rights

    def write(self, name: str, data: bytes) -> None:
        super().write(name, data)
        rights = self._rights.get(name.removesuffix(".new"))
        if rights is None:
            return
        try:
            if rights.group is not None:
                with suppress(LookupError, PermissionError):
                    shutil.chown(self.path / name, group=rights.group)
            os.chmod(self.path / name, rights.mode)
        except OSError as error:
            raise self._refused("written", error) from error
