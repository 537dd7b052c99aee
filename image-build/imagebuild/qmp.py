"""QEMU's machine protocol (``docs/interop/qmp-spec``): commands, answers, and events as they come."""

import json
import queue
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagebuild.command import connected
from imagebuild.errors import BuildError

JsonObject = dict[str, Any]


class QmpError(BuildError):
    """QEMU refused a command, or is gone."""


class Qmp:
    """One connection; a thread reads, anyone may ask."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when nobody listens there."""
        self._socket = connected(path)
        self._file = self._socket.makefile("rw", encoding="utf-8", newline="\n")
        self._asking = threading.Lock()
        self._answers: queue.Queue[JsonObject | None] = queue.Queue()
        self._changed = threading.Condition()
        self._events: list[JsonObject] = []
        self._file.readline()  # the greeting
        self._reader = threading.Thread(target=self._read, name="qmp", daemon=True)
        self._reader.start()
        self.ask("qmp_capabilities")

    def ask(self, command: str, arguments: Mapping[str, object] | None = None, timeout: float = 60.0) -> Any:
        """Give a command and return what it returns. Raises QmpError."""
        with self._asking:
            try:
                self._file.write(json.dumps({"execute": command, "arguments": dict(arguments or {})}) + "\n")
                self._file.flush()
                answer = self._answers.get(timeout=timeout)
            except (OSError, ValueError, queue.Empty) as error:
                raise QmpError(f"QEMU does not answer {command}: {error!r}") from error
        if answer is None:
            raise QmpError(f"QEMU ended before it answered {command}")
        if "error" in answer:
            raise QmpError(f"QEMU refuses {command}: {answer['error'].get('desc')}")
        return answer["return"]

    def monitor(self, line: str, timeout: float = 120.0) -> str:
        """Give a command of the human monitor, which has snapshots. Raises QmpError with what it complains of."""
        said = str(self.ask("human-monitor-command", {"command-line": line}, timeout))
        if said.lower().startswith("error"):
            raise QmpError(f"QEMU refuses {line}: {said.strip()}")
        return said

    def events(self, name: str) -> list[JsonObject]:
        """All events of this name so far, oldest first."""
        with self._changed:
            return [event for event in self._events if event["event"] == name]

    def wait_for(self, name: str, timeout: float, count: int = 1) -> JsonObject:
        """Wait until there have been ``count`` events of this name; the last of them. Raises QmpError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._of(name)) >= count, timeout):
                raise QmpError(f"no event {name} from QEMU within {timeout:g} s")
            return self._of(name)[count - 1]

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        with suppress(OSError):
            self._file.close()
        self._socket.close()

    def _of(self, name: str) -> list[JsonObject]:
        return [event for event in self._events if event["event"] == name]

    def _read(self) -> None:
        try:
            for line in self._file:
                message = json.loads(line)
                if "event" in message:
                    with self._changed:
                        self._events.append(message)
                        self._changed.notify_all()
                else:
                    self._answers.put(message)
        except (OSError, ValueError):
            pass  # closed under our hands
        self._answers.put(None)
