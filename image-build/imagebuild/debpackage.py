"""One Debian package of the phone: its tree, its control data (deb-control(5)) and its maintainer scripts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from imagebuild.buildroot import BuildRoot, OpenRoot
from imagebuild.debian import Arch, Suite
from imagebuild.errors import BuildError
from imagebuild.payload import Payload
from imagebuild.privatevenv import BUILD_PACKAGES, PREFIX, PrivateVenv, elf_files, size_of

SCRIPTS = ("postinst", "prerm", "postrm")
_STAGE = "stage"
_SYMBOLS = "shlibs:Depends="


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

    def build(self, folder: Path, fresh: bool = False) -> Path:
        """Build it into ``folder`` and return its path; ``fresh`` makes the build root anew. Raises BuildError."""
        build_root = BuildRoot(self._suite, self._arch, BUILD_PACKAGES)
        if fresh:
            build_root.forget()
        with build_root.open() as root:
            venv = PrivateVenv(root, self._suite, self._source / "requirements-device.lock", self._source / "firmware")
            venv.build()
            venv.strip()
            venv.try_imports()
            stage = root.path / _STAGE
            stage.mkdir()
            payload = Payload(self._source, stage)
            payload.lay(venv.site)
            shutil.copytree(venv.folder, stage / PREFIX.lstrip("/"), symlinks=True)
            (stage / "DEBIAN").mkdir()
            self._control(stage, payload, self._libraries(root, stage))
            return self._pack(stage, folder)

    def _libraries(self, root: OpenRoot, stage: Path) -> str:
        """Ask dpkg-shlibdeps(1) which system libraries, from which version on, the extension modules need."""
        work = root.path / "tmp" / "shlibs" / "debian"
        work.mkdir(parents=True)
        (work / "control").write_text("Source: offhook\n\nPackage: offhook\nArchitecture: any\n")
        modules = elf_files(stage)
        private = sorted({path.parent for path in modules if path.parent.name.endswith(".libs")})
        command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0"]
        command += [f"-l/{path.relative_to(root.path)}" for path in private]
        command += [f"-e/{path.relative_to(root.path)}" for path in modules]
        said = root.run(command, cwd="/tmp/shlibs", capture=True)
        line = next((line for line in said.splitlines() if line.startswith(_SYMBOLS)), "")
        if "libc6" not in line:
            raise BuildError("dpkg-shlibdeps names no libc6: see what it says above")
        return line.removeprefix(_SYMBOLS)

    def _control(self, stage: Path, payload: Payload, libraries: str) -> None:
        folder = stage / "DEBIAN"
        folder.chmod(0o755)
        python = f"python3 (>= {self._suite.python}), python3 (<< {self._suite.next_python})"
        fields = {
            "Package": "offhook",
            "Version": self.version,
            "Architecture": self._arch,
            "Maintainer": "The offhook developers <offhook@localhost>",
            "Installed-Size": str(size_of(stage) // 1024),
            "Depends": f"{python}, {libraries}, systemd, udev",
            "Recommends": "espeak-ng, network-manager",
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
        """Pack with this machine's own dpkg-deb: it is fast, and what it writes is the same for every architecture."""
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / self.name
        part = target.with_suffix(".part")
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(self._epoch())}
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", str(stage), str(part)]
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
