"""``offhook health``: at every start of a device with two slots; a trial is committed by it, or ended."""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

from offhook.cli_control import EX_OK, Control, complain
from offhook.daemon import journal
from offhook.device.update.machine import image_version, this_machine
from offhook.device.update.quiet import Status
from offhook.device.update.trial import Starter, TrialLimits
from offhook.device.update.updaterecord import Records
from offhook.errors import OffhookError


def main(args: argparse.Namespace) -> int:
    """Look at this start; return 0, or 1 where nothing could be done."""
    journal.set_up("info")
    try:
        machine = this_machine()
        limits = TrialLimits(within=args.within)
        ask = asker(args.control_socket)
        record = Starter(machine.boot, Records(), machine, ask, version=image_version(), limits=limits).run()
    except OffhookError as error:
        return complain(error)
    logging.getLogger(__name__).info("slot %s; the last update: %s", machine.boot.slot, record.phase.value)
    return EX_OK


def asker(path: Path | None) -> Callable[[], Status | None]:
    """Return what asks the phone for its status; None where none answers."""

    def ask() -> Status | None:
        try:
            with Control(path) as phone:
                status = phone.ask("status").get("status")
        except OffhookError:
            return None
        return status if isinstance(status, dict) else None

    return ask
