"""``python -m offhook.media FD`` is the media process."""

import gc
import sys


def main() -> int:
    """Import what the media process needs, and be it."""
    gc.disable()  # nothing of what is imported now is garbage; the process has its own rule from then on
    from offhook.media.process import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
