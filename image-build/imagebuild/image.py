"""Builds the virtual phone's disk: Debian, the phone's package, the overlays, and the boot files of slot a."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imagebuild.buildroot import BuildRoot, need_root
from imagebuild.bundle import prepare_root, throwaway_signing
from imagebuild.cache import Cache, digest, tree_digest
from imagebuild.debian import Arch
from imagebuild.disk import DiskImage
from imagebuild.errors import BuildError
from imagebuild.facts import NAME as FACTS_NAME
from imagebuild.facts import ImageFacts
from imagebuild.initrd import INIT, Initrd
from imagebuild.kernel import Kernel, KernelMaker
from imagebuild.layout import MIB, DiskLayout, Scheme, Slot
from imagebuild.leftovers import own_folder
from imagebuild.packages import PackageSet
from imagebuild.rootfs import RootTree
from imagebuild.stopwatch import Stopwatch
from offhook.device.boot.slots import AUTOBOOT, CONFIG, TRYBOOT, autoboot_text, prefix_text

HERE = Path(__file__).parent.parent
OVERLAYS = (HERE / "overlay", HERE / "virt" / "overlay")
BUILD = HERE.parent / "build"

# A bundle is kept on the data partition while it is installed.
_BOOT_MIB, _DATA_MIB = 64, 448
_SETTINGS = b"auto_initramfs=1\n"
"""What the virtual phone has in place of a Raspberry Pi's `config.txt`."""
_SPARE_MIB = 96  # of each root, for an update that is larger

# Made at installation and different on every device, or made for a first start that has nothing left to do.
_NOT_KEPT = (
    "etc/ssh/ssh_host_*",
    "var/lib/systemd/random-seed",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "etc/resolv.conf",
    # The mirror is the build machine's own business, and a device is updated by its slots.
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*",
)


def cmdline(slot: Slot, scheme: Scheme) -> str:
    """What the boot firmware gives to the kernel of a slot."""
    slots = f"root=PARTLABEL=root_{slot} offhook.slot={slot} offhook.scheme={scheme}"
    mending = "rootfstype=ext4 rootwait=60 ro fsck.repair=yes panic=10"
    return f"{slots} {mending} systemd.gpt_auto=0 net.ifnames=0 loglevel=4"


def boot_settings(scheme: Scheme) -> dict[str, bytes]:
    """The boot firmware's own files on the first partition: slot a is committed."""
    if scheme == "partition":
        return {AUTOBOOT: autoboot_text("a")}
    return {CONFIG: prefix_text("a"), TRYBOOT: prefix_text("b"), "phone.txt": _SETTINGS}


