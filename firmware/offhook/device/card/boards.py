"""The board files that come with offhook, by name."""

from pathlib import Path

from offhook.config.disk import StoreError


class BoardFolder:
    """A folder of ``NAME.yaml``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        """Return the names of all boards; none where there is no such folder."""
        return sorted(file.stem for file in self._path.glob("*.yaml"))

    def text(self, name: str) -> bytes:
        """Return one board's file. Raises StoreError."""
        try:
            return (self._path / f"{name}.yaml").read_bytes()
        except OSError as error:
            raise StoreError(f"board file {name} cannot be read ({error.strerror}): install offhook again") from error
