"""Bundles by the real RAUC: made, verified, and refused where they are not ours."""

import os
import subprocess
from pathlib import Path

import pytest

from imagebuild.bundle import (
    KEYRING,
    SYSTEM_CONF,
    Signing,
    compatible_of,
    make_bundle,
    manifest,
    prepare_root,
    throwaway_signing,
)
from imagebuild.errors import BuildError
from offhook.device.update.machine import image_version
from offhook.device.update.rauc import BundleError, BundleInfo, Rauc

OVERLAY = Path(__file__).resolve().parents[2] / "image-build" / "overlay"


def root_tree(folder: Path) -> Path:
    """A root as far as updates look at it: our overlay's files over a Debian's."""
    (folder / "usr/lib").mkdir(parents=True)
    (folder / "etc/rauc").mkdir(parents=True)
    (folder / "usr/lib/os-release").write_text('ID=debian\nIMAGE_VERSION="0"\n')
    (folder / SYSTEM_CONF).write_bytes((OVERLAY / SYSTEM_CONF).read_bytes())
    return folder


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    return throwaway_signing(tmp_path_factory.mktemp("keys"))


def test_a_root_is_told_what_it_is(tmp_path: Path, signing: Signing) -> None:
    root = root_tree(tmp_path)
    for version in ("1.0", "1.1"):
        prepare_root(root, compatible_of("virtual-amd64", "partition"), version, signing.certificate)
    assert image_version(root / "usr/lib/os-release") == "1.1"
    assert Rauc(root / SYSTEM_CONF).compatible() == "offhook-virtual-amd64-partition"
    assert (root / KEYRING).read_bytes() == signing.certificate.read_bytes()


def test_the_overlays_handlers_are_there_and_can_be_run() -> None:
    text = (OVERLAY / SYSTEM_CONF).read_text()
    handlers = [line.partition("=")[2] for line in text.splitlines() if "=/usr/lib/offhook-device/" in line]
    assert len(handlers) == 2
    for handler in handlers:
        file = OVERLAY / handler.lstrip("/")
        assert file.stat().st_mode & 0o111
        assert "exec /usr/bin/offhook slot" in file.read_text()


@pytest.mark.parametrize("word", ["", "a b", "a\nversion=9", "../x", "x" * 99])
def test_names_that_would_break_the_manifest_are_refused(tmp_path: Path, word: str, signing: Signing) -> None:
    with pytest.raises(BuildError, match="letters, digits"):
        make_bundle(tmp_path / "x", tmp_path / "y", word, "1", signing)
    with pytest.raises(BuildError, match="letters, digits"):
        make_bundle(tmp_path / "x", tmp_path / "y", "offhook-x", word, signing)


def test_the_manifest_is_what_rauc_documents() -> None:
    assert manifest("offhook-x", "2").splitlines() == [
        *("[update]", "compatible=offhook-x", "version=2"),
        *("[bundle]", "format=verity", "[image.rootfs]", "filename=root.ext4"),
    ]


def test_a_throw_away_key_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    first = throwaway_signing(tmp_path / "keys")
    key = first.key.read_bytes()
    assert first.key.stat().st_mode & 0o077 == 0
    assert throwaway_signing(tmp_path / "keys").key.read_bytes() == key


@pytest.mark.parametrize("status", [0, 1])
def test_what_rauc_was_halted_in_goes_on_before_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    stub = tmp_path / "systemctl"
    stub.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/told\nexit {status}\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    Rauc().stop()
    assert (tmp_path / "told").read_text().splitlines() == ["thaw rauc.service", "stop rauc.service"]


def test_a_device_without_rauc_takes_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="takes no bundles"):
        Rauc(tmp_path / "system.conf").compatible()


# RAUC itself ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = tmp_path_factory.mktemp("image") / "root.img"
    content = image.with_name("content")
    content.mkdir()
    (content / "noise").write_bytes(os.urandom(1 << 18))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(content), str(image), "4M"], check=True)
    return image


@pytest.fixture(scope="module")
def bundle(image: Path, signing: Signing) -> Path:
    bundle = image.with_name("good.raucb")
    make_bundle(image, bundle, "offhook-test", "2.0", signing)
    return bundle


@pytest.fixture
def rauc(tmp_path: Path, signing: Signing) -> Rauc:
    """RAUC of a device that trusts ``signing``; the keyring lies where the test's root is."""
    root = root_tree(tmp_path)
    prepare_root(root, "offhook-test", "1.0", signing.certificate)
    conf = root / SYSTEM_CONF
    conf.write_text(conf.read_text().replace("path=/etc/rauc/keyring.pem", f"path={root / KEYRING}"))
    return Rauc(conf)


@pytest.mark.peer
def test_a_bundle_of_ours_is_verified(rauc: Rauc, bundle: Path) -> None:
    assert rauc.verify(bundle) == BundleInfo("offhook-test", "2.0")


@pytest.mark.peer
def test_a_bundle_signed_by_another_is_refused(rauc: Rauc, image: Path, tmp_path: Path) -> None:
    make_bundle(image, tmp_path / "b.raucb", "offhook-test", "2.0", throwaway_signing(tmp_path / "stranger"))
    with pytest.raises(BundleError, match="signature verification failed") as caught:
        rauc.verify(tmp_path / "b.raucb")
    assert "\n" not in str(caught.value)


@pytest.mark.peer
def test_a_bundle_that_was_changed_is_refused(rauc: Rauc, bundle: Path, tmp_path: Path) -> None:
    data = bytearray(bundle.read_bytes())
    end = len(data) - 200  # within the signature and its manifest
    data[end] ^= 1
    (tmp_path / "b.raucb").write_bytes(data)
    with pytest.raises(BundleError):
        rauc.verify(tmp_path / "b.raucb")
    (tmp_path / "b.raucb").write_bytes(bundle.read_bytes()[:-4000])
    with pytest.raises(BundleError):
        rauc.verify(tmp_path / "b.raucb")
    (tmp_path / "b.raucb").write_bytes(b"<html>not found</html>")
    with pytest.raises(BundleError):
        rauc.verify(tmp_path / "b.raucb")


@pytest.mark.peer
def test_a_bundle_for_another_machine_is_refused(rauc: Rauc, image: Path, tmp_path: Path, signing: Signing) -> None:
    make_bundle(image, tmp_path / "b.raucb", "offhook-other", "2.0", signing)
    with pytest.raises(BundleError, match="for offhook-other, and this is offhook-test"):
        rauc.verify(tmp_path / "b.raucb")
