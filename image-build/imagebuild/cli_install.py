"""``sudo ./dev install --board NAME``: a checkout becomes the phone of this machine, by the package of elsewhere."""

import argparse
import grp
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from imagebuild.buildroot import need_root
from imagebuild.cli_deb import OUTPUT, SOURCE
from imagebuild.debian import this_arch, this_suite
from imagebuild.debpackage import DebPackage
from imagebuild.errors import BuildError

CONFIG = Path("/etc/offhook/offhook.yaml")
BOARD = Path("/etc/offhook/board.yaml")
_GROUP = "offhook"


def main(arguments: Sequence[str]) -> int:
    """Build where that is needed, install, lay the board file and an example config down; return the exit status."""
    args = _parser().parse_args(arguments)
    try:
        board = board_file(args.board, SOURCE / "boardconfig")
        need_root()
        package = DebPackage(SOURCE, this_suite(), this_arch())
        deb = package.current(OUTPUT) or package.build(OUTPUT)
        _apt_install(deb)
        lay(board, BOARD, 0o644)
        if not CONFIG.exists():
            lay(SOURCE / "image-build" / "package" / "example.yaml", CONFIG, 0o640)
            _say(f"{CONFIG} is an example: fill in country and account")
        _next_steps()
    except BuildError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


def board_file(name: str, folder: Path) -> Path:
    """Return the board file of a name or path. Raises BuildError, with the names that there are."""
    given = Path(name)
    if given.suffix == ".yaml" and given.is_file():
        return given
    path = folder / f"{name}.yaml"
    if "/" not in name and path.is_file():
        return path
    names = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
    raise BuildError(f"there is no board {name}: choose one of {names}, or give the path of your own file")


def lay(source: Path, target: Path, mode: int) -> None:
    """Put a file in its place at once, group offhook; another one that lay there is kept as ``NAME.before``."""
    text = source.read_bytes()
    if target.exists():
        if target.read_bytes() == text:
            return
        shutil.copy2(target, target.with_name(f"{target.name}.before"))
        _say(f"the {target.name} that lay there is now {target.name}.before")
    fresh = target.with_name(f".{target.name}.new")
    with fresh.open("wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    shutil.chown(fresh, group=_group())
    fresh.rename(target)


def _group() -> int:
    try:
        return grp.getgrnam(_GROUP).gr_gid
    except KeyError:
        raise BuildError(f"the package made no group {_GROUP}: see what apt says above") from None


def _apt_install(deb: Path) -> None:
    command = ["apt-get", "install", "-y", "--reinstall", "--allow-downgrades", "-o", "Dpkg::Use-Pty=0", str(deb)]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, env=env, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise BuildError("apt-get cannot install the package: see what it says above; apt-get update may help")


def _next_steps() -> None:
    """Say what is left to do, by what `offhook check` makes of the config."""
    checked = subprocess.run(["/usr/bin/offhook", "check", str(CONFIG)], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        _say(f"edit {CONFIG}; these faults are in it now:")
        print((checked.stdout + checked.stderr).rstrip(), file=sys.stderr)
    if not Path("/run/systemd/system").is_dir():
        _say("systemd does not run here: the phone starts with the machine")
    elif checked.returncode != 0:
        _say(f"then: sudo offhook check {CONFIG} && sudo systemctl restart offhook")
    else:
        _say("start it with: sudo systemctl restart offhook")


def _say(text: str) -> None:
    print(f"install: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev install", description="Make this machine a phone, from this checkout.")
    parser.add_argument("--board", required=True, metavar="NAME", help="a file of boardconfig/ by its name, or a path")
    return parser
