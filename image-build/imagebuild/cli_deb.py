"""``./dev deb``: the Debian packages."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from imagebuild.buildroot import need_root
from imagebuild.debian import SUITES, Arch, Suite, arch_of, suite_of, this_arch
from imagebuild.debpackage import DebPackage
from imagebuild.errors import BuildError

SOURCE = Path(__file__).resolve().parents[2]
OUTPUT = SOURCE / "build" / "deb"


def main(arguments: Sequence[str]) -> int:
    """Build the packages that the arguments name; print each one's path. Return the exit status."""
    args = _parser().parse_args(arguments)
    try:
        wanted = list(_wanted(args))
        need_root()
        for suite, arch in wanted:
            started = time.monotonic()
            path = DebPackage(SOURCE, suite, arch).build(OUTPUT, fresh=args.fresh)
            took = time.monotonic() - started
            print(f"imagebuild: {path.stat().st_size / 1e6:.1f} MB in {took:.0f} s", file=sys.stderr, flush=True)
            print(path, flush=True)
    except BuildError as error:
        print(f"imagebuild: {error}", file=sys.stderr)
        return 1
    return 0


def _wanted(args: argparse.Namespace) -> Iterator[tuple[Suite, Arch]]:
    if args.all:
        yield from ((suite, arch) for suite in SUITES.values() for arch in get_args(Arch))
    else:
        yield suite_of(args.suite), arch_of(args.arch) if args.arch else this_arch()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev deb", description="Build Debian packages into build/deb/.")
    parser.add_argument("--suite", default="trixie", help="trixie (the default) or bookworm")
    parser.add_argument("--arch", help="amd64 or arm64; not given: this machine's own")
    parser.add_argument("--all", action="store_true", help="both suites, both architectures")
    parser.add_argument("--fresh", action="store_true", help="make the build root anew, with today's packages")
    return parser
