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
from imagebuild.installtrial import InstallTrial

SOURCE = Path(__file__).resolve().parents[2]
OUTPUT = SOURCE / "build" / "deb"


def main(arguments: Sequence[str]) -> int:
    """Build the packages that the arguments name; print each one's path. Return the exit status."""
    args = _parser().parse_args(arguments)
    try:
        wanted = list(_wanted(args))
        need_root()
        for suite, arch in wanted:
            path = _build(DebPackage(SOURCE, suite, arch), args.fresh)
            if args.trial:
                InstallTrial(path, SOURCE, suite, arch).run()
            print(path, flush=True)
    except BuildError as error:
        _say(str(error))
        return 1
    return 0


def _build(package: DebPackage, fresh: bool) -> Path:
    current = None if fresh else package.current(OUTPUT)
    if current is not None:
        _say(f"{current.name} is current")
        return current
    started = time.monotonic()
    path = package.build(OUTPUT, fresh)
    _say(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {time.monotonic() - started:.0f} s")
    return path


def _say(text: str) -> None:
    print(f"imagebuild: {text}", file=sys.stderr, flush=True)


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
    parser.add_argument("--fresh", action="store_true", help="make everything anew, with today's packages")
    parser.add_argument(
        "--try", action="store_true", dest="trial", help="then install, run, upgrade, remove and purge it in a root"
    )
    return parser
