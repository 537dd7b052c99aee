"""``offhook check FILE``: say everything that is wrong with a config or board file."""

import argparse
import sys
from pathlib import Path

from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board, origins
from offhook.config.warnings import warnings_of
from offhook.daemon.files import VALIDATORS

EX_OK = 0
EX_NOINPUT = 66
EX_CONFIG = 78
"""Exit statuses of sysexits.h, as systemd knows them."""


def main(args: argparse.Namespace) -> int:
    """Check ``args.file`` (a board file with ``args.board``): exit 0, or 78 with one line a fault on stdout.

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
        else:
            config = load(source, file, VALIDATORS)
            places = origins(source, file)
            for warning in warnings_of(config):
                print(f"{places.get(warning.path, warning.path)}: warning: {warning.message}")
    except ConfigError as error:
        for fault in error.faults:
            print(fault)
        if not args.board and any(fault.path == "kind" for fault in error.faults):
            print(f"{file} looks like a board file: offhook check --board {file}", file=sys.stderr)
        return EX_CONFIG
    print(f"{file}: no faults")
    return EX_OK
