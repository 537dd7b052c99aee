"""Keys: from closed contacts to KeyDown and KeyUp.

In a matrix three pressed keys at three corners of a rectangle close the fourth corner too. Such a ghost cannot be told
from a key, so a rectangle brings no new key: those that were down before it stay down, the rest wait until it is gone.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations

from offhook.phone.debounce import Change, Debouncer
from offhook.phone.events import Key, KeyDown, KeyUp
from offhook.phone.hookswitch import Timed

Cell = tuple[int, int]


class KeyContacts:
    """Debounces any number of keys, each by its own contact."""

    def __init__(self, keys: Iterable[Key], *, bounce: float = 0.030) -> None:
        self._contacts = {key: Debouncer(bounce=bounce) for key in keys}

    @property
    def down(self) -> frozenset[Key]:
        """The keys that are down, debounced."""
        return frozenset(key for key, contact in self._contacts.items() if contact.level)

    @property
    def at_rest(self) -> bool:
        """Whether every contact is open and nothing is pending."""
        return all(contact.at_rest for contact in self._contacts.values())

    def edge(self, key: Key, closed: bool, t: float) -> list[Timed]:
        """Take one contact's state from ``t`` on."""
        return self._events(lambda contact: contact.edge(closed, t), {key: self._contacts[key]})

    def tick(self, now: float) -> list[Timed]:
        """Let time pass; return what is certain by ``now``."""
        return self._events(lambda contact: contact.tick(now), self._contacts)

    def deadline(self) -> float | None:
        """When :meth:`tick` is due; None: nothing pends."""
        times = (contact.deadline() for contact in self._contacts.values())
        return min((time for time in times if time is not None), default=None)

    @staticmethod
    def _events(feed: Callable[[Debouncer], list[Change]], contacts: Mapping[Key, Debouncer]) -> list[Timed]:
        changes = [(change, key) for key, contact in contacts.items() for change in feed(contact)]
        changes.sort(key=lambda item: (item[0].t, item[0].level))
        return [Timed(KeyDown(key) if change.level else KeyUp(key), change.t) for change, key in changes]


class KeyMatrix:
    """Makes keys out of scans of a matrix."""

    def __init__(self, layout: Iterable[Iterable[Key]], *, bounce: float = 0.030) -> None:
        """``layout`` names the key of each cell, row by row."""
        self._keys: dict[Cell, Key] = {(r, c): key for r, row in enumerate(layout) for c, key in enumerate(row)}
        self._contacts = KeyContacts(self._keys.values(), bounce=bounce)

    @property
    def at_rest(self) -> bool:
        """Whether no key is down and nothing is pending: scanning may stop."""
        return self._contacts.at_rest

    def scan(self, closed: frozenset[Cell], t: float) -> list[Timed]:
        """Take what a scan at ``t`` found: the cells whose row and column are joined."""
        down = self._contacts.down
        ghosts = {cell for cell in _rectangles(closed) if self._keys[cell] not in down}
        events = self._contacts.tick(t)
        for cell, key in self._keys.items():
            events += self._contacts.edge(key, cell in closed and cell not in ghosts, t)
        return events


def _rectangles(closed: frozenset[Cell]) -> set[Cell]:
    """Return the cells that are corners of a rectangle of closed cells."""
    rows: dict[int, set[int]] = {}
    for row, column in closed:
        rows.setdefault(row, set()).add(column)
    found: set[Cell] = set()
    for (one, its), (other, others) in combinations(rows.items(), 2):
        shared = its & others
        if len(shared) > 1:
            found |= {(row, column) for row in (one, other) for column in shared}
    return found
