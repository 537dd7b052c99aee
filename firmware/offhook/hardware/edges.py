"""One thread that waits for the edges of every line."""

import contextlib
import errno
import logging
import os
import select
import threading
from typing import Protocol

_log = logging.getLogger(__name__)


class EdgeSource(Protocol):
    """Whoever reads the events of one file descriptor."""

    def read_edges(self) -> None:
        """Take what is there. Raises OSError where the line is lost."""

    def lose(self, reason: str) -> None:
        """Live on without edges: the line is lost."""


class EdgeReader:
    """Calls ``read_edges`` of each source, in its own thread, when the source's descriptor has something to read.

    A descriptor that reports an error, as those of a chip do that was removed, is watched no longer.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._sources: dict[int, EdgeSource] = {}
        self._thread: threading.Thread | None = None

    def watch(self, fd: int, source: EdgeSource) -> None:
        """Begin to wait for a descriptor; the thread starts with the first."""
        self._sources[fd] = source
        self._epoll.register(fd, select.EPOLLIN)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="gpio-edges", daemon=True)
            self._thread.start()

    def forget(self, fd: int) -> None:
        """Wait for a descriptor no longer; call it before the descriptor is closed."""
        if self._sources.pop(fd, None) is not None:
            with contextlib.suppress(OSError):  # closed meanwhile by the other thread: it is out already
                self._epoll.unregister(fd)

    def close(self) -> None:
        """End the thread. Not to be called from it."""
        if self._epoll.closed:
            return
        thread, self._thread = self._thread, None
        if thread is not None:
            os.eventfd_write(self._wake, 1)
            thread.join()
        self._sources.clear()
        self._epoll.close()
        os.close(self._wake)

    def _run(self) -> None:
        while True:
            for fd, mask in self._epoll.poll():
                if fd == self._wake:
                    return
                source = self._sources.get(fd)
                if source is None:  # forgotten since the poll returned
                    continue
                try:
                    if mask & select.EPOLLIN:
                        source.read_edges()
                    elif mask & (select.EPOLLERR | select.EPOLLHUP):
                        raise OSError(errno.ENODEV, "its chip was removed")
                except OSError as error:
                    self.forget(fd)
                    source.lose(error.strerror or str(error))
                except Exception:
                    _log.exception("an edge was not passed on")
