"""The order in which to try SRV records (:rfc:`2782`): by priority, and by chance according to weight within one."""

from collections.abc import Callable, Sequence
from itertools import groupby

from offhook.engine.dns_client import Srv


def srv_groups(records: Sequence[Srv], random: Callable[[], float]) -> list[list[Srv]]:
    """Return the records in groups of one priority, the lowest first, each in an order drawn by weight.

    ``random()`` gives 0 <= x < 1. Records without a target are left out.
    """
    usable = sorted((record for record in records if record.target), key=lambda record: record.priority)
    return [_drawn(list(group), random) for _, group in groupby(usable, key=lambda record: record.priority)]


def _drawn(group: list[Srv], random: Callable[[], float]) -> list[Srv]:
    """Draw one after the other: each is as likely as its weight among those left; those of weight 0 hardly ever."""
    left = sorted(group, key=lambda record: record.weight)
    drawn = []
    while left:
        # RFC 2782: a number from 0 to the sum, both included; the first record whose running sum reaches it.
        mark = int(random() * (sum(record.weight for record in left) + 1))
        running = 0
        for record in left:
            running += record.weight
            if running >= mark:
                break
        left.remove(record)
        drawn.append(record)
    return drawn
