"""The command line as a person or a script uses it beside a running phone: ``offhook call``, ``answer`` and so on."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.phone import FIRMWARE


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left: its exit status and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one line of JSON."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


class Shell:
    """Runs ``offhook VERB ... --control-socket PATH`` as processes of their own."""

    def __init__(self, control_socket: Path) -> None:
        self._socket = control_socket

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command and let it run."""
        path = os.pathsep.join(filter(None, [str(FIRMWARE), os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-m", "offhook", *words, "--control-socket", str(self._socket)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def run(self, *words: str, timeout: float = 30.0) -> Done:
        """Run a command to its end."""
        return finish(self.start(*words), timeout)


def finish(process: "subprocess.Popen[str]", timeout: float = 30.0) -> Done:
    """Wait for the end of a command; one that does not end is killed."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{process.args} did not end in {timeout:g} s: {out!r} {err!r}") from None
    return Done(process.returncode, out, err)
