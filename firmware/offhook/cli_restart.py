"""``offhook restart [--look]``: restart the phone once nobody uses it; a new version of the package waits for that."""

import argparse
import os
import time

from offhook.cli_control import EX_NOT_DONE, EX_OK, complain
from offhook.cli_health import asker
from offhook.device.phoneservice import PhoneService
from offhook.device.update.quiet import Waiter, in_use
from offhook.errors import OffhookError


def main(args: argparse.Namespace) -> int:
    """Return 0 where the phone was restarted, by this command or, while it waited, by others.

    With ``--look``: 0 where a restart would disturb nobody now, else 1.
    """
    ask = asker(args.control_socket)
    if args.look:
        reason = in_use(ask())
        print(reason or "nobody uses the phone")
        return EX_NOT_DONE if reason else EX_OK
    try:
        if os.geteuid() != 0:
            raise OffhookError("a restart is root's business: sudo offhook restart")
        service = PhoneService()
        pid = service.pid()
        if pid:  # without a process there is nobody to disturb
            waiter = Waiter(ask, time.monotonic, time.sleep)
            waiter.wait(in_use, lambda reason: print(f"the restart waits: {reason}", flush=True))
        if not service.restart(pid):
            print("the phone was restarted meanwhile: nothing is left to do")
    except OffhookError as error:
        return complain(error)
    return EX_OK
