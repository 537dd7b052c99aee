"""Tells what each step of a build took."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Prints one line for each step as it ends, in seconds of wall clock; steps may run side by side."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside; a step that fails is not told."""
        begun = time.monotonic()
        yield
        self.tell(name, time.monotonic() - begun)

    def tell(self, name: str, seconds: float) -> None:
        """Print one line."""
        with self._lock:
            print(f"  {name:<44} {seconds:7.1f} s", file=sys.stderr, flush=True)

    def total(self, name: str) -> None:
        """Print what it all took."""
        self.tell(name, time.monotonic() - self._begun)
