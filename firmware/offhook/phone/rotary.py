"""The rotary dial: pulses counted into digits.

The pulse contact opens once per pulse, ten times a second, about 60 ms open and 40 ms closed (ETSI ES 203 021); dials
in the field run at 8 to 11, some at 20 pulses a second. A pause longer than any gap between pulses ends the digit, and
so does the off-normal contact, where the dial has one.
"""

from typing import Literal, cast

from msgspec import Struct

from offhook.phone.debounce import Change, Debouncer
from offhook.phone.events import Key, KeyDown, KeyUp
from offhook.phone.hookswitch import Timed

Order = Literal["standard", "sweden", "new_zealand"]
_MOST_PULSES = 10


class RotaryTiming(Struct, frozen=True):
    """Seconds: contact bounce; the pause that ends a digit; an open contact that is no pulse; how long a key lasts."""

    bounce: float = 0.020
    pause: float = 0.200
    longest_break: float = 0.250
    key: float = 0.100
    order: Order = "standard"


def digit_of(pulses: int, order: Order) -> Key | None:
    """Return the digit that so many pulses stand for; None where there is no such digit."""
    if not 1 <= pulses <= _MOST_PULSES:
        return None
    digit = {"standard": pulses % 10, "sweden": pulses - 1, "new_zealand": 10 - pulses}[order]
    return cast(Key, str(digit))


def pulses_of(digit: int, order: Order) -> int:
    """Return how many pulses a dial makes for ``digit``."""
    return {"standard": digit or 10, "sweden": digit + 1, "new_zealand": 10 - digit}[order]


class RotaryDial:
    """Turns edges of the pulse contact (and of the off-normal contact) into pairs of KeyDown and KeyUp."""

    def __init__(self, timing: RotaryTiming, *, off_normal: bool = False) -> None:
        """``off_normal``: the dial has that contact; pulses then count only while it is closed."""
        self._timing = timing
        self._pulse = Debouncer(False, bounce=timing.bounce)
        self._turned = Debouncer(False, bounce=timing.bounce) if off_normal else None
        self._pulses = 0
        self._last = 0.0
        self._held: tuple[Key, float] | None = None

    def pulse(self, opened: bool, t: float) -> list[Timed]:
        """Take the pulse contact's state from ``t`` on."""
        events = self.tick(t)
        self._pulse.edge(opened, t)
        return events

    def off_normal(self, turned: bool, t: float) -> list[Timed]:
        """Take the off-normal contact's state from ``t`` on: whether the dial is off its rest."""
        events = self.tick(t)
        if self._turned is not None:
            self._turned.edge(turned, t)
        return events

    def tick(self, now: float) -> list[Timed]:
        """Let time pass; return the digits that are certain by ``now``."""
        events: list[Timed] = []
        for change in self._pulse.tick(now):
            self._pulsed(change)
        for change in self._turned.tick(now) if self._turned is not None else ():
            events += self._rests(change)
        if self._pulses and self._pulse.turning_since is None and now >= self._limit() - 1e-9:
            events += self._digit(self._last)
        if self._held is not None and now >= self._held[1] - 1e-9:
            events += self._release(self._held[1])
        return events

    def deadline(self) -> float | None:
        """When :meth:`tick` is due; None: nothing pends."""
        times = [self._pulse.deadline(), None if self._turned is None else self._turned.deadline()]
        if self._pulses and self._pulse.turning_since is None:
            times.append(self._limit())
        if self._held is not None:
            times.append(self._held[1])
        return min((time for time in times if time is not None), default=None)

    def _limit(self) -> float:
        return self._last + (self._timing.longest_break if self._pulse.level else self._timing.pause)

    def _pulsed(self, change: Change) -> None:
        if change.level and (self._turned is None or self._turned.level or self._turned.turning_since is not None):
            self._pulses += 1
        self._last = change.t

    def _rests(self, change: Change) -> list[Timed]:
        if change.level:
            self._pulses = 0
            return []
        at_work = self._pulse.level or self._pulse.turning_since is not None
        return self._digit(change.t) if self._pulses and not at_work else []

    def _digit(self, t: float) -> list[Timed]:
        """End the digit. A contact that stays open is no dial at work: what was counted is dropped."""
        digit = None if self._pulse.level else digit_of(self._pulses, self._timing.order)
        self._pulses = 0
        if digit is None:
            return []
        released = self._release(t) if self._held is not None else []
        self._held = (digit, t + self._timing.key)
        return [*released, Timed(KeyDown(digit), t)]

    def _release(self, t: float) -> list[Timed]:
        assert self._held is not None
        key, self._held = self._held[0], None
        return [Timed(KeyUp(key), t)]
