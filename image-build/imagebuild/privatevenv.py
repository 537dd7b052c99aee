"""The private virtual environment of the device: what the lock names and offhook, compiled, and nothing else."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from imagebuild.buildroot import BuildRoot, OpenRoot, cache_folder, run_tar
from imagebuild.errors import BuildError
from imagebuild.leftovers import prune, remove
from imagebuild.lock import Locked, read_lock

PREFIX = "/usr/lib/offhook"

BUILD_PACKAGES = (
    *("python3", "python3-venv", "python3-dev", "gcc", "libc6-dev", "pkg-config", "make", "swig", "dpkg-dev"),
    *("libasound2-dev", "libsystemd-dev", "ca-certificates"),
)
"""What the sources among the locked packages are built with, in Debian's own names."""

FROM_SOURCE = ("pyalsaaudio", "systemd-python")
"""There are no wheels of these anywhere; lgpio has some, for Pythons before 3.13."""

BUILD_ONLY = ("setuptools",)
"""Locked because colorzero names it, but imported by nothing: it builds the sources and stays behind."""

_TRIAL = """
import aiohttp, alsaaudio, cffi, defusedxml, dns.resolver, gpiod, gpiozero, lgpio, msgspec, numpy, pydantic, pylibsrtp
import yaml
import systemd.daemon, systemd.journal
import offhook.daemon.build, offhook.media.alsa
assert lgpio.get_module_version().endswith("0.2.2.0"), "an empty lgpio was installed"
assert numpy.dot(numpy.ones(64), numpy.ones(64)) == 64
"""

_TOOLS = "/opt/tools"
_LIBRARIES_NOTE = "libraries"
_SYMBOLS = "shlibs:Depends="
_TEST_FOLDERS = ("tests",)
_SOURCES = (".a", ".h", ".c", ".cpp", ".pyx", ".pxd", ".pxi", ".pyi", ".pyc", ".f90", ".orig")
_INSTALL_NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL")


