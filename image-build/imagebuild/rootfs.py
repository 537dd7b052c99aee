"""The root file system: Debian's packages, ours, and what is laid over them."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from imagebuild.buildroot import OpenRoot
from imagebuild.command import run


class RootTree:
    """A root file system as a folder, while it is being finished. Needs to be root, for the owners of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def unpack(self, base: Path) -> None:
        """Begin with Debian."""
        self.folder.mkdir(parents=True)
        run(["tar", "-C", self.folder, "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xf", base])

    def inside(self, *command: str) -> str:
        """Run a program of this root, of whatever architecture, and return what it prints. Raises BuildError."""
        return OpenRoot(self.folder).run(command, capture=True)

    def install(self, package: Path) -> None:
        """Install one Debian package whose dependencies are there. Raises BuildError."""
        target = self.folder / "tmp" / package.name
        shutil.copy(package, target)
        policy = self.folder / "usr" / "sbin" / "policy-rc.d"  # nothing is started in here
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        try:
            self.inside("dpkg", "--install", f"/tmp/{package.name}")
        finally:
            policy.unlink()
            target.unlink()

    def lay_over(self, overlay: Path) -> None:
        """Copy a tree of files over it: owned by root, modes as they are, links as links, caches of Python left out."""
        for source in sorted(overlay.rglob("*")):
            if "__pycache__" in source.parts:
                continue
            target = self.folder / source.relative_to(overlay)
            if source.is_symlink():
                target.unlink(missing_ok=True)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(os.readlink(source))
            elif source.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target, follow_symlinks=False)
                target.chmod(0o755 if source.stat().st_mode & 0o111 else 0o644)

    def put(self, path: str, text: str) -> None:
        """Write one file."""
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)

    def link(self, path: str, to: str) -> None:
        """Make a symbolic link in place of what is there."""
        target = self.folder / path.lstrip("/")
        target.unlink(missing_ok=True)
        target.symlink_to(to)

    def remove(self, patterns: Iterable[str]) -> None:
        """Remove what matches these patterns, folders with everything in them."""
        for pattern in patterns:
            for path in self.folder.glob(pattern.lstrip("/")):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def size(self) -> int:
        """What its files take, in bytes, in blocks of 4 KiB."""
        total = 0
        for folder, folders, files in os.walk(self.folder):
            for name in (*folders, *files):
                total += (os.lstat(os.path.join(folder, name)).st_size + 4095) // 4096 * 4096 + 256
        return total

    def keep_boot_files(self, files: dict[str, Path]) -> None:
        """Put a slot's boot files where an update finds them: ``/usr/lib/offhook-boot``."""
        home = self.folder / "usr" / "lib" / "offhook-boot"
        home.mkdir(parents=True, exist_ok=True)
        for name, file in files.items():
            shutil.copy(file, home / name)
