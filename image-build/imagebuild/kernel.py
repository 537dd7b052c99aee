"""Debian's kernel, cut down to the modules of the virtual phone, with the simulators beside them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from imagebuild.archive import Archive
from imagebuild.cache import Cache, digest
from imagebuild.command import run
from imagebuild.debian import Arch, Suite, this_arch
from imagebuild.errors import BuildError
from imagebuild.leftovers import own_folder
from imagebuild.modules import CHANGES, MATRIX_HEADER, SimulatorModules
from imagebuild.stopwatch import Stopwatch

MODULES_FILE = Path(__file__).parent.parent / "virt" / "modules.yaml"

_RECIPE = 1
"""Counted up when a kernel is made in another way, so that no old one is taken for a new one."""

# Most of the modules by size, and nothing that a virtual phone has: they are not even unpacked.
_NEVER_NEEDED = (
    *(f"drivers/{name}" for name in ("gpu", "infiniband", "scsi", "staging", "isdn", "mtd", "target")),
    *(f"drivers/media/{name}" for name in ("common", "dvb-core", "dvb-frontends", "i2c", "pci", "platform", "radio")),
    *(f"drivers/media/{name}" for name in ("rc", "test-drivers", "tuners", "usb", "v4l2-core")),
    *(f"drivers/net/{name}" for name in ("ethernet", "wireless", "usb", "can", "phy", "dsa")),
    *(f"fs/{name}" for name in ("xfs", "btrfs", "ocfs2", "gfs2", "nfs", "nfsd", "smb", "ceph", "f2fs", "bcachefs")),
    *("sound/soc", "net/netfilter", "net/bluetooth", "drivers/hwmon", "drivers/bluetooth", "drivers/input/touchscreen"),
)


@dataclass(frozen=True, slots=True)
class ModuleList:
    """``virt/modules.yaml``."""

    initramfs: tuple[str, ...]
    root: tuple[str, ...]
    built: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path = MODULES_FILE) -> "ModuleList":
        """Raises BuildError."""
        data = yaml.safe_load(path.read_text())
        try:
            return cls(tuple(data["initramfs"]), tuple(data["root"]), dict(data["built"]))
        except (KeyError, TypeError) as error:
            raise BuildError(f"{path}: initramfs, root and built are needed ({error})") from None


@dataclass(frozen=True, slots=True)
class Kernel:
    """What was made, in a folder of the cache."""

    folder: Path

    @property
    def version(self) -> str:
        """As ``uname -r`` says it."""
        return (self.folder / "version").read_text().strip()

    @property
    def image(self) -> Path:
        """What is given to QEMU."""
        return self.folder / "vmlinuz"

    @property
    def busybox(self) -> Path:
        """A static one, for the initramfs."""
        return self.folder / "busybox"

    @property
    def tree(self) -> Path:
        """A root that holds nothing but ``usr/lib/modules/VERSION`` (and ``lib``, a link)."""
        return self.folder / "root"

    def load_order(self, *names: str) -> list[Path]:
        """The files to load for these modules, one after the other; nothing for what is built in."""
        return _load_order(self.tree, self.version, names)


class KernelMaker:
    """Makes a :class:`Kernel`, or finds one that was made from the same recipe."""

    def __init__(self, suite: Suite, arch: Arch, cache: Cache, stopwatch: Stopwatch) -> None:
        self._suite = suite
        self._arch = arch
        self._cache = cache
        self._stopwatch = stopwatch

    def make(self) -> Kernel:
        """Raises BuildError."""
        files = [path.read_text() for path in (MODULES_FILE, MATRIX_HEADER)]
        key = digest(_RECIPE, self._suite.name, self._arch, files, CHANGES, _NEVER_NEEDED)
        return Kernel(self._cache.get(f"kernel-{self._suite.name}-{self._arch}-{key}", self._build))

    def _build(self, entry: Path) -> None:
        modules = ModuleList.read()
        with own_folder(self._cache.root, f"work-{entry.name}-") as work:
            archive = Archive(self._suite, self._arch, work / "apt")
            host = archive
            if self._arch != this_arch():
                host = Archive(self._suite, this_arch(), work / "apt-host")
            with self._stopwatch.step("kernel: fetch"):
                [image] = [name for name in archive.depends(f"linux-image-{self._arch}") if name.startswith("linux-i")]
                version = archive.version(image)
                packages = archive.fetch([image, "busybox-static"], work / "debs")
            kernel = image.removeprefix("linux-image-")
            with self._stopwatch.step("kernel: unpack"):
                full = work / "full"
                full.mkdir()
                for package in packages:
                    self._unpack(package, full)
                (full / "lib").symlink_to("usr/lib")
                run(["depmod", "-b", full, kernel])
            maker = SimulatorModules(kernel, version, archive, host, self._stopwatch)
            built = maker.build(modules.built, work)
            with self._stopwatch.step("kernel: keep what is needed"):
                self._keep(entry, full, kernel, modules, built)

    @staticmethod
    def _unpack(package: Path, into: Path) -> None:
        excludes = [f"--exclude=*/kernel/{place}/*" for place in _NEVER_NEEDED]
        command = 'deb=$1; shift; dpkg-deb --fsys-tarfile "$deb" | tar -x "$@"'
        run(["bash", "-o", "pipefail", "-c", command, "bash", package, "-C", into, *excludes])

    @staticmethod
    def _keep(entry: Path, full: Path, kernel: str, modules: ModuleList, built: list[Path]) -> None:
        home = Path("usr/lib/modules") / kernel
        tree = entry / "root"
        (tree / home / "extra").mkdir(parents=True)
        (tree / "lib").symlink_to("usr/lib")
        for file in built:
            shutil.copy(file, tree / home / "extra")
        stock = [name for name in (*modules.initramfs, *modules.root) if name not in modules.built]
        needed = {name for file in built for name in run(["modinfo", "-F", "depends", file]).strip().split(",") if name}
        for file in _load_order(full, kernel, [*stock, *sorted(needed)]):
            # Unpacked: xz under emulation costs more than the space.
            target = tree / file.relative_to(full).with_suffix("" if file.suffix == ".xz" else file.suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target.with_name(file.name))
            if file.suffix == ".xz":
                run(["xz", "-d", target.with_name(file.name)])
        for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copy(full / home / name, tree / home / name)
        run(["depmod", "-b", tree, kernel])
        shutil.copy(full / "boot" / f"vmlinuz-{kernel}", entry / "vmlinuz")
        shutil.copy(full / "usr" / "bin" / "busybox", entry / "busybox")
        (entry / "version").write_text(f"{kernel}\n")


def _load_order(root: Path, kernel: str, names: tuple[str, ...] | list[str]) -> list[Path]:
    files: list[Path] = []
    for name in names:
        text = run(["modprobe", "-d", root, "-S", kernel, "--show-depends", "--ignore-install", name])
        for line in text.splitlines():
            words = line.split()
            if words and words[0] == "insmod":
                file = root / Path(words[1].removeprefix("//")).resolve().relative_to(root.resolve())
                if file not in files:
                    files.append(file)
    return files
