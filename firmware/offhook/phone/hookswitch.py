"""The hook switch: lifted, put back, or tapped.

A short break tells the exchange something (flash, recall); a long one ends the call. Which is which is national habit:
300 to 1000 ms in North America, about 50 to 130 ms in Britain. So a handset that was put back is only believed once the
flash window has passed. A break shorter than the window is taken for a knock.
"""

from msgspec import Struct

from offhook.phone.debounce import Change, Debouncer
from offhook.phone.events import Event, HookFlash, HookLifted, HookReplaced

_ROUNDING = 1e-6


class HookTiming(Struct, frozen=True):
    """Seconds: the longest contact bounce, and the flash window. ``flash_max`` 0: putting back counts at once."""

    bounce: float = 0.030
    flash_min: float = 0.300
    flash_max: float = 1.000


class Timed(Struct, frozen=True):
    """A phone event and the time of the edge that made it."""

    event: Event
    t: float


class HookSwitch:
    """Turns edges of the hook contact into :class:`HookLifted`, :class:`HookReplaced` and :class:`HookFlash`."""

    def __init__(self, timing: HookTiming) -> None:
        """Begin with the handset in its cradle; a first edge tells otherwise."""
        self._timing = timing
        self._contact = Debouncer(False, bounce=timing.bounce)
        self._put_back: float | None = None

    @property
    def lifted(self) -> bool:
        """Whether the handset is off, debounced; a break that may be a flash counts as off."""
        return self._contact.level or self._put_back is not None

    def edge(self, lifted: bool, t: float) -> list[Timed]:
        """Take the contact's level from ``t`` on."""
        events = self.tick(t)
        self._contact.edge(lifted, t)
        return events

    def tick(self, now: float) -> list[Timed]:
        """Let time pass; return what is certain by ``now``."""
        events = [event for change in self._contact.tick(now) for event in self._change(change)]
        limit = self._limit()
        turning = self._contact.turning_since
        if limit is not None and now >= limit and (turning is None or turning > limit):
            events += self._replaced()
        return events

    def deadline(self) -> float | None:
        """When :meth:`tick` is due; None: nothing pends."""
        limit = self._limit()
        contact = self._contact.deadline()
        if limit is None or contact is None:
            return limit if contact is None else contact
        turning = self._contact.turning_since
        return contact if turning is not None and turning <= limit else min(contact, limit)

    def _limit(self) -> float | None:
        return None if self._put_back is None else self._put_back + self._timing.flash_max

    def _change(self, change: Change) -> list[Timed]:
        if not change.level:
            self._put_back = change.t
            return []
        if self._put_back is None:
            return [Timed(HookLifted(), change.t)]
        put_back, self._put_back = self._put_back, None
        tapped = change.t - put_back >= self._timing.flash_min - _ROUNDING
        return [Timed(HookFlash(), put_back)] if tapped else []

    def _replaced(self) -> list[Timed]:
        assert self._put_back is not None
        put_back, self._put_back = self._put_back, None
        return [Timed(HookReplaced(), put_back)]
