"""``offhook check FILE``: say everything that is wrong with a config or board file."""

import argparse
import sys
from pathlib import Path

from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board, origins
from offhook.config.warnings import warnings_of
from offhook.daemon.files import VALIDATORS

BOARDS = (Path("/usr/share/offhook/boards"), Path(__file__).resolve().parents[2] / "boardconfig")
"""Where the board files are: with the package, or in a checkout."""
EX_OK = 0
EX_NOINPUT = 66
EX_CONFIG = 78
"""Exit statuses of sysexits.h, as systemd knows them."""


def main(args: argparse.Namespace) -> int:
    """Check ``args.file``: exit 0, or 78 with one line a fault on stdout.

    It is a config file, with ``args.board`` a board file, with ``args.boot`` that of a boot partition.

    Warnings are told too, and change nothing.
    """
    file = str(args.file)
    try:
        source = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        print(f"{file}: cannot be read ({error.strerror}): check the name and the permissions", file=sys.stderr)
        return EX_NOINPUT
    try:
        if args.board:
            load_board(source, file)
        elif args.boot:
            _check_boot_file(source, file)
        else:
            config = load(source, file, VALIDATORS)
            places = origins(source, file)
            for warning in warnings_of(config):
                print(f"{places.get(warning.path, warning.path)}: warning: {warning.message}")
    except ConfigError as error:
        for fault in error.faults:
            print(fault)
        paths = {fault.path for fault in error.faults} if not args.board and not args.boot else set()
        if "kind" in paths:
            print(f"{file} looks like a board file: offhook check --board {file}", file=sys.stderr)
        elif paths & {"network", "board", "ssh", "certificates"}:
            print(f"{file} looks like the file of a boot partition: offhook check --boot {file}", file=sys.stderr)
        return EX_CONFIG
    print(f"{file}: no faults")
    return EX_OK


def _check_boot_file(source: bytes, file: str) -> None:
    from offhook.device.card.boards import BoardFolder
    from offhook.device.card.bootfile import read_boot_file

    boards = next((folder for folder in BOARDS if folder.is_dir()), BOARDS[0])
    read_boot_file(source, file, BoardFolder(boards), None, VALIDATORS)
