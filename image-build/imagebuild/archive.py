"""Debian packages of another suite or architecture than this machine's, fetched and verified by this machine's apt."""

import threading
from collections.abc import Sequence
from pathlib import Path

from imagebuild.command import run
from imagebuild.debian import Arch, Mirror, Suite


class Archive:
    """One suite and architecture, with apt's state in a folder of its own; may be asked from several threads."""

    def __init__(self, suite: Suite, arch: Arch, folder: Path) -> None:
        """``folder`` is made; nothing is fetched before it is needed. Raises BuildError where apt knows no Debian."""
        self.arch = arch
        self._folder = folder
        self._fresh = False
        self._lock = threading.Lock()
        for name in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/trusted.gpg.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(Mirror.of_this_machine().sources(suite))
        self._options = [
            *("-o", f"APT::Architecture={arch}", "-o", f"APT::Architectures::={arch}"),
            *("-o", f"Dir::Etc={folder / 'etc'}", "-o", f"Dir::Etc::SourceList={folder / 'sources.list'}"),
            *("-o", f"Dir::State={folder / 'state'}", "-o", f"Dir::State::status={folder / 'status'}"),
            *("-o", f"Dir::Cache={folder / 'cache'}", "-o", "APT::Install-Recommends=false"),
            *("-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"),
        ]

    def depends(self, package: str) -> list[str]:
        """The names that a package depends on. Raises BuildError."""
        words = [word.strip() for word in self._field(package, "Depends").split(",")]
        return [word.split()[0].split(":")[0] for word in words if word]

    def version(self, package: str) -> str:
        """The version that would be fetched. Raises BuildError."""
        return self._field(package, "Version")

    def fetch(self, packages: Sequence[str], into: Path) -> list[Path]:
        """Fetch these packages (``name`` or ``name=version``) and no others. Raises BuildError."""
        self._refresh()
        into.mkdir(parents=True, exist_ok=True)
        before = set(into.glob("*.deb"))
        run(["apt-get", *self._options, "download", *packages], cwd=into)
        return sorted(set(into.glob("*.deb")) - before)

    def fetch_all(self, packages: Sequence[str]) -> list[Path]:
        """Fetch these packages with everything that they depend on. Raises BuildError."""
        self._refresh()
        run(["apt-get", *self._options, "install", "--yes", "--download-only", "--no-install-recommends", *packages])
        return sorted((self._folder / "cache" / "archives").glob("*.deb"))

    def _field(self, package: str, name: str) -> str:
        self._refresh()
        text = run(["apt-cache", *self._options, "show", "--no-all-versions", package])
        lines = [line.split(": ", 1)[1] for line in text.splitlines() if line.startswith(f"{name}: ")]
        return lines[0] if lines else ""

    def _refresh(self) -> None:
        with self._lock:
            if not self._fresh:
                run(["apt-get", *self._options, "update"])
                self._fresh = True
