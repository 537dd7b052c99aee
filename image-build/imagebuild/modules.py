"""Kernel modules that Debian's kernel does not have: simulated GPIO chip, battery, fuel gauges and radios.

They are built from Debian's kernel source against Debian's headers, with Debian's compiler of that suite, in a folder
of unpacked packages that is entered with chroot: nothing is installed, nothing is mounted. The sources are GPL-2.0;
they are fetched when they are needed and never kept in this tree.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imagebuild.archive import Archive
from imagebuild.command import run
from imagebuild.debian import Arch
from imagebuild.errors import BuildError
from imagebuild.stopwatch import Stopwatch

MATRIX_HEADER = Path(__file__).parent.parent / "virt" / "modules" / "matrix.h"
_TOOLS = ("make", "dash", "bash", "coreutils", "sed", "grep", "mawk", "findutils")
_CROSS: dict[Arch, tuple[str, str]] = {"amd64": ("x86_64", ""), "arm64": ("arm64", "aarch64-linux-gnu-")}

CHANGES = (
    # (file, what is there, what is put there instead)
    # Modules may not call irq_to_desc(); this does the same and they may.
    ("irq_sim.c", "handle_simple_irq(irq_to_desc(irqnum));", "generic_handle_irq_safe(irqnum);"),
    ("gpio-sim.c", "#include <linux/types.h>\n", '#include <linux/types.h>\n#include "matrix.h"\n'),
    (
        "gpio-sim.c",
        "	guard(mutex)(&chip->lock);\n\n	return !!test_bit(offset, chip->value_map);",
        "	guard(mutex)(&chip->lock);\n\n	return matrix_level(offset, chip->direction_map, chip->value_map);",
    ),
    # Without it every line is read by gpio_sim_get().
    ("gpio-sim.c", "	gc->get_multiple = gpio_sim_get_multiple;\n", ""),
    ("gpio-sim.c", "static int gpio_sim_get_multiple(", "static int __maybe_unused gpio_sim_get_multiple("),
)


class SimulatorModules:
    """Builds modules for one kernel."""

    def __init__(self, kernel: str, version: str, target: Archive, host: Archive, stopwatch: Stopwatch) -> None:
        """``kernel`` as in ``uname -r``, ``version`` that of its Debian package; ``host``: what compilers run on."""
        self._kernel = kernel
        self._version = version
        self._target = target
        self._host = host
        self._stopwatch = stopwatch

    def build(self, modules: Mapping[str, Iterable[str]], work: Path) -> list[Path]:
        """Build ``modules`` (name: places in the kernel's source) in ``work``; the ``.ko`` files. Raises BuildError."""
        with ThreadPoolExecutor(2) as pool:
            source = pool.submit(self._take_sources, modules, work)
            chroot = pool.submit(self._unpack_tools, work)
            sources, root = source.result(), chroot.result()
        with self._stopwatch.step("modules: compile"):
            return self._compile(modules, sources, root)

    def _unpack_tools(self, work: Path) -> Path:
        """Compiler, make and headers, in a folder."""
        root = work / "tools"
        series, _flavour = self._kernel.rsplit("-", 1)
        headers = f"linux-headers-{self._kernel}"
        foreign: list[Path] = []
        if self._target is self._host:
            wanted = [headers]
        else:
            wanted = [f"linux-headers-{series}-common", f"linux-kbuild-{series}", "gcc-14-aarch64-linux-gnu"]
            foreign = self._target.fetch([headers], work / "headers")
        with self._stopwatch.step("modules: fetch compiler and headers"):
            packages = [*self._host.fetch_all([*wanted, *_TOOLS]), *foreign]
        with self._stopwatch.step("modules: unpack compiler and headers"):
            packages.sort(
                key=lambda package: not package.name.startswith("base-files_")
            )  # /bin -> usr/bin and the like
            root.mkdir()
            run(["dpkg-deb", "-x", packages[0], root])
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda package: run(["dpkg-deb", "-x", package, root]), packages[1:]))
        (root / "usr" / "bin" / "awk").symlink_to("mawk")
        os.mknod(root / "dev" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        return root

    def _take_sources(self, modules: Mapping[str, Iterable[str]], work: Path) -> Path:
        """The few files that are needed, out of 1.5 GB: read as a stream, kept are those alone."""
        series = ".".join(self._kernel.split(".")[:2])
        name = f"linux-source-{series}"
        with self._stopwatch.step("modules: fetch the kernel's source"):
            [package] = self._host.fetch([f"{name}={self._version}"], work / "source")
        wanted = [f"{name}/{place}" for places in modules.values() for place in places]
        into = work / "sources"
        into.mkdir()
        with self._stopwatch.step("modules: take files out of the source"):
            # tar ends as soon as it has them all, and the others with it: what counts is that the files are there.
            command = (
                f'deb=$1; shift; dpkg-deb --fsys-tarfile "$deb" | tar -xO ./usr/src/{name}.tar.xz | xz -T0 -dc'
                ' | tar -x --occurrence=1 --transform="s|.*/||" "$@"'
            )
            run(["sh", "-c", command, "sh", package, "-C", into, *wanted])
        missing = [place for place in wanted if not (into / Path(place).name).exists()]
        if missing:
            raise BuildError(f"{package.name} does not contain {', '.join(missing)}")
        package.unlink()
        return into

    def _compile(self, modules: Mapping[str, Iterable[str]], sources: Path, root: Path) -> list[Path]:
        work = root / "modules"
        shutil.copytree(sources, work)
        shutil.copy(MATRIX_HEADER, work)
        for file, old, new in CHANGES:
            self._change(work / file, old, new)
        kbuild = [f"obj-m := {' '.join(f'{name}.o' for name in modules)}"]
        for name, places in modules.items():
            parts = [Path(place).stem for place in places if place.endswith(".c")]
            if len(parts) > 1:  # a module of several files may not be named like one of them
                (work / f"{parts[0]}.c").rename(work / f"{parts[0]}-core.c")
                kbuild.append(f"{name}-y := {parts[0]}-core.o {' '.join(f'{part}.o' for part in parts[1:])}")
        (work / "Kbuild").write_text("\n".join(kbuild) + "\n")
        arch, cross = _CROSS[self._target.arch]
        make = ["make", "-s", "-j2", "-C", f"/usr/src/linux-headers-{self._kernel}", "M=/modules"]
        # No BTF: it would need vmlinux and pahole.
        settings = [f"ARCH={arch}", f"CC={cross}gcc-14", f"CROSS_COMPILE={cross}", "CONFIG_DEBUG_INFO_BTF_MODULES="]
        if not cross:
            settings.remove("CROSS_COMPILE=")
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LC_ALL": "C"}
        run(["chroot", root, *make, *settings, "KBUILD_MODPOST_WARN=1", "modules"], env=environment)
        built = [work / f"{name}.ko" for name in modules]
        strip = f"{_CROSS[self._target.arch][1] or 'x86_64-linux-gnu-'}strip"
        run(["chroot", root, strip, "--strip-debug", *(f"/modules/{file.name}" for file in built)], env=environment)
        return built

    @staticmethod
    def _change(file: Path, old: str, new: str) -> None:
        if not file.exists():
            return
        text = file.read_text()
        if text.count(old) != 1:
            raise BuildError(f"the kernel's {file.name} has changed: {old.strip()!r} is there {text.count(old)} times")
        file.write_text(text.replace(old, new))
