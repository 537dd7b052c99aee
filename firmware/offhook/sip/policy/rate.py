"""How often each source may speak: token buckets in bounded memory.

An IPv6 host has 2**64 addresses to speak from, so a source is a /64 there (:rfc:`4291#section-2.5.4`).
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

Source = str | int

MAX_SOURCES = 1024
TOGETHER = 10.0


def source_of(ip: str) -> Source:
    """Return what counts as one source: an IPv4 address, or the upper 64 bits of an IPv6 address."""
    if ":" not in ip:
        return ip
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if not isinstance(address, IPv6Address):
        return ip
    mapped = address.ipv4_mapped
    return int(address) >> 64 if mapped is None else str(mapped)


class TokenBucket:
    """Holds at most ``burst`` tokens and gains ``rate`` of them a second."""

    __slots__ = ("_burst", "_rate", "_since", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._since = now

    def take(self, now: float) -> bool:
        """Take a token; False where there is none."""
        self._tokens = self.level(now)
        self._since = max(now, self._since)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def level(self, now: float) -> float:
        """Return how many tokens there are."""
        return min(self._burst, self._tokens + max(0.0, now - self._since) * self._rate)


class SourceLimiter:
    """One bucket per source, and one for all of them together: forged addresses gain nothing by being many.

    ``rate`` messages a second per source, ``burst`` of them at once, one at least; 0: no limit. All together have ten
    times that. The bucket that was used least recently goes when there are more than ``most``.
    """

    def __init__(self, rate: float, burst: float, most: int = MAX_SOURCES) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._most = most
        self._sources: OrderedDict[Source, TokenBucket] = OrderedDict()
        self._all: TokenBucket | None = None

    def __len__(self) -> int:
        return len(self._sources)

    def take(self, ip: str, now: float) -> bool:
        """Count one message from ``ip``; False where it is one too many."""
        if self._rate <= 0:
            return True
        source = source_of(ip)
        bucket = self._sources.get(source)
        if bucket is None:
            bucket = self._sources[source] = TokenBucket(self._rate, self._burst, now)
            if len(self._sources) > self._most:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(source)
        if self._all is None:
            self._all = TokenBucket(self._rate * TOGETHER, self._burst * TOGETHER, now)
        return bucket.take(now) and self._all.take(now)