class PrivateVenv:
    """Builds the environment inside an open root, where it will lie on the device.

    What comes from the lock is kept as an archive in the cache: a change of offhook itself costs seconds.
    """

    def __init__(self, root: OpenRoot, build_root: BuildRoot, source: Path) -> None:
        """``root`` is ``build_root``, opened; ``source``: the checkout."""
        self._root, self._suite, self._firmware = root, build_root.suite, source / "firmware"
        lock = (source / "requirements-device.lock").read_text()
        self._locked = read_lock(lock)
        recipe = Path(__file__).read_text() + lock
        digest = hashlib.sha256((build_root.archive.name + recipe).encode()).hexdigest()[:16]
        self._kept = cache_folder() / "environments" / f"{build_root.suite.name}-{build_root.arch}-{digest}.tar"
        self.folder = root.path / PREFIX.lstrip("/")
        self.site = self.folder / "lib" / f"python{self._suite.python}" / "site-packages"
        self.libraries = ""
        """The system's libraries that it needs, as in a package's Depends; known once it is built."""

    def build(self, fresh: bool = False) -> None:
        """Make all of it, ``fresh``: without what is kept. Raises BuildError where a package cannot be had or built."""
        note = self.folder / _LIBRARIES_NOTE
        if self._kept.exists() and not fresh:
            os.utime(self._kept)  # used just now
            run_tar(["--extract", "--file", str(self._kept), "--directory", str(self._root.path)])
        else:
            self._install()
            self._prune()
            self._strip()
            note.write_text(self._ask_libraries())
            self._compile(PREFIX)
            self._keep()
        self.libraries = note.read_text()
        note.unlink()
        self._copy_firmware()
        self._compile(f"/{self.site.relative_to(self._root.path)}/offhook")

    def _install(self) -> None:
        python = f"/usr/bin/python{self._suite.python}"
        self._root.run([python, "-m", "venv", _TOOLS])
        self._root.run([python, "-m", "venv", "--without-pip", PREFIX])
        self._pip([entry for entry in self._locked if entry.name in BUILD_ONLY], "tools.txt")
        self._pip([entry for entry in self._locked if entry.name not in BUILD_ONLY], "packages.txt")

    def _keep(self) -> None:
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        part = self._kept.with_suffix(f".{os.getpid()}")
        run_tar(["--create", "--file", str(part), "--directory", str(self._root.path), PREFIX.lstrip("/")])
        part.rename(self._kept)
        prune(self._kept.parent, "*", lambda entry: entry)

    def _strip(self) -> None:
        """Take symbols out of what is ours to rewrite: libraries that auditwheel has patched do not bear it."""
        paths = [path for path in elf_files(self.folder) if not path.parent.name.endswith(".libs")]
        for start in range(0, len(paths), 50):
            inside = ["/" + str(path.relative_to(self._root.path)) for path in paths[start : start + 50]]
            self._root.run(["strip", "--strip-unneeded", *inside])

    def _ask_libraries(self) -> str:
        """Ask dpkg-shlibdeps(1) which system libraries, from which version on, the extension modules need."""
        (self._root.path / "DEBIAN").mkdir(exist_ok=True)  # by this it knows the tree of a package
        work = self._root.path / "tmp" / "shlibs" / "debian"
        work.mkdir(parents=True)
        (work / "control").write_text("Source: offhook\n\nPackage: offhook\nArchitecture: any\n")
        modules = elf_files(self.folder)
        private = sorted({path.parent for path in modules if path.parent.name.endswith(".libs")})
        command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0"]
        command += [f"-l/{path.relative_to(self._root.path)}" for path in private]
        command += [f"-e/{path.relative_to(self._root.path)}" for path in modules]
        said = self._root.run(command, cwd="/tmp/shlibs", capture=True)
        line = next((line for line in said.splitlines() if line.startswith(_SYMBOLS)), "")
        if "libc6" not in line:
            raise BuildError("dpkg-shlibdeps names no libc6: see what it says above")
        return line.removeprefix(_SYMBOLS)

    def try_imports(self) -> None:
        """Import everything that has been compiled, with all the libraries that it asks for. Raises BuildError."""
        self._root.run([f"{PREFIX}/bin/python", "-I", "-c", _TRIAL])

    def _pip(self, entries: list[Locked], name: str) -> None:
        """Install exactly these, each file checked by its hash, wheels where there are any."""
        (self._root.path / "tmp" / name).write_text("".join(f"{entry.text}\n" for entry in entries))
        sources = ["lgpio", *FROM_SOURCE] if self._suite.python == "3.13" else list(FROM_SOURCE)
        command = [f"{_TOOLS}/bin/pip", "--python", f"{PREFIX}/bin/python", "install", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--no-compile", "--no-build-isolation", "--use-pep517"]
        command += ["--only-binary", ":all:", "--no-binary", ",".join(sources), "-r", f"/tmp/{name}"]
        env = {
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
            "PIP_CACHE_DIR": "/var/cache/pip",
            "PYPI": "1",  # lgpio's setup.py: with liblgpio inside, which no Debian has
            **index_settings(),
        }
        # Downloads are shared; wheels that are built here end with the root.
        kept = cache_folder() / "pip"
        binds = {f"/var/cache/pip/{part}": kept / part for part in ("http", "http-v2")}
        for folder in binds.values():
            folder.mkdir(parents=True, exist_ok=True)
        self._root.run(command, binds=binds, env=env, network=True)

    def _copy_firmware(self) -> None:
        shutil.copytree(
            self._firmware / "offhook", self.site / "offhook", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )

    def _prune(self) -> None:
        """Take out what only building and testing need; licences and metadata stay."""
        names = [*BUILD_ONLY, "pkg_resources", "_distutils_hack", "distutils-precedence.pth"]
        for path in [self.site / name for name in names] + [
            path for name in BUILD_ONLY for path in self.site.glob(f"{name}-*.dist-info")
        ]:
            remove(path)
        for path in sorted(self.site.rglob("*"), reverse=True):
            ours = path.relative_to(self.site).parts[0] == "offhook"
            if path.is_dir() and path.name in (*_TEST_FOLDERS, "__pycache__") and not ours:
                remove(path)
            elif path.is_file() and (path.suffix in _SOURCES or _is_note(path)):
                path.unlink()
        for path in (self.folder / "bin").iterdir():
            if not path.name.startswith("python"):
                path.unlink()
        for name in ("include", "share", ".gitignore"):
            remove(self.folder / name)
        (self.folder / "pyvenv.cfg").write_text(
            f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {self._suite.python}\n"
        )

    def _compile(self, place: str) -> None:
        # By hash and never looked at again: the files of a package do not change, and their times may.
        command = [f"{PREFIX}/bin/python", "-m", "compileall", "-q", "-j0", "--invalidation-mode", "unchecked-hash"]
        self._root.run([*command, place])


def index_settings() -> dict[str, str]:
    """Return where this machine's pip looks for packages, as pip's variables; nothing where that is the usual place."""
    found = {name: os.environ[name] for name in ("PIP_INDEX_URL", "PIP_TRUSTED_HOST") if name in os.environ}
    for name, key in (("PIP_INDEX_URL", "global.index-url"), ("PIP_TRUSTED_HOST", "global.trusted-host")):
        if name not in found:
            asked = subprocess.run(
                [sys.executable, "-m", "pip", "config", "get", key], capture_output=True, text=True, check=False
            )
            if asked.returncode == 0 and asked.stdout.strip():
                found[name] = asked.stdout.strip()
    return found


def elf_files(folder: Path) -> list[Path]:
    """Return every program and library in a folder (elf(5))."""
    return [path for path in sorted(folder.rglob("*")) if _is_elf(path)]


def size_of(folder: Path) -> int:
    """Return what lies in a folder, in bytes."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            yield status.st_size


def _is_note(path: Path) -> bool:
    return path.parent.name.endswith(".dist-info") and path.name in _INSTALL_NOTES


def _is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
