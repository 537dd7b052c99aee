"""``./dev image``: the virtual phone's disk."""

import argparse
import sys
from typing import get_args

from imagebuild.cli_lint import main as lint_source
from imagebuild.debian import Arch
from imagebuild.debpackage import DebPackage
from imagebuild.errors import BuildError
from imagebuild.image import BUILD, VirtualImage
from imagebuild.layout import SCHEMES
from imagebuild.packages import PackageSet
from imagebuild.stopwatch import Stopwatch


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
        with stopwatch.step("package of the phone"):
            deb = DebPackage(BUILD.parent, PackageSet.read().suite, chosen.arch)
            package = deb.current(BUILD / "deb") or deb.build(BUILD / "deb")
        image = VirtualImage(chosen.arch, chosen.scheme, package, stopwatch)
        facts = image.build()
    except BuildError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    stopwatch.total("image: all of it")
    print(f"{image.folder / facts.disk} with {facts.package}")
    return 0
