"""``./dev image``: the virtual phone's disk."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from imagebuild.cli_lint import main as lint_source
from imagebuild.debian import Arch
from imagebuild.errors import BuildError
from imagebuild.image import BUILD, VirtualImage
from imagebuild.layout import SCHEMES
from imagebuild.stopwatch import Stopwatch


def newest_package(arch: Arch, folder: Path = BUILD / "deb") -> Path | None:
    """The offhook package for trixie that was built last; None when there is none."""
    packages = sorted(folder.glob(f"offhook_*~deb13_{arch}.deb"), key=lambda package: package.stat().st_mtime)
    return packages[-1] if packages else None


def main(arguments: list[str]) -> int:
    """Build it and say where it is."""
    parser = argparse.ArgumentParser(prog="./dev image", description=__doc__)
    parser.add_argument("--arch", choices=get_args(Arch), default="amd64")
    parser.add_argument("--scheme", choices=SCHEMES, default="partition", help="how slots are laid out (see README)")
    parser.add_argument("--lint", action="store_true", help="check the Raspberry Pi image's source instead")
    chosen = parser.parse_args(arguments)
    if chosen.lint:
        return lint_source()
    stopwatch = Stopwatch()
    try:
        package = newest_package(chosen.arch)
        image = VirtualImage(chosen.arch, chosen.scheme, package, stopwatch)
        facts = image.build()
    except BuildError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    stopwatch.total("image: all of it")
    print(f"{image.folder / facts.disk}: {facts.package or 'without the phone: ./dev deb was not run'}")
    return 0
