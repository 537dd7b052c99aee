"""``python -m imagebuild VERB [ARGUMENTS]``: what ``./dev deb``, ``image`` and ``vm`` run."""

import importlib
import sys

VERBS = {
    "bundle": "imagebuild.cli_bundle",
    "deb": "imagebuild.cli_deb",
    "image": "imagebuild.cli_image",
    "install": "imagebuild.cli_install",
}


def main(arguments: list[str]) -> int:
    """Run one verb; its module is imported only then."""
    if not arguments or arguments[0] not in VERBS:
        print(f"one of {', '.join(VERBS)} is needed", file=sys.stderr)
        return 2
    status: int = importlib.import_module(VERBS[arguments[0]]).main(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
