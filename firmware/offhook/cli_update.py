"""``offhook update``: install another version, and try it when nobody would notice.

By hand with a URL or ``--from FILE``; ``--asked`` and ``--ended`` are of ``offhook-update.service``.
"""

import argparse
import os

from offhook import __version__
from offhook.cli_control import EX_NOT_DONE, EX_OK, complain
from offhook.cli_health import asker
from offhook.config.remote import https_url
from offhook.daemon import journal
from offhook.device.update import request as requests
from offhook.device.update.machine import alone, image_version, this_machine
from offhook.device.update.rauc import Rauc
from offhook.device.update.request import RequestError, UpdateRequest
from offhook.device.update.updater import Updater
from offhook.device.update.updaterecord import BUNDLE, Record, Records
from offhook.device.update.updatestate import Phase
from offhook.errors import OffhookError


def main(args: argparse.Namespace) -> int:
    """Return 0 where the update waits for its trial or none was to be done, 1 where it failed."""
    journal.set_up("info")
    try:
        if os.geteuid() != 0:
            raise OffhookError("updates are root's business: sudo offhook update ...")
        request = requests.take() if args.asked else None  # taken in any case, or the path unit would start this anew
        with alone():
            record = _update(args, request)
    except OffhookError as error:
        return complain(error)
    if args.ended:
        return EX_OK  # how it went is said already
    if record.phase in (Phase.FAILED, Phase.IDLE):
        return complain(OffhookError(record.reason or "there is no update to do")) if record.reason else EX_OK
    print(f"version {record.version or 'unknown'}: {record.phase.value}")
    return EX_OK if record.phase is not Phase.FETCHING else EX_NOT_DONE


def _update(args: argparse.Namespace, request: UpdateRequest | None) -> Record:
    machine = this_machine(asker(args.control_socket))
    running = (machine.boot.slot, image_version() or __version__)
    updater = Updater(running, Records(), Rauc(), machine, BUNDLE)
    if args.ended:
        return updater.ended()
    if request is not None:
        return updater.update(request, only_newer=True)
    if args.file is not None:
        return updater.update_from(args.file.resolve())
    if args.url is None:  # one that is installed and was not tried yet
        return updater.resume()
    return updater.update(UpdateRequest(_url(args.url), "", "", args.ca_file or ""), only_newer=False)


def _url(text: str) -> str:
    try:
        return https_url(text)
    except ValueError as error:
        raise RequestError(f"the URL {error}") from None
