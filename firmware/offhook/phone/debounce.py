"""From the chatter of a mechanical contact to one change, timed by the edges' own stamps.

A change is believed once the contact has been at its new level for ``confirm`` seconds net (what it bounces back is
taken off again), so a knock on the cradle is not a lift; after that nothing is believed until ``bounce`` seconds after
the first edge, so chatter is not a second change. The change is dated to that first edge::

    contact   ____|‾|_|‾‾‾‾‾‾‾‾‾‾‾‾‾
    believed  __________|‾‾‾‾‾‾‾‾‾‾‾    dated here ^ (first edge)
"""

from msgspec import Struct

CONFIRM = 0.005
_ROUNDING = 1e-9


class Change(Struct, frozen=True):
    """The contact went to ``level`` at ``t`` (seconds)."""

    level: bool
    t: float


class Debouncer:
    """One contact. Feed edges in the order of their stamps, and call :meth:`tick` when :meth:`deadline` has come."""

    def __init__(self, level: bool = False, *, bounce: float = 0.030, confirm: float = CONFIRM) -> None:
        """``level`` is the contact's level at the start; both times are in seconds."""
        self.level = level
        self._bounce = bounce
        self._confirm = confirm
        self._raw = level
        self._raw_since = float("-inf")
        self._now = float("-inf")
        self._locked_until = float("-inf")
        self._credit = 0.0
        self._turned: float | None = None

    @property
    def turning_since(self) -> float | None:
        """The first edge of a change that is not believed yet; None while there is none."""
        return self._turned

    @property
    def at_rest(self) -> bool:
        """Whether the contact is open and nothing is pending."""
        return not (self.level or self._raw or self._turned is not None)

    def edge(self, level: bool, t: float) -> list[Change]:
        """Take the contact's level from ``t`` on; return the changes that are certain by then."""
        changes = self.tick(t)
        if level != self._raw:
            self._raw, self._raw_since = level, self._now
            locked = self._now < self._locked_until
            if level != self.level and (locked or self._turned is None):
                self._turned = self._now
            elif level == self.level and locked:
                self._turned = None
        return changes

    def tick(self, now: float) -> list[Change]:
        """Let time pass; return the changes that are certain by ``now``."""
        if now <= self._now:
            return []
        begin, self._now = max(self._now, self._locked_until), now
        passed = max(0.0, now - begin)
        if self._raw == self.level:
            self._credit = max(0.0, self._credit - passed)
            if now >= self._raw_since + self._bounce:
                self._turned = None
            return []
        if self._turned is None or now < begin + self._confirm - self._credit - _ROUNDING:
            self._credit += passed
            return []
        change = Change(self._raw, self._turned)
        self.level, self._credit, self._turned = self._raw, 0.0, None
        self._locked_until = change.t + self._bounce
        return [change]

    def deadline(self) -> float | None:
        """When :meth:`tick` is due; None while the contact is steady."""
        if self._turned is None:
            return None
        if self._raw == self.level:
            return self._raw_since + self._bounce
        return max(self._now, self._locked_until) + self._confirm - self._credit
