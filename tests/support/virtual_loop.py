"""An event loop whose clock jumps: hours of timers pass in milliseconds, sockets on loopback stay real.

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await asyncio.sleep(3600)
        assert loop.time() - begin == pytest.approx(3600)

    def test_an_hour_passes() -> None:
        run(scenario)

When nothing is ready, ``time()`` moves to the next timer. Sockets are still polled before each jump, so a datagram
that is on its way arrives at the virtual time at which it was sent. While a thread works for the loop, the clock
stands still.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

_LONG_JUMP_S = 1.0
_LONG_GRACE = 3
_MOST_GRACES = 2


class LoopStalledError(AssertionError):
    """Every task waits, no timer is armed and no socket speaks: the test would hang for ever."""


class _JumpingSelector(selectors.DefaultSelector):
    """Polls for real; where asyncio would sleep until a timer, it moves the loop's clock instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if self.loop.threads_at_work:
            return self._wait(self.loop.thread_limit, "a thread that the loop waits for has not ended")
        if timeout is None:
            return self._wait(self.loop.stall_limit, "every task waits, with no timer armed and no socket active")
        if len(self.get_map() or ()) > 1:  # sockets besides the loop's own: softirqs may deliver a moment late
            events = self._patiently(timeout)
        if not events:
            self.loop.advance(timeout)
        return events

    def _patiently(self, jump: float) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is on its way on loopback a moment to arrive before the clock jumps over it.

        A kernel thread delivers it where much is going on, and that waits for a processor as everybody does: longer
        before a jump that would look like a loss, and again where we were woken late ourselves.
        """
        grace = self.loop.grace * (_LONG_GRACE if jump >= _LONG_JUMP_S else 1)
        for _ in range(_MOST_GRACES):
            began = time.monotonic()
            events = super().select(grace)
            if events or time.monotonic() - began < 2 * grace:
                return events
        return []

    def _wait(self, limit: float, complaint: str) -> list[tuple[selectors.SelectorKey, int]]:
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            events = super().select(left)
            if events:
                return events
        tasks = [str(task.get_coro()) for task in asyncio.all_tasks(self.loop)]
        raise LoopStalledError(f"{complaint} for {limit:g} s; tasks: {', '.join(tasks) or 'none'}")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop on virtual time; ``unhandled`` collects what callbacks and forgotten tasks raised."""

    def __init__(
        self, start: float = 1000.0, grace: float = 0.001, stall_limit: float = 2.0, thread_limit: float = 30.0
    ):
        """``start`` is the clock's first value; ``grace``, ``stall_limit`` and ``thread_limit`` are real seconds."""
        self.grace, self.stall_limit, self.thread_limit = grace, stall_limit, thread_limit
        self.threads_at_work = 0
        self.unhandled: list[Mapping[str, Any]] = []
        self._virtual_now = start
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        self.set_exception_handler(lambda _loop, context: self.unhandled.append(context))

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_now

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self._virtual_now += seconds

    def run_in_executor(  # type: ignore[override]  # the declared type is more general than any caller needs
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run ``func`` in a thread; the clock stands still meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the executor's threads; Python 3.12 and later set a limit, which must not be jumped to."""
        self.threads_at_work += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self.threads_at_work -= 1

    def _thread_ended(self, _future: "asyncio.Future[Any]") -> None:
        self.threads_at_work -= 1


def run(coro_factory: Callable[[], Coroutine[Any, Any, T]], **loop_options: float) -> T:
    """Run ``coro_factory()`` on a fresh loop; raises what it raised, or what a callback raised unseen."""
    loop = VirtualLoop(**loop_options)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        result = runner.run(coro_factory())
    for context in loop.unhandled:
        raise AssertionError(f"unhandled in the loop: {context.get('message')}") from context.get("exception")
    return result
