"""Update bundles: a root with a manifest, signed (RAUC, format ``verity``); and what a root needs to take one."""

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from imagebuild.command import run
from imagebuild.errors import BuildError

SYSTEM_CONF = Path("etc/rauc/system.conf")
KEYRING = Path("etc/rauc/keyring.pem")
_OS_RELEASE = Path("usr/lib/os-release")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}")


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs: certificate and key (PEM files); devices trust the certificate, or its authority, by their keyring."""

    certificate: Path
    key: Path


def throwaway_signing(folder: Path) -> Signing:
    """Return a key of tests and of the virtual phone, made once in ``folder``; never to be used for a real device."""
    signing = Signing(folder / "throwaway.cert.pem", folder / "throwaway.key.pem")
    if not (signing.certificate.exists() and signing.key.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        fresh = signing.key.with_suffix(".new")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(fresh)]
        name = ["-subj", "/CN=offhook throw-away bundle key", "-days", "3650"]
        run(["openssl", "req", "-x509", *key, *name, "-out", str(signing.certificate)])
        fresh.chmod(0o600)
        fresh.replace(signing.key)
    return signing


def prepare_root(root: Path, compatible: str, version: str, keyring: Path) -> None:
    """Tell a root what it is: kind of machine, version, and whose bundles it takes.

    ``root``: the tree, overlays laid over it. ``version`` becomes ``IMAGE_VERSION`` of os-release(5).
    Raises BuildError.
    """
    _check(compatible, version)
    conf = root / SYSTEM_CONF
    try:
        text, count = re.subn(r"(?m)^compatible=.*$", f"compatible={compatible}", conf.read_text("utf-8"))
        if count != 1:
            raise BuildError(f"{conf} has {count} lines `compatible=`, and one is needed: mend the overlay")
        conf.write_text(text, "utf-8")
        shutil.copyfile(keyring, root / KEYRING)
        release = root / _OS_RELEASE
        kept = [line for line in release.read_text("utf-8").splitlines() if not line.startswith("IMAGE_")]
        release.write_text("\n".join([*kept, "IMAGE_ID=offhook", f"IMAGE_VERSION={version}"]) + "\n", "utf-8")
    except OSError as error:
        raise BuildError(f"the root {root} cannot be prepared for updates ({error})") from error


def make_bundle(image: Path, bundle: Path, compatible: str, version: str, signing: Signing) -> None:
    """Make a bundle of a root's ext4 image. Raises BuildError.

    The image is not copied where a hard link will do; sparse parts cost nothing in the bundle, which is a squashfs.
    """
    _check(compatible, version)
    bundle.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix="bundle-") as folder:
        content = Path(folder) / "content"
        content.mkdir()
        try:
            (content / "root.ext4").hardlink_to(image)
        except OSError:
            run(["cp", "--sparse=always", str(image), str(content / "root.ext4")])
        (content / "manifest.raucm").write_text(manifest(compatible, version), "utf-8")
        fresh = Path(folder) / "fresh.raucb"
        sign = [f"--cert={signing.certificate}", f"--key={signing.key}"]
        run(["rauc", *sign, "--mksquashfs-args=-comp zstd -Xcompression-level 3", "bundle", str(content), str(fresh)])
        fresh.replace(bundle)


def manifest(compatible: str, version: str) -> str:
    """Return the bundle's manifest."""
    return "\n".join(
        [
            "[update]",
            f"compatible={compatible}",
            f"version={version}",
            "[bundle]",
            "format=verity",
            "[image.rootfs]",
            "filename=root.ext4",
            "",
        ]
    )


def compatible_of(family: str, scheme: str) -> str:
    """Return the name by which RAUC tells kinds of machine apart: what differs in kernel, boot files or scheme."""
    return f"offhook-{family}-{scheme}"


def _check(compatible: str, version: str) -> None:
    for what, word in (("kind of machine", compatible), ("version", version)):
        if not _WORD.fullmatch(word):
            raise BuildError(f"{word!r} is no {what}: letters, digits and . _ + ~ - only")
