"""One Debian package of the phone: its tree, its control data (deb-control(5)) and its maintainer scripts."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from imagebuild.buildroot import BuildRoot
from imagebuild.debian import Arch, Suite
from imagebuild.errors import BuildError
from imagebuild.payload import Payload
from imagebuild.privatevenv import BUILD_PACKAGES, PREFIX, PrivateVenv, size_of

SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_NOTE = ".inputs"
_INPUTS = (
    *("firmware/offhook/**/*", "systemd/**/*", "boardconfig/*", "image-build/package/*", "requirements-device.lock"),
    *("README.md", "CHANGELOG.md", "LICENSE", "docs/*.md"),
    *(f"image-build/imagebuild/{name}.py" for name in ("buildroot", "debian", "debpackage", "lock")),
    *(f"image-build/imagebuild/{name}.py" for name in ("payload", "privatevenv")),
)


def version_of(source: Path) -> str:
    """Return offhook's own version, read from its source. Raises BuildError where it says none."""
    found = re.search(r'^__version__ = "([^"]+)"$', (source / "firmware/offhook/__init__.py").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError("firmware/offhook/__init__.py says no __version__: add it")
    return found[1]


class DebPackage:
    """Builds ``offhook_VERSION~debN_ARCH.deb`` for one suite and architecture."""

    def __init__(self, source: Path, suite: Suite, arch: Arch) -> None:
        """``source``: the checkout."""
        self._source, self._suite, self._arch = source, suite, arch
        self.version = f"{version_of(source)}~deb{suite.number}"

    @property
    def name(self) -> str:
        """The file's name."""
        return f"offhook_{self.version}_{self._arch}.deb"

    def inputs(self) -> str:
        """Return a digest of everything that goes in: the package is current while it stays the same."""
        seen = hashlib.sha256(self.name.encode())
        for pattern in _INPUTS:
            for path in sorted(self._source.glob(pattern)):
                if path.is_file() and "__pycache__" not in path.parts:
                    seen.update(f"{path.relative_to(self._source)}\0".encode() + path.read_bytes())
        return seen.hexdigest()

    def current(self, folder: Path) -> Path | None:
        """Return the package that lies in ``folder`` where it was built of just this tree."""
        path = folder / self.name
        try:
            fits = path.with_suffix(_NOTE).read_text() == self.inputs()
        except OSError:
            return None
        return path if fits and path.exists() else None

    def build(self, folder: Path, fresh: bool = False) -> Path:
        """Build it into ``folder`` and return its path; ``fresh`` makes everything anew. Raises BuildError."""
        inputs = self.inputs()
        build_root = BuildRoot(self._suite, self._arch, BUILD_PACKAGES)
        if fresh:
            build_root.forget()
        with build_root.open() as root:
            venv = PrivateVenv(root, build_root, self._source)
            venv.build(fresh)
            venv.try_imports()
            stage = root.path / "stage"
            stage.mkdir()
            payload = Payload(self._source, stage)
            payload.lay(venv.site)
            shutil.copytree(venv.folder, stage / PREFIX.lstrip("/"), symlinks=True)
            self._control(stage, payload, venv.libraries)
            path = self._pack(stage, folder)
        path.with_suffix(_NOTE).write_text(inputs)
        return path

    def _control(self, stage: Path, payload: Payload, libraries: str) -> None:
        folder = stage / "DEBIAN"
        folder.mkdir(mode=0o755)
        python = f"python3 (>= {self._suite.python}), python3 (<< {self._suite.next_python})"
        fields = {
            "Package": "offhook",
            "Version": self.version,
            "Architecture": self._arch,
            "Maintainer": "The offhook developers <offhook@localhost>",
            "Installed-Size": str(size_of(stage) // 1024),
            "Depends": f"{python}, {libraries}, systemd, udev",
            "Recommends": "espeak-ng, network-manager, iw",
            "Suggests": "alsa-utils",
            "Section": "comm",
            "Priority": "optional",
            "Description": "Phone firmware that turns a Raspberry Pi into a real telephone\n"
            " A SIP telephone with a real hook switch, keypad or rotary dial, bell and handset.\n"
            " All that it needs of Python is inside, in an environment of its own.",
        }
        (folder / "control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
        for name in SCRIPTS:
            text = (self._source / "image-build" / "package" / name).read_text()
            text = text.replace("@UNITS@", " ".join(payload.units.all))
            path = folder / name
            path.write_text(text.replace("@ENABLED@", " ".join(payload.units.enabled)))
            path.chmod(0o755)

    def _pack(self, stage: Path, folder: Path) -> Path:
        """Pack with this machine's own dpkg-deb; zstd takes 4 s where xz takes 50, for a fifth more bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / self.name
        part = target.with_suffix(".part")
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(self._epoch())}
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Zzstd", "-z10", str(stage), str(part)]
        if subprocess.run(command, env=env, stdout=sys.stderr, check=False).returncode != 0:
            raise BuildError("dpkg-deb cannot pack: see what it says above")
        part.rename(target)
        return target

    def _epoch(self) -> int:
        """Return the time of the last commit, or of the changelog outside of a checkout: two builds then are alike."""
        asked = ["git", "-C", str(self._source), "log", "-1", "--format=%ct"]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, check=True)
            return int(done.stdout)
        except (OSError, ValueError, subprocess.CalledProcessError):
            return int((self._source / "CHANGELOG.md").stat().st_mtime)
