"""``offhook run`` and ``offhook sim``: the media process first, then the phone.

Imports little: the media process, which needs a second to import numpy on a small board, does so while this one imports
what it needs itself, the parser of the command line included.
"""

import gc
import os
from collections.abc import Callable

from offhook.engine.mediachild import MediaChild


def run(phone: Callable[[MediaChild | None], int]) -> int:
    """Run ``phone`` beside a media process; return its exit status.

    That is 0, 78 for files with faults, 69 where nothing can start.
    """
    gc.disable()  # nothing of what is imported now is garbage, and looking for some takes a fifth of the time
    os.umask(0o077)  # configs, prompts and the phone's identity are nobody else's business
    try:
        child = MediaChild()
    except OSError:
        child = None  # said, and tried again, by whoever wants sound
    try:
        from offhook.daemon import journal

        journal.set_up("info")
        return phone(child)
    finally:
        if child is not None:
            child.dismiss()
