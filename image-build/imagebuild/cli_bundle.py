"""``./dev bundle``: make a signed update of a root's ext4 image."""

import argparse
import sys
from pathlib import Path

from imagebuild.bundle import Signing, make_bundle
from imagebuild.errors import BuildError


def main(arguments: list[str]) -> int:
    """Make one bundle; return the exit status."""
    parser = argparse.ArgumentParser(prog="./dev bundle", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, metavar="IMAGE", help="ext4 image of a root")
    parser.add_argument("--compatible", required=True, metavar="NAME", help="kind of machine (its system.conf)")
    parser.add_argument("--version", required=True, help="version, as the root's os-release says IMAGE_VERSION")
    parser.add_argument("--cert", type=Path, required=True, metavar="PEM", help="certificate of who signs")
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="its key; keep it off the network")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the bundle")
    args = parser.parse_args(arguments)
    try:
        make_bundle(args.root, args.out, args.compatible, args.version, Signing(args.cert, args.key))
    except BuildError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {args.out.stat().st_size >> 20} MiB")
    return 0
