"""A Debian of a chosen suite, architecture and packages, kept for the next time, in which things are built."""

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imagebuild.binfmt import have_emulation
from imagebuild.debian import KEYRING, Arch, Mirror, Suite, names
from imagebuild.errors import BuildError
from imagebuild.leftovers import own_folder, prune

_RECIPE = 1
"""Counted up when a root is made in another way, so that no old one is taken for a new one."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def cache_folder() -> Path:
    """Return the folder of everything that is kept between builds (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "offhook"


@dataclass(frozen=True, slots=True)
class OpenRoot:
    """An unpacked root. ``path`` is where it lies; what is written there is gone when it closes."""

    path: Path

    def run(
        self,
        command: Sequence[str],
        *,
        binds: Mapping[str, Path] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        network: bool = False,
        capture: bool = False,
    ) -> str:
        """Run a command in the root; return its output where ``capture`` is set, else that goes to standard error.

        ``binds`` maps places inside to files or folders outside. Mounts live in a namespace of the command's own and
        end with it. Without ``network`` there is none. Raises BuildError where the command fails.
        """
        script = self._script(command, binds or {}, cwd, network)
        unshare = ["unshare", "--mount", "--propagation=private", *([] if network else ["--net"])]
        environment = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        if network:
            environment |= {name: os.environ[name] for name in _network_variables()}
        done = subprocess.run(
            [*unshare, "sh", "-c", script],
            env={**environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else sys.stderr,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            line = shlex.join(command)
            short = line if len(line) < 100 else f"{line[:97]}..."
            raise BuildError(f"`{short}` ended with {done.returncode} in the build root: see what it says above")
        return done.stdout or ""

    def _script(self, command: Sequence[str], binds: Mapping[str, Path], cwd: str, network: bool) -> str:
        root = self.path
        lines = ["set -e", f"mount --rbind /dev {shlex.quote(str(root / 'dev'))}"]
        lines.append(f"mount -t proc proc {shlex.quote(str(root / 'proc'))}")
        outside = dict(binds)
        if network:
            for path in (Path("/etc/resolv.conf"), _CERTIFICATES):
                if path.exists():
                    outside.setdefault(str(path), path)
        for inside, source in outside.items():
            target = root / inside.lstrip("/")
            if source.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            elif not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)  # a link that leads nowhere
                target.touch()
            lines.append(f"mount --bind {shlex.quote(str(source))} {shlex.quote(str(target))}")
        inner = f"cd {shlex.quote(cwd)} && exec {shlex.join(command)}"
        lines.append(f"exec chroot {shlex.quote(str(root))} /bin/sh -c {shlex.quote(inner)}")
        return "\n".join(lines)


class BuildRoot:
    """A root of ``packages`` and what they depend on, as a tar archive in the cache, made when it is first opened."""

    def __init__(self, suite: Suite, arch: Arch, packages: Iterable[str], cache: Path | None = None) -> None:
        self.suite, self.arch = suite, arch
        self._packages = names(packages)
        self._folder = (cache_folder() if cache is None else cache) / "roots"

    @property
    def archive(self) -> Path:
        """Where the archive lies, or will: named by a digest of what goes in."""
        what = f"{_RECIPE} {self.suite.name} {self.arch} {self._packages}"
        digest = hashlib.sha256(what.encode()).hexdigest()[:16]
        return self._folder / f"{self.suite.name}-{self.arch}-{digest}.tar"

    def forget(self) -> None:
        """Have it made anew, with the packages that the mirror has then."""
        self.archive.unlink(missing_ok=True)

    def prepare(self) -> Path:
        """Return the archive; make it where it is not there. Raises BuildError where that fails."""
        need_root()
        have_emulation(self.arch)
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.archive.with_suffix(".lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)  # two builds side by side
            os.utime(guard.fileno())  # used just now
            if not self.archive.exists():
                self._make()
                prune(self._folder, "*-*-*.[tp]ar*", lambda entry: entry.with_suffix(".lock"))
        return self.archive

    @contextmanager
    def open(self) -> Iterator[OpenRoot]:
        """Unpack the root into a folder of its own, which is removed in the end. Raises BuildError."""
        archive = self.prepare()
        with own_folder(self._folder, f"unpacked-{self.suite.name}-{self.arch}-") as folder:
            folder.chmod(0o755)
            run_tar(["--extract", "--xattrs", "--exclude=./dev/*", "--file", str(archive), "--directory", str(folder)])
            yield OpenRoot(folder)

    def _make(self) -> None:
        started = time.monotonic()
        print(f"imagebuild: making a build root of {self.suite.name}/{self.arch}", file=sys.stderr, flush=True)
        mirror = Mirror.of_this_machine()
        part = self.archive.with_suffix(".part")
        command = ["mmdebstrap", "--mode=root", "--variant=apt", f"--arch={self.arch}", f"--keyring={KEYRING}"]
        command += [f"--include={self._packages}", "--format=tar", "--quiet"]
        command += ['--aptopt=APT::Install-Recommends "false"']
        command += [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "doc", "locale", "info")]
        command += [self.suite.name, str(part), "-"]
        sources = mirror.sources(self.suite)
        done = subprocess.run(command, input=sources, text=True, check=False, stdout=sys.stderr)
        if done.returncode != 0:
            part.unlink(missing_ok=True)
            raise BuildError(f"mmdebstrap ended with {done.returncode}: is the Debian mirror of this machine in reach?")
        part.rename(self.archive)
        took = time.monotonic() - started
        print(f"imagebuild: {self.archive.name} is made, {took:.0f} s", file=sys.stderr, flush=True)


def run_tar(options: Sequence[str]) -> None:
    """Pack or unpack with tar(1), owners by their numbers. Raises BuildError."""
    if subprocess.run(["tar", "--numeric-owner", *options], check=False, stdout=sys.stderr).returncode != 0:
        raise BuildError(
            f"`tar {shlex.join(options)[:120]}` failed: is the disk full? What is in the cache can be removed"
        )


def need_root() -> None:
    """Raise BuildError where this is not root: chroots and file owners need it."""
    if os.geteuid() != 0:
        raise BuildError("packages and images are built as root: put sudo before the command")


def _network_variables() -> list[str]:
    wanted = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return [name for name in wanted if name in os.environ]
