"""Runs a piece of pure timing (a debouncer and what stands on it) on the event loop."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from offhook.phone.events import Event
from offhook.phone.hookswitch import Timed

Report = Callable[[Event, float], None]


class Paced(Protocol):
    """What is paced: it says when it wants to be asked again."""

    def tick(self, now: float) -> list[Timed]: ...
    def deadline(self) -> float | None: ...


class Pacer:
    """Reports the events of one :class:`Paced` and wakes it at its deadlines."""

    def __init__(self, paced: Paced, loop: asyncio.AbstractEventLoop, report: Report, look: Callable[[], None]) -> None:
        """``look`` is called before each wake's tick: it feeds the pins' levels anew, in case an edge was lost."""
        self._paced = paced
        self._loop = loop
        self._report = report
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def report(self, events: list[Timed]) -> None:
        """Pass ``events`` on, and sleep until the next deadline."""
        for timed in events:
            self._report(timed.event, timed.t)
        if self._timer is not None:
            self._timer.cancel()
        due = self._paced.deadline()
        self._timer = None if due is None else self._loop.call_at(due, self._wake)

    def close(self) -> None:
        """Wake no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _wake(self) -> None:
        self._timer = None
        self._look()
        self.report(self._paced.tick(self._loop.time()))
