"""``offhook slot VERB``: what RAUC asks of its boot loader (``bootloader=custom``), and its post-install handler.

============================ ===========================================================================
``get-primary``              the slot that starts next: the armed one, else the one that was committed
``set-primary SLOT``         arm: this slot is tried at the next restart that an update makes
``get-state SLOT``           ``good`` or ``bad``
``set-state SLOT STATE``
``get-current``              the slot that runs
``post-install``             copy boot files of the slots that were written (``RAUC_*`` of the environment)
============================ ===========================================================================
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from offhook.cli_control import EX_OK, complain
from offhook.device.boot.slots import SlotError, slot_named
from offhook.device.update.machine import Machine, this_machine
from offhook.device.update.updaterecord import Records
from offhook.errors import OffhookError

WORDS = {"get-primary": 0, "set-primary": 1, "get-state": 1, "set-state": 2, "get-current": 0, "post-install": 0}


def main(args: argparse.Namespace) -> int:
    """Do one verb; what is asked for goes to standard output."""
    try:
        answer = use(args.verb, args.words, this_machine(), Records(), os.environ)
    except OffhookError as error:
        return complain(error)
    if answer:
        print(answer)
    return EX_OK


def use(verb: str, words: list[str], machine: Machine, records: Records, environment: Mapping[str, str]) -> str:
    """Return the answer. Raises OffhookError."""
    if len(words) != WORDS[verb]:
        raise SlotError(f"offhook slot {verb} takes {WORDS[verb]} words, not {len(words)}")
    if verb == "get-current":
        return machine.boot.slot
    if verb == "post-install":
        for slot, device in written(environment).items():
            machine.copy_boot_files(Path(device), slot_named(slot))
        return ""
    record = records.read()
    if verb == "get-primary":
        return record.armed or machine.primary()
    slot = slot_named(words[0])
    if verb == "get-state":
        return record.standing[slot]
    if verb == "set-primary":
        if slot == machine.primary():
            records.save(replace(record, armed=None))
        else:
            machine.prepare(slot)
            records.save(replace(record.marked(slot, "good"), armed=slot))
        return ""
    if words[1] not in ("good", "bad"):
        raise SlotError(f"{words[1]!r} is no state of a slot: write good or bad")
    if words[1] == "bad" and slot == machine.primary():  # RAUC says so before it writes a slot
        raise SlotError(f"slot {slot} is the one that starts: it is not written over, and not given up")
    records.save(record.marked(slot, "good" if words[1] == "good" else "bad"))
    return ""


def written(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the root slots that RAUC wrote, boot name to device, as its handlers are told."""
    found = {}
    for index in environment.get("RAUC_TARGET_SLOTS", "").split():
        if environment.get(f"RAUC_SLOT_CLASS_{index}") == "rootfs":
            found[environment[f"RAUC_SLOT_BOOTNAME_{index}"]] = environment[f"RAUC_SLOT_DEVICE_{index}"]
    if not found:
        raise SlotError("RAUC named no root slot that was written: post-install is its handler's business")
    return found
