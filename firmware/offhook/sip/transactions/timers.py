"""Times of :rfc:`3261` table 4, and the queue that every part of the endpoint hangs its timers on."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True)
class TimerValues:
    """The base values of :rfc:`3261#appendix-A`, in seconds; all lettered timers are derived from them."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0

    @property
    def give_up(self) -> float:
        """64*T1: timers B, F, H, J, L and M, and how long a 2xx waits for its ACK."""
        return 64 * self.t1


class Timer:
    """One armed timer; :meth:`cancel` may be called at any time, and more than once."""

    __slots__ = ("action", "at", "order")

    def __init__(self, at: float, order: int, action: Callable[[float], None]) -> None:
        self.at = at
        self.order = order
        self.action: Callable[[float], None] | None = action

    def __lt__(self, other: "Timer") -> bool:
        return (self.at, self.order) < (other.at, other.order)

    def cancel(self) -> None:
        """Never run the action; what it refers to is let go of at once."""
        self.action = None


class TimerQueue:
    """All timers of one endpoint, run by :meth:`run` in the order in which they are due."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._order = 0

    def start(self, at: float, action: Callable[[float], None]) -> Timer:
        """Run ``action(now)`` once the time is ``at`` or later."""
        self._order += 1
        timer = Timer(at, self._order, action)
        heappush(self._heap, timer)
        if len(self._heap) > 64 and self._order % 64 == 0:
            self._sweep()
        return timer

    def deadline(self) -> float | None:
        """Return when :meth:`run` should next be called, None while no timer is armed."""
        while self._heap and self._heap[0].action is None:
            heappop(self._heap)
        return self._heap[0].at if self._heap else None

    def run(self, now: float) -> None:
        """Run every action that is due."""
        while self._heap and self._heap[0].at <= now:
            timer = heappop(self._heap)
            if timer.action is not None:
                action, timer.action = timer.action, None
                action(now)

    def _sweep(self) -> None:
        """Drop cancelled timers, so that a flood which arms and cancels cannot fill the heap."""
        alive = [timer for timer in self._heap if timer.action is not None]
        if 2 * len(alive) < len(self._heap):
            self._heap = sorted(alive)
