"""``offhook data VERB PLACE``: what the units of the data partition ask for, as root."""

import argparse
import sys
import time

from offhook.cli_control import EX_OK, complain
from offhook.errors import OffhookError


def main(args: argparse.Namespace) -> int:
    """Do one verb; return 0, or what :func:`complain` returns where the partition cannot be used."""
    try:
        if args.verb == "check":
            return _check(args)
        return _grow(args)
    except OffhookError as error:
        return complain(error)


def _check(args: argparse.Namespace) -> int:
    """Mend it, or make it anew."""
    from offhook.device.boot.bootstate import read_boot_state
    from offhook.device.data.datacheck import settle
    from offhook.device.data.datapartition import DataPartition

    boot = read_boot_state()
    settle(DataPartition(args.place), trial=boot is not None and boot.trial, pause=time.sleep, say=_say)
    return EX_OK


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _grow(args: argparse.Namespace) -> int:
    """Let it take what room the card has."""
    from offhook.device.data.datagrowth import grow_data

    grow_data(args.place, _say)
    return EX_OK
