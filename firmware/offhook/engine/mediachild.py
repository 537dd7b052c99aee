"""The media process as a child: started before anything heavy is imported, so that it imports what it needs meanwhile.

It waits for its first message (:class:`offhook.media.messages.Configure`) and ends when its socket is closed.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path


class MediaChild:
    """One media process and this side's end of its socket, which does not block."""

    def __init__(self) -> None:
        """Raises OSError."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setblocking(False)
        root = str(Path(__file__).parents[2])
        # One thread is all that numpy's algebra gets here: its pool would only cost memory.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        try:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "offhook.media", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
            )
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def status(self) -> int | None:
        """Return its exit status, None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once; one that has ended is no fault."""
        self._process.kill()

    def dismiss(self) -> None:
        """End it, and wait until it has; one that has ended is no fault."""
        self.control.close()
        self._process.kill()
        self._process.wait()
