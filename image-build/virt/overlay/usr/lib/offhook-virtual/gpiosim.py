"""The simulated GPIO chip, as the hand that touches it: runs in the guest, through the command channel.

Lines are BCM numbers. gpio-sim's files: Documentation/admin-guide/gpio/gpio-sim.rst; ``link``: ../../modules/matrix.h.
"""

import glob
import os
import time

LINK = "/sys/module/gpio_sim/parameters/link"


def _home():
    # Not "**" from /sys/devices on: it follows links, and there they lead round and round.
    found = glob.glob("/sys/bus/platform/drivers/gpio-sim/*/*/sim_gpio0")
    if len(found) != 1:
        raise RuntimeError(f"not one simulated chip but {found}")
    return os.path.dirname(found[0])


def pull(line, level):
    """Pull an input; the phone sees the edge, with the kernel's time stamp."""
    with open(f"{_home()}/sim_gpio{line}/pull", "w") as file:
        file.write("pull-up" if level else "pull-down")


def level(line):
    """The level of a line: what the phone drives, or what pulls it."""
    with open(f"{_home()}/sim_gpio{line}/value") as file:
        return int(file.read())


def _link(column, rows):
    with open(LINK) as file:
        masks = file.read().strip().split(",")
    masks[column] = str(sum(1 << row for row in rows))
    with open(LINK, "w") as file:
        file.write(",".join(masks))


def close_key(row, column):
    """Join a row to a column, as a pressed key does; rows that were joined to it before are no longer."""
    _link(column, [row])
    pull(column, 0)


def open_key(column):
    """Let go of the keys in a column."""
    pull(column, 1)
    _link(column, [])


def tap_keys(keys, hold, pause):
    """Press keys, (row, column) each, one after the other; seconds of the guest's own clock."""
    for row, column in keys:
        close_key(row, column)
        time.sleep(hold)
        open_key(column)
        time.sleep(pause)


def watch(lines, duration, period=0.005):
    """The changes of some lines: [[seconds since the start, line, level], ...]; the first entries are the start."""
    begun = time.monotonic()
    levels = {}
    changes = []
    while (now := time.monotonic() - begun) < duration:
        for line in lines:
            value = level(line)
            if levels.get(line) != value:
                levels[line] = value
                changes.append([round(now, 4), line, value])
        time.sleep(period)
    return changes
