"""The phone's package for an image: built when what it is made from has changed."""

from pathlib import Path

from imagebuild.debian import Arch, Suite
from imagebuild.debpackage import DebPackage


class PhonePackage:
    """``build/deb/offhook_*.deb`` of one suite and architecture, the same that ``./dev deb`` builds."""

    def __init__(self, source: Path, suite: Suite, arch: Arch) -> None:
        """``source``: the checkout."""
        self._package = DebPackage(source, suite, arch)
        self._folder = source / "build" / "deb"

    def make(self) -> Path:
        """Return the package, building it when it is not there or no longer right. Raises BuildError."""
        return self._package.current(self._folder) or self._package.build(self._folder)
