"""The media process as a child: started before anything heavy is imported, so that it imports what it needs meanwhile.

It waits for its first message (:class:`offhook.media.messages.Configure`) and ends when its socket is closed.
"""

import os
import signal
import socket
import sys


class MediaChild:
    """One media process and this side's end of its socket, which does not block.

    Not by ``subprocess``: to import that takes a third of the time until here.
    """

    def __init__(self) -> None:
        """Raises OSError."""
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.setblocking(False)
        theirs.set_inheritable(True)  # nothing else of ours is
        root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
        # One thread is all that numpy's algebra gets here: its pool would only cost memory.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                (sys.executable, "-m", "offhook.media", str(theirs.fileno())),
                environment,
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            )
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()
        self._status: int | None = None

    def status(self) -> int | None:
        """Return its exit status (-9 where signal 9 ended it), None while it runs."""
        return self._wait(os.WNOHANG)

    def kill(self) -> None:
        """End it at once; one that has ended is no fault."""
        if self.status() is None:
            os.kill(self.pid, signal.SIGKILL)

    def dismiss(self) -> None:
        """End it, and wait until it has; one that has ended is no fault."""
        self.control.close()
        self.kill()
        self._wait(0)

    def _wait(self, options: int) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status
