"""The phone's package for an image: built when what it is made from has changed."""

from pathlib import Path

from imagebuild.cache import tree_digest
from imagebuild.debian import Arch, Suite
from imagebuild.debpackage import DebPackage

_MADE_FROM = ("firmware", "boardconfig", "systemd", "image-build/package", "requirements-device.lock", "docs")
_MADE_BY = ("debpackage.py", "payload.py", "privatevenv.py")


class PhonePackage:
    """``build/deb/offhook_*.deb`` of one suite and architecture, with a note beside it of what it was made from."""

    def __init__(self, source: Path, suite: Suite, arch: Arch) -> None:
        """``source``: the checkout."""
        self._source = source
        self._package = DebPackage(source, suite, arch)
        self._folder = source / "build" / "deb"

    def make(self) -> Path:
        """Return the package, building it when it is not there or no longer right. Raises BuildError."""
        path = self._folder / self._package.name
        note = path.with_suffix(".inputs")
        wanted = self._inputs()
        if not path.exists() or not note.exists() or note.read_text() != wanted:
            note.unlink(missing_ok=True)
            path = self._package.build(self._folder)
            note.write_text(wanted)
        return path

    def _inputs(self) -> str:
        code = self._source / "image-build" / "imagebuild"
        return tree_digest(*(self._source / name for name in _MADE_FROM), *(code / name for name in _MADE_BY))
