"""What builds leave behind is taken away; what a living one works in is not."""

import os
from pathlib import Path

import pytest

from imagebuild import image as image_module
from imagebuild.cache import Cache
from imagebuild.image import _NOT_KEPT, VirtualImage
from imagebuild.leftovers import KEPT_DAYS, own_folder, prune
from imagebuild.stopwatch import Stopwatch

LONG = (KEPT_DAYS + 1) * 86400


def aged(path: Path, seconds: float) -> Path:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


def test_the_root_of_a_build_that_was_killed_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "unpacked-x-abc" / "usr").mkdir(parents=True)
    (tmp_path / "unpacked-other").mkdir()
    with own_folder(tmp_path, "unpacked-x-") as folder:
        assert {path.name for path in tmp_path.glob("unpacked-*")} == {folder.name, "unpacked-other"}
    assert [path.name for path in tmp_path.glob("unpacked-*")] == ["unpacked-other"]


def test_the_root_of_a_build_beside_is_left_alone(tmp_path: Path) -> None:
    with own_folder(tmp_path, "unpacked-") as first:
        (first / "file").touch()
        with own_folder(tmp_path, "unpacked-") as second:
            assert second != first
        assert (first / "file").exists()
    assert list(tmp_path.glob("unpacked-*")) == []


def test_what_nobody_has_used_for_long_is_removed(tmp_path: Path) -> None:
    for name in ("a-1.tar", "a-2.tar", "a-3.tar"):
        (tmp_path / name).touch()
        aged(tmp_path / name, LONG)
    (tmp_path / "a-2.lock").touch()  # used just now, though made long ago
    aged(tmp_path / "a-3.tar", -LONG)
    prune(tmp_path, "a-*.tar", lambda entry: entry.with_suffix(".lock"))
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == ["a-2.tar", "a-3.tar"]


def test_the_cache_forgets_old_entries_of_a_kind_when_it_makes_a_new_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name in ("kernel-x-1", "kernel-x-2", "kernel-y-1"):
        cache.get(name, Path.mkdir)
        aged(tmp_path / name, LONG)
        aged(tmp_path / f".{name}.lock", LONG)
    cache.get("kernel-x-2", Path.mkdir)  # used
    cache.get("kernel-x-3", Path.mkdir)
    assert sorted(path.name for path in tmp_path.glob("kernel-*")) == ["kernel-x-2", "kernel-x-3", "kernel-y-1"]


@pytest.mark.peer
def test_an_image_is_another_with_newer_packages_of_debian_or_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(image_module, "BUILD", tmp_path)
    package, root = tmp_path / "offhook_1_amd64.deb", tmp_path / "root.tar"
    package.write_text("package")
    image = VirtualImage("amd64", "partition", package, Stopwatch())
    seen = [image.digest(root)]
    root.write_text("tar")
    seen.append(image.digest(root))
    assert image.digest(root) == seen[-1]
    aged(root, 1)
    seen.append(image.digest(root))
    for file in (tmp_path / "keys").iterdir():
        file.unlink()
    seen.append(image.digest(root))
    package.write_text("another")
    seen.append(image.digest(root))
    assert len(set(seen)) == len(seen)


def test_the_mirror_of_the_machine_that_builds_stays_out_of_the_image() -> None:
    assert {"etc/apt/sources.list", "etc/apt/sources.list.d/*"} <= set(_NOT_KEPT)
