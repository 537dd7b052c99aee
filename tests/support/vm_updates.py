"""Updates for the virtual phone: roots that are good or broken in one way, as bundles on a stick."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imagebuild.bundle import Signing, make_bundle, throwaway_signing
from imagebuild.command import run
from imagebuild.facts import ImageFacts
from imagebuild.image import BUILD
from imagebuild.layout import MIB

OS_RELEASE = "usr/lib/os-release"
HEALTH_SOON = (
    "etc/systemd/system/offhook-health.service.d/soon.conf",
    "[Service]\nExecStart=\nExecStart=/usr/bin/offhook health --within 60\n",
)
CRASH = (
    "etc/systemd/system/crash.service",
    "[Service]\nExecStart=/bin/sh -c 'sleep 15; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger'\n",
)
# After a start that it judges; a unit's wants are links, and files alone can be written into a root.
CRASH_WANTED = ("etc/systemd/system/offhook-health.service.d/crash.conf", "[Unit]\nWants=crash.service\n")
# The units of this tree: nobody judges, and the guard of a trial waits a minute instead of ten.
UNITS = Path(__file__).resolve().parents[2] / "systemd"
NO_VERDICT = (
    "etc/systemd/system/offhook-health.service.d/never.conf",
    "[Service]\nExecStart=\nExecStart=/bin/sleep infinity\n",
)
GUARD_SOON = (
    "etc/systemd/system/offhook-trial.service",
    (UNITS / "offhook-trial.service").read_text().replace("sleep 600;", "sleep 60;"),
)


@dataclass(frozen=True, slots=True)
class Variant:
    """A version, and what is written over its root: places and contents."""

    version: str
    files: Mapping[str, str]


VARIANTS: Mapping[str, Variant] = {
    "good": Variant("2.0", {}),
    # No driver for the disk: the kernel finds no root and panics.
    "no-start": Variant("2.1", {"usr/lib/offhook-boot/initramfs8": "no initramfs\n"}),
    "crash": Variant("2.2", dict([CRASH, CRASH_WANTED])),
    "no-card": Variant(
        "2.3", dict([HEALTH_SOON, ("etc/modprobe.d/broken.conf", "install snd_usb_audio /bin/false\n")])
    ),
    # A daemon that ends at once.
    "no-daemon": Variant(
        "2.4",
        dict(
            [
                HEALTH_SOON,
                ("etc/systemd/system/offhook.service.d/broken.conf", "[Service]\nExecStart=\nExecStart=/bin/false\n"),
            ]
        ),
    ),
    "unjudged": Variant("2.5", dict([NO_VERDICT, GUARD_SOON])),
}


class UpdateShop:
    """Makes bundles from the root of a built image."""

    def __init__(self, image: Path, folder: Path) -> None:
        """``image``: the folder of the image; ``folder``: where bundles are made."""
        self.image, self._folder = image, folder
        self.facts = ImageFacts.read(image)

    def bundle(self, name: str, signing: Signing | None = None) -> Path:
        """Make the bundle of a variant, signed by the key that the image trusts or by another."""
        variant, target = VARIANTS[name], self._folder / f"{name}.raucb"
        root = self._folder / f"{name}.ext4"
        part = self.facts.layout.named("root_a")
        disk = self.image / self.facts.disk
        where = [f"skip={part.offset // MIB}", f"count={part.length // MIB}"]
        run(["dd", f"if={disk}", f"of={root}", "bs=1M", "conv=sparse", "status=none", *where])
        try:
            self._write(root, {**variant.files, OS_RELEASE: self._release(root, variant.version)})
            make_bundle(
                root, target, self.facts.compatible, variant.version, signing or throwaway_signing(BUILD / "keys")
            )
        finally:
            root.unlink()
        return target

    def stick(self, *bundles: Path) -> Path:
        """Put bundles on the ext4 file system of a stick."""
        stick = self._folder / "stick.img"
        content = self._folder / "stick"
        content.mkdir()
        for bundle in bundles:
            (content / bundle.name).hardlink_to(bundle)
        size = sum(bundle.stat().st_size for bundle in bundles) // MIB * 11 // 10 + 32
        run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", content, stick, f"{size}M"])
        return stick

    def _release(self, root: Path, version: str) -> str:
        text = run(["debugfs", "-R", f"cat /{OS_RELEASE}", root])
        kept = [line for line in text.splitlines() if not line.startswith("IMAGE_VERSION=")]
        return "\n".join([*kept, f"IMAGE_VERSION={version}"]) + "\n"

    @staticmethod
    def _write(root: Path, files: Mapping[str, str]) -> None:
        """Write files into an ext4 image without mounting it (debugfs(8)); complaints of what exists are expected."""
        with tempfile.TemporaryDirectory(prefix="offhook-root-") as folder:
            commands = []
            for number, (place, content) in enumerate(files.items()):
                source = Path(folder) / str(number)
                source.write_text(content)
                parents = list(Path(place).parents)[:-1]
                commands += [f"mkdir /{parent}" for parent in reversed(parents)]
                commands += [f"rm /{place}", f"write {source} /{place}"]
            run(["debugfs", "-w", "-f", "-", root], stdin="\n".join(commands) + "\n")
            for place, content in files.items():
                assert run(["debugfs", "-R", f"cat /{place}", root]) == content, f"{place} was not written"
