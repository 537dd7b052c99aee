"""``offhook run`` and ``offhook sim``: the media process first, then the phone.

Imports little: the media process, which needs a second to import numpy on a small board, does so while this one imports
what it needs itself.
"""

import argparse
import gc
import os

from offhook.engine.mediachild import MediaChild


def run(args: argparse.Namespace, *, simulator: bool = False) -> int:
    """Be the phone until SIGTERM; return the exit status: 0, 78 for files with faults, 69 where nothing can start."""
    gc.disable()  # nothing of what is imported now is garbage, and looking for some takes a fifth of the time
    os.umask(0o077)  # configs, prompts and the phone's identity are nobody else's business
    try:
        child = MediaChild()
    except OSError:
        child = None  # said, and tried again, by whoever wants sound
    try:
        from offhook.daemon import journal
        from offhook.daemon.options import Options

        journal.set_up("info")
        options = Options.of_sim(args) if simulator else Options.of_run(args)
        from offhook.daemon.life import live

        return live(options, child)
    finally:
        if child is not None:
            child.dismiss()
