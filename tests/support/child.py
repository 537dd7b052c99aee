"""A program that a test starts, with its output in a file, and that surely ends with the test."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class ChildError(AssertionError):
    """A program did not start, did not do what was awaited, or did not end; shows the end of its output."""


class Child:
    """One process in a session of its own; use as a context manager."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        typed: bool = False,
    ) -> None:
        """With ``typed`` the program reads what :meth:`type` gives it, else nothing."""
        self.name = Path(command[0]).name
        self.log = log
        self.stop_signal = stop_signal
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def type(self, line: str) -> None:
        """Give it a line on its standard input."""
        assert self.process.stdin is not None, "not made to be typed to"
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.complain(f"ended before {line!r}") from None

    def output(self) -> str:
        """Everything that it printed so far."""
        return self.log.read_text(errors="replace")

    def complain(self, what: str) -> ChildError:
        """An error that shows the last lines of the output."""
        tail = "\n    ".join(self.output().splitlines()[-25:])
        return ChildError(f"{self.name}: {what}; its output ends:\n    {tail}")

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = 15.0) -> None:
        """Wait for ``condition``; raises ChildError when it ends first or time runs out."""
        end = time.monotonic() + timeout
        while not condition():
            if self.process.poll() is not None:
                raise self.complain(f"ended with {self.process.returncode} before {what}")
            if time.monotonic() > end:
                raise self.complain(f"no {what} within {timeout:g} s")
            time.sleep(0.02)

    def wait_for_output(self, text: str, timeout: float = 15.0) -> None:
        """Wait until it has printed ``text``."""
        self.wait_until(lambda: text in self.output(), f"{text!r} in its output", timeout)

    def wait(self, timeout: float) -> int:
        """Wait for its end; returns the exit status (negative: the signal)."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self.complain(f"did not end within {timeout:g} s") from None

    def stop(self, timeout: float = 5.0) -> int:
        """Ask it to end, make it end, and reap everything that it started."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left behind in its own session
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
        return self.process.wait(5)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
