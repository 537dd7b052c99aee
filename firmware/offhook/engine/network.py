"""Watches the network: who asks to be told hears once when links, addresses or routes have changed and settled."""

import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import Callable

from offhook.engine.netlink import (
    GROUPS,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETROUTE,
    NetworkState,
    dump_request,
    parse_netlink,
)

_log = logging.getLogger(__name__)
_QUIET_S = 0.4
_LONGEST_S = 2.0
_PIECE = 65536
_BATCH = 64
_BUFFER = 256 * 1024


class NetworkWatch:
    """Reads an rtnetlink socket on the running loop.

    ``on_change(state)`` is called when nothing has changed any more for 0.4 s, and 2 s after the first change at the
    latest: an address, its route and the link come one by one.
    """

    def __init__(self, on_change: Callable[[NetworkState], None]) -> None:
        self.state = NetworkState()
        self._on_change = on_change
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._first = 0.0
        self._learnt = False

    def start(self) -> None:
        """Begin to watch; where the kernel does not let us, the log says so, and timers find out what changed."""
        try:
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        except OSError as error:
            self._unable(error)
            return
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            sock.bind((0, GROUPS))
        except OSError as error:
            sock.close()
            self._unable(error)
            return
        self._socket = sock
        self._ask()
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable)

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _ask(self) -> None:
        """Ask for all that there is, one kind after another: the kernel runs one dump of a socket at a time."""
        sock = self._socket
        if sock is None:
            return
        for kind in (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE):
            try:
                sock.send(dump_request(kind))
                self._take_dump(sock)
            except OSError as error:
                _log.warning("the kernel does not list the network: %s", error.strerror)
        self._learnt = True

    def _take_dump(self, sock: socket.socket) -> None:
        sock.settimeout(1.0)
        try:
            while True:
                data = sock.recv(_PIECE)
                for change in parse_netlink(data):
                    self.state.apply(change)
                if _is_end(data):
                    return
        finally:
            sock.setblocking(False)

    def _readable(self) -> None:
        for _ in range(_BATCH):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(_PIECE)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    _log.warning("watching the network: %s", os.strerror(error.errno or 0))
                    return
                # Messages were lost: learn everything anew, and assume that something has changed.
                self.state = NetworkState()
                self._ask()
                self._changed()
                continue
            if any([self.state.apply(change) for change in parse_netlink(data)]):
                self._changed()

    def _changed(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None:
            self._first = now
        else:
            self._timer.cancel()
        self._timer = loop.call_at(min(now + _QUIET_S, self._first + _LONGEST_S), self._tell)

    def _tell(self) -> None:
        self._timer = None
        _log.info("the network has changed: %s", ", ".join(sorted(self.state.addresses)) or "no address")
        self._on_change(self.state)

    def _unable(self, error: OSError) -> None:
        _log.warning("cannot watch the network (%s): changes are found out by time-outs only", error.strerror)


def _is_end(data: bytes) -> bool:
    """Whether a datagram ends a dump: NLMSG_DONE or NLMSG_ERROR is its last message."""
    at = 0
    while at + 16 <= len(data):
        length = int.from_bytes(data[at : at + 4], sys.byteorder)
        if int.from_bytes(data[at + 4 : at + 6], sys.byteorder) in (2, 3) or length < 16:
            return True
        at += (length + 3) & ~3
    return False
