"""The board socket: newline-delimited JSON through which a program holds the simulated phone in its hands.

Requests on one connection run in order, connections side by side. A request may carry ``id``; it is answered by
``{"id": .., "ok": true, ...}`` or ``{"id": .., "ok": false, "error": ".."}``. After ``{"do":"watch"}`` a connection is
sent what can be observed of the phone, each event with ``t`` in seconds on CLOCK_MONOTONIC.
"""

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from offhook.errors import DeviceError, OffhookError
from offhook.sim.board import SimulatedBoard
from offhook.sim.requests import Request, RequestError, perform

_LONGEST_LINE = 64 * 1024
_MOST_UNSENT = 1024 * 1024


@runtime_checkable
class Observation(Protocol):
    """What can be fanned out (:mod:`offhook.engine.observations`)."""

    def to_json(self) -> Mapping[str, object]:
        """Return the flat dict that watchers are sent."""


class BoardSocket:
    """Serves the board socket. An :class:`offhook.engine.ports.Observer`."""

    def __init__(
        self, board: SimulatedBoard, path: Path, status: Callable[[], Mapping[str, object]], clock: Callable[[], float]
    ) -> None:
        """``status`` gives the status object; ``clock`` stamps the events."""
        self._board = board
        self._path = path
        self._status = status
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._watchers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen. Raises DeviceError where the path cannot be used."""
        listener = _listen(self._path)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener)

    async def stop(self) -> None:
        """Close every connection and the socket."""
        if self._server is not None:
            self._server.close()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def note(self, observation: object) -> None:
        """Tell every watcher; one that does not read is disconnected."""
        if not isinstance(observation, Observation) or not self._watchers:
            return
        line = _line({"t": self._clock(), **observation.to_json()})
        for writer in list(self._watchers):
            if writer.transport.get_write_buffer_size() > _MOST_UNSENT:
                self._watchers.discard(writer)
                writer.transport.abort()
            else:
                writer.write(line)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            self._watchers.discard(writer)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pending, skipping = b"", False
        while chunk := await reader.read(_LONGEST_LINE):
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                if not skipping and line.strip():
                    writer.write(_line(await self._answer(line, writer)))
                    await writer.drain()
                skipping = False
            if len(pending) > _LONGEST_LINE:
                pending = b""
                if not skipping:
                    writer.write(_line({"ok": False, "error": f"a line may have {_LONGEST_LINE} bytes: send less"}))
                skipping = True

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> Mapping[str, object]:
        identity: Mapping[str, object] = {}
        try:
            request = Request.parse(line)
            identity = request.identity
            if request.do == "watch":
                self._watchers.add(writer)
                return {**identity, "ok": True}
            if request.do == "status":
                return {**identity, "ok": True, "status": self._status()}
            await perform(self._board, request)
        except RequestError as error:
            return {**(error.identity or identity), "ok": False, "error": str(error)}
        except OffhookError as error:
            return {**identity, "ok": False, "error": str(error)}
        return {**identity, "ok": True}


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _listen(path: Path) -> socket.socket:
    """Bind a Unix socket that only this user may open; one that a dead phone left behind is taken over."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
            path.unlink()
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen()
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise DeviceError(f"board socket {path}: {error.strerror or error}; give another path") from error
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
