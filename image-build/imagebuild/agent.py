"""The host's end of the command channel into the guest."""

import json
import queue
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagebuild.command import connected
from imagebuild.errors import BuildError


class GuestError(BuildError):
    """The guest does not answer, or what it was told to do failed."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command in the guest ended."""

    status: int
    out: str
    err: str


class AgentChannel:
    """Sends commands to ``virt/overlay``'s agent; several threads may wait for answers at once."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when QEMU does not listen there."""
        self._socket = connected(path)
        self._lock = threading.Lock()
        self._count = 0
        self._waiting: dict[int, queue.Queue[dict[str, Any] | None]] = {}
        self._reader = threading.Thread(target=self._read, name="guest-agent", daemon=True)
        self._reader.start()

    def sh(self, command: str, timeout: float) -> Done:
        """Run a shell command as root. Raises GuestError when it does not end in time; look at the status yourself."""
        answer = self._ask({"sh": command, "timeout": timeout}, timeout + 60.0)
        if "error" in answer:
            raise GuestError(f"`{command}` {answer['error']}: {answer.get('out', '')}{answer.get('err', '')}")
        return Done(int(answer["rc"]), str(answer["out"]), str(answer["err"]))

    def python(self, code: str, names: Mapping[str, object], timeout: float) -> Any:
        """Run code in the agent; what it puts into ``result``. Raises GuestError with its traceback."""
        answer = self._ask({"python": code, "names": dict(names)}, timeout)
        if "error" in answer:
            raise GuestError(f"code in the guest failed:\n{answer['error']}")
        return answer["result"]

    def answers(self, timeout: float) -> bool:
        """Whether the agent is there."""
        try:
            self.python("result = 1", {}, timeout)
        except GuestError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._socket.close()

    def _ask(self, request: dict[str, object], timeout: float) -> dict[str, Any]:
        with self._lock:
            self._count += 1
            number = self._count
            box: queue.Queue[dict[str, Any] | None] = queue.Queue()
            self._waiting[number] = box
            try:
                self._socket.sendall((json.dumps({"id": number, **request}) + "\n").encode())
            except OSError as error:
                raise GuestError(f"the guest is gone: {error}") from error
        try:
            answer = box.get(timeout=timeout)
        except queue.Empty:
            raise GuestError(f"the guest does not answer within {timeout:g} s") from None
        finally:
            del self._waiting[number]
        if answer is None:
            raise GuestError("the guest ended before it answered")
        return answer

    def _read(self) -> None:
        try:
            with self._socket.makefile("r", encoding="utf-8", errors="replace", newline="\n") as lines:
                for line in lines:
                    try:
                        answer = json.loads(line)
                    except ValueError:
                        continue  # the rest of a line from before we connected
                    box = self._waiting.get(answer.get("id"))
                    if box is not None:
                        box.put(answer)
        except (OSError, ValueError):
            pass  # closed under our hands
        for box in list(self._waiting.values()):
            box.put(None)