class VirtualImage:
    """The image of one architecture in ``build/image/ARCH``."""

    def __init__(self, arch: Arch, scheme: Scheme, package: Path, stopwatch: Stopwatch) -> None:
        """``package``: the phone, for this architecture."""
        self._arch = arch
        self._scheme = scheme
        self._package = package
        self._stopwatch = stopwatch
        self._cache = Cache()
        self._packages = PackageSet.read()
        name = arch if scheme == "partition" else f"{arch}-{scheme}"
        self.folder = BUILD / "image" / name

    @property
    def compatible(self) -> str:
        """The kind of machine, as update bundles name it."""
        return f"offhook-virtual-{self._arch}-{self._scheme}"

    def build(self) -> ImageFacts:
        """Build it, unless it was built from the same things before. Raises BuildError."""
        need_root()
        with self._cache.locked(f"image-{digest(str(self.folder))}"):
            root = BuildRoot(self._packages.suite, self._arch, self._packages.of("virt"))
            try:
                facts = ImageFacts.read(self.folder)
                if facts.digest == self.digest(root.archive):
                    return facts
            except BuildError:
                pass
            return self._build(root)

    def digest(self, root: Path) -> str:
        """Of everything that the image is made from; ``root``: the archive of Debian's packages, as it is now."""
        ours = [tree_digest(*sorted(Path(__file__).parent.glob("*.py"))), tree_digest(*OVERLAYS), INIT.read_text()]
        kernel = [tree_digest(HERE / "virt" / "modules"), (HERE / "virt" / "modules.yaml").read_text()]
        made = root.stat().st_mtime_ns if root.exists() else 0  # made anew, it has newer packages
        trusted = throwaway_signing(BUILD / "keys").certificate.read_text()
        packages = (root.name, made, tree_digest(self._package))
        return digest(self._arch, self._scheme, packages, ours, kernel, trusted)

    def _build(self, root: BuildRoot) -> ImageFacts:
        suite = self._packages.suite
        with ThreadPoolExecutor(2) as pool:
            tar = pool.submit(root.prepare)
            kernel = pool.submit(KernelMaker(suite, self._arch, self._cache, self._stopwatch).make)
            tar_path, made = tar.result(), kernel.result()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / FACTS_NAME).unlink(missing_ok=True)
        with own_folder(self.folder, "work-") as work:
            return self._assemble(work, tar_path, made, self.digest(tar_path))

    def _assemble(self, work: Path, tar: Path, kernel: Kernel, wanted: str) -> ImageFacts:
        root = RootTree(work / "root")
        with self._stopwatch.step("image: unpack the root"):
            root.unpack(tar)
        boot = {"kernel8.img": kernel.image, "initramfs8": work / "initramfs8", "cmdline.txt": work / "cmdline.txt"}
        with self._stopwatch.step("image: initramfs"):
            Initrd(kernel).write(boot["initramfs8"])
            boot["cmdline.txt"].write_text(cmdline("a", self._scheme) + "\n")
        if self._scheme == "partition":
            boot["config.txt"] = work / "config.txt"
            boot["config.txt"].write_bytes(_SETTINGS)
        with self._stopwatch.step(f"image: install {self._package.name}"):
            root.install(self._package)
        with self._stopwatch.step("image: overlays and modules"):
            self._finish(root, kernel, boot)
            data = self._take_data(root, work / "data")
        size = root.size() // MIB * 110 // 100 + _SPARE_MIB
        layout = DiskLayout.of(self._scheme, root=size, data=_DATA_MIB, boot=_BOOT_MIB)
        with self._stopwatch.step("image: disk"):
            self._write_disk(work / "disk.img", layout, root, data, boot)
            (work / "disk.img").replace(self.folder / "disk.img")
        sizes = (_BOOT_MIB, size, _DATA_MIB)
        names = (kernel.version, self.compatible, self._package.name)
        facts = ImageFacts(self._arch, self._scheme, "disk.img", *sizes, *names, wanted)
        facts.write(self.folder)
        return facts

    def _finish(self, root: RootTree, kernel: Kernel, boot: dict[str, Path]) -> None:
        root.remove(_NOT_KEPT)
        for overlay in OVERLAYS:
            root.lay_over(overlay)
        shutil.copytree(kernel.tree / "usr" / "lib" / "modules", root.folder / "usr/lib/modules", dirs_exist_ok=True)
        root.keep_boot_files(boot)
        version = self._package.name.split("_")[1].split("~")[0]
        prepare_root(root.folder, self.compatible, version, throwaway_signing(BUILD / "keys").certificate)
        # Filled in by the initramfs through systemd; an empty file says that it is not known yet.
        root.put("/etc/machine-id", "")
        root.link("/var/lib/dbus/machine-id", "/etc/machine-id")
        root.link("/etc/resolv.conf", "/run/NetworkManager/resolv.conf")
        for folder in (
            "data",
            "boot/firmware",
            "etc/ssh/keys",
            "var/lib/offhook-device",
            "etc/offhook",
            "var/lib/offhook",
        ):
            (root.folder / folder).mkdir(parents=True, exist_ok=True)
        root.inside("systemd-sysusers")
        root.inside("systemd-hwdb", "--usr", "update")
        root.inside("ldconfig")
        root.inside("journalctl", "--update-catalog")
        # Units are enabled by their packages; NetworkManager starts this one where there is a radio.
        root.remove(["etc/systemd/system/multi-user.target.wants/wpa_supplicant.service"])

    def _take_data(self, root: RootTree, folder: Path) -> Path:
        """What the data partition holds before the first start: what the device itself would put there."""
        root.inside("/usr/lib/offhook-device/data-folders")
        (root.folder / "data").rename(folder)
        (root.folder / "data").mkdir()
        return folder

    def _write_disk(self, path: Path, layout: DiskLayout, root: RootTree, data: Path, boot: dict[str, Path]) -> None:
        disk = DiskImage(path, layout)
        disk.create()
        settings: dict[str, bytes | Path] = {**boot_settings(self._scheme)}
        settings["offhook-example.yaml"] = root.folder / "usr" / "share" / "offhook" / "card-example.yaml"
        if self._scheme == "partition":
            disk.make_fat(layout.named("bootcfg"), settings)
            disk.make_fat(layout.named("boot_a"), boot)
            disk.make_fat(layout.named("boot_b"), {})
        else:
            slot = {f"a/{name}": file for name, file in boot.items()}
            disk.make_fat(layout.named("bootcfg"), {**settings, **slot})
        disk.make_ext4(layout.named("root_a"), root.folder)
        disk.make_ext4(layout.named("data"), data)
