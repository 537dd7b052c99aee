"""Which Debian a device runs: suites, architectures, and the mirror that this machine takes its own packages from."""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from imagebuild.errors import BuildError

SuiteName = Literal["trixie", "bookworm"]
Arch = Literal["amd64", "arm64"]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TARGET = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)"


@dataclass(frozen=True, slots=True)
class Suite:
    """A release of Debian that packages are built for; ``python`` is the one version of Python in it."""

    name: SuiteName
    number: int
    python: str

    @property
    def next_python(self) -> str:
        """The first version of Python that is too new: extension modules are built for one minor version."""
        major, minor = self.python.split(".")
        return f"{major}.{int(minor) + 1}"


SUITES: dict[SuiteName, Suite] = {
    "trixie": Suite("trixie", 13, "3.13"),
    "bookworm": Suite("bookworm", 12, "3.11"),
}


def suite_of(name: str) -> Suite:
    """Return the suite of this name. Raises BuildError for one that no package is built for."""
    for suite in SUITES.values():
        if suite.name == name:
            return suite
    raise BuildError(f"offhook is built for Debian {' and '.join(SUITES)}, not for {name or 'this system'}: choose one")


def arch_of(name: str) -> Arch:
    """Return the architecture of this Debian name. Raises BuildError for one that no package is built for."""
    for arch in get_args(Arch):
        if arch == name:
            return arch  # type: ignore[no-any-return]
    if name in ("armhf", "armel", "i386"):
        raise BuildError(f"{name} is 32-bit and offhook is not: use a 64-bit system (arm64 or amd64)")
    raise BuildError(f"offhook is built for {' and '.join(get_args(Arch))}, not for {name}: choose one of these")


def this_arch() -> Arch:
    """Return this machine's own architecture. Raises BuildError for one that no package is built for."""
    return arch_of(output_of(["dpkg", "--print-architecture"]).strip())


def this_suite(os_release: Path = Path("/etc/os-release")) -> Suite:
    """Return the suite that this machine runs (os-release(5)). Raises BuildError for one that is not supported."""
    fields = dict(line.split("=", 1) for line in os_release.read_text().splitlines() if "=" in line)
    return suite_of(fields.get("VERSION_CODENAME", "").strip('"'))


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where packages come from: the archive, and the archive of security updates where this machine has one."""

    archive: str
    security: str | None

    @classmethod
    def of_this_machine(cls) -> "Mirror":
        """Read apt's own configuration. Raises BuildError where that names no Debian archive."""
        return cls.of_targets(output_of(["apt-get", "indextargets", "--format", _TARGET, "Created-By: Packages"]))

    @classmethod
    def of_targets(cls, text: str) -> "Mirror":
        """Read ``ORIGIN|RELEASE|COMPONENT|REPO_URI`` lines; ORIGIN is empty before the first ``apt-get update``."""
        archives: list[str] = []
        security: list[str] = []
        for line in text.splitlines():
            origin, release, component, uri = line.split("|")
            if component != "main" or origin not in ("Debian", "", "$(ORIGIN)"):
                continue
            base = release.split("-", 1)[0].split("/", 1)[0]
            if base not in (*SUITES, "stable", "oldstable", "testing", "sid", "unstable"):
                continue
            (security if "security" in release else archives).append(uri)
        if not archives:
            raise BuildError("apt knows no Debian archive on this machine: name one in /etc/apt/sources.list")
        return cls(archives[0], security[0] if security else None)

    def sources(self, suite: Suite, components: Sequence[str] = ("main",), kinds: Sequence[str] = ("deb",)) -> str:
        """Return a sources.list(5) for ``suite``; ``kinds`` may name ``deb-src`` too."""
        wanted = " ".join(components)
        places = [f"{self.archive} {suite.name}", f"{self.archive} {suite.name}-updates"]
        if self.security is not None:
            places.append(f"{self.security} {suite.name}-security")
        signed = f"[signed-by={KEYRING}]"
        return "".join(f"{kind} {signed} {place} {wanted}\n" for kind in kinds for place in places)


def output_of(command: Sequence[str]) -> str:
    """Run a command and return what it prints. Raises BuildError with its last line of complaint."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not there: this is done on Debian or Raspberry Pi OS") from None
    except subprocess.CalledProcessError as error:
        said: str = error.stderr.strip().splitlines()[-1] if error.stderr.strip() else f"status {error.returncode}"
        raise BuildError(f"`{' '.join(command[:4])}` failed ({said}): mend that and try again") from None
    return done.stdout


def names(packages: Iterable[str]) -> str:
    """Return package names as apt's tools take them: sorted, each once, with commas."""
    return ",".join(sorted(set(packages)))
