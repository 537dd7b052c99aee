"""Asking a running phone over its control socket."""

import json
import socket
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from offhook.errors import OffhookError
from offhook.status.paths import socket_to_ask

EX_OK = 0
EX_NOT_DONE = 1
EX_UNAVAILABLE = 69

_TIMEOUT_S = 5.0
_MAX_ANSWER = 1 << 20


class NoPhoneError(OffhookError):
    """No phone answers at the control socket."""


class NotDoneError(OffhookError):
    """The phone answers that it does not do what was asked."""


class Control:
    """One connection to a phone; a context manager. Each request waits for its answer."""

    def __init__(self, path: Path | None) -> None:
        self.path = path or socket_to_ask()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(str(self.path))
        except OSError as error:
            self._socket.close()
            raise self._nobody(error) from None

    def ask(self, do: str, patient: bool = False, **fields: str | None) -> Mapping[str, object]:
        """Return the answer. ``patient``: wait for it for ever. Raises NoPhoneError, NotDoneError."""
        request = {"do": do} | {name: value for name, value in fields.items() if value is not None}
        self._socket.settimeout(None if patient else _TIMEOUT_S)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._read()
        except (OSError, ValueError) as error:
            raise self._nobody(error) from None
        if answer.get("ok") is not True:
            raise NotDoneError(str(answer.get("error", "the answer cannot be understood")))
        return answer

    def _read(self) -> Mapping[str, object]:
        data = b""
        while not data.endswith(b"\n"):
            piece = self._socket.recv(65536)
            if not piece or len(data) > _MAX_ANSWER:
                raise ValueError("the answer is cut off")
            data += piece
        value = json.loads(data)
        if not isinstance(value, dict):
            raise ValueError("the answer is no object")
        return value

    def _nobody(self, error: Exception) -> NoPhoneError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return NoPhoneError(f"no phone answers at {self.path}: {reason}; is it running with --control-socket?")

    def __enter__(self) -> "Control":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()


def complain(error: OffhookError) -> int:
    """Tell on standard error why nothing was done; return the exit status."""
    print(f"offhook: {error}", file=sys.stderr)
    return EX_UNAVAILABLE if isinstance(error, NoPhoneError) else EX_NOT_DONE


def print_json(args: Namespace, answer: Mapping[str, object]) -> None:
    """Print an answer as a line of JSON where that was asked for."""
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
