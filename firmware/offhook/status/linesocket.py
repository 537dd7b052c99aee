"""A Unix stream socket that speaks newline-delimited JSON: requests in order per connection, events to who watches.

A request may carry ``id``; it is answered by ``{"id": .., "ok": true, ...}`` or ``{"id": .., "ok": false, "error":
".."}``, and a bad line by an error, after which the connection lives on. Watchers are sent each observation with ``t``,
seconds on CLOCK_MONOTONIC.
"""

import asyncio
import contextlib
import json
import os
import socket
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Protocol, runtime_checkable

from offhook.errors import DeviceError, OffhookError

_LONGEST_LINE = 64 * 1024
_MOST_UNSENT = 1024 * 1024

Fields = Mapping[str, frozenset[str]]


@runtime_checkable
class Observation(Protocol):
    """What can be fanned out (:mod:`offhook.engine.observations`)."""

    def to_json(self) -> Mapping[str, object]:
        """Return the flat dict that watchers are sent."""


class RequestError(OffhookError):
    """A request cannot be understood; ``identity`` holds its ``id`` where it had a readable one."""

    def __init__(self, problem: str, identity: Mapping[str, object] | None = None) -> None:
        super().__init__(problem)
        self.identity = identity


@dataclass(frozen=True, slots=True)
class LineRequest:
    """One request: what to do, with what; ``identity`` is ``{"id": ..}`` or empty."""

    do: str
    fields: Mapping[str, object]
    identity: Mapping[str, object]

    @classmethod
    def read(cls, line: bytes, known: Fields) -> "LineRequest":
        """Read a line; ``known`` names what can be asked for, and the fields that each takes. Raises RequestError."""
        try:
            value = json.loads(line.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"not a line of JSON ({error}): send one object per line") from None
        if not isinstance(value, dict):
            raise RequestError('not a JSON object: send {"do": ...}')
        identity = {"id": value.pop("id")} if "id" in value else {}
        do = value.pop("do", None)
        if not isinstance(do, str) or do not in known:
            raise RequestError(f'"do" must be one of {", ".join(known)}', identity)
        unknown = sorted(set(value) - known[do])
        if unknown:
            takes = ", ".join(sorted(known[do])) or "nothing more"
            raise RequestError(f'"{do}" does not take {", ".join(unknown)}: it takes {takes}', identity)
        return cls(do, value, identity)


class LineSocket(ABC):
    """Serves one path. An :class:`offhook.engine.ports.Observer`; :meth:`answer` is what a child adds."""

    name = "socket"
    mode = 0o600

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """``clock`` stamps the events."""
        self.path = path
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._watchers: set[asyncio.StreamWriter] = set()

    @abstractmethod
    def read(self, line: bytes) -> LineRequest:
        """Read one request. Raises RequestError."""

    @abstractmethod
    async def answer(self, request: LineRequest) -> Mapping[str, object]:
        """Do what is asked, except ``watch``; return what the answer says beyond ``ok``. Raises OffhookError."""

    async def start(self) -> None:
        """Listen, once. Raises DeviceError where the path cannot be used."""
        if self._server is not None:
            return
        listener = _listen(self.path, self.name, self.mode)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener)

    async def stop(self) -> None:
        """Close every connection and the socket."""
        if self._server is None:
            return
        self._server.close()
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

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
                    writer.write(_line(await self._answered(line, writer)))
                    await writer.drain()
                skipping = False
            if len(pending) > _LONGEST_LINE:
                pending = b""
                if not skipping:
                    writer.write(_line({"ok": False, "error": f"a line may have {_LONGEST_LINE} bytes: send less"}))
                skipping = True

    async def _answered(self, line: bytes, writer: asyncio.StreamWriter) -> Mapping[str, object]:
        identity: Mapping[str, object] = {}
        try:
            request = self.read(line)
            identity = request.identity
            if request.do == "watch":
                self._watchers.add(writer)
                return {**identity, "ok": True}
            return {**identity, "ok": True, **await self.answer(request)}
        except RequestError as error:
            return {**(error.identity or identity), "ok": False, "error": str(error)}
        except OffhookError as error:
            return {**identity, "ok": False, "error": str(error)}


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    """Read a number that can be written again: JSON has no infinity, and an ``id`` goes back as it came."""
    number = float(text)
    return number if isfinite(number) else _refuse(text)


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _listen(path: Path, name: str, mode: int) -> socket.socket:
    """Bind a Unix socket that only some may open; one that a dead phone left behind is taken over."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
            path.unlink()
        before = os.umask(0o777 & ~mode)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen()
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise DeviceError(f"{name} {path}: {error.strerror or error}; give another path") from error
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
