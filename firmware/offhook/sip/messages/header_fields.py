"""The headers of one message: ordered, names compared without case, compact forms known.

Values are text as it stood on the line, unfolded; one entry a line, lists not split. Finding a name costs one
dictionary look-up, and adding one is amortised constant, whatever a peer sends.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from offhook.sip.errors import LocalError
from offhook.sip.messages.grammar import is_token

T = TypeVar("T")
_UNREAD = object()

COMPACT_FORMS = {
    "a": "Accept-Contact",  # RFC 3841
    "b": "Referred-By",  # RFC 3892
    "c": "Content-Type",  # RFC 3261
    "d": "Request-Disposition",  # RFC 3841
    "e": "Content-Encoding",  # RFC 3261
    "f": "From",  # RFC 3261
    "i": "Call-ID",  # RFC 3261
    "j": "Reject-Contact",  # RFC 3841
    "k": "Supported",  # RFC 3261
    "l": "Content-Length",  # RFC 3261
    "m": "Contact",  # RFC 3261
    "n": "Identity-Info",  # RFC 4474
    "o": "Event",  # RFC 6665
    "r": "Refer-To",  # RFC 3515
    "s": "Subject",  # RFC 3261
    "t": "To",  # RFC 3261
    "u": "Allow-Events",  # RFC 6665
    "v": "Via",  # RFC 3261
    "x": "Session-Expires",  # RFC 4028
    "y": "Identity",  # RFC 8224
}
_USUAL_NAMES = (
    *COMPACT_FORMS.values(),
    *("Accept", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Authentication-Info", "Authorization"),
    *("Call-Info", "CSeq", "Content-Disposition", "Content-ID", "Content-Transfer-Encoding", "Date", "Diversion"),
    *("Expires", "Geolocation", "Geolocation-Routing", "Max-Forwards", "Min-Expires", "Min-SE", "MIME-Version"),
    *("P-Asserted-Identity", "P-Preferred-Identity", "Path", "Priority", "Privacy", "Proxy-Authenticate"),
    *("Proxy-Authorization", "Proxy-Require", "RAck", "Reason", "Record-Route", "Replaces", "Require", "Retry-After"),
    *("Route", "RSeq", "Server", "Service-Route", "SIP-ETag", "SIP-If-Match", "Subscription-State", "Unsupported"),
    *("User-Agent", "Warning", "WWW-Authenticate"),
)
_SPELLINGS = {name.lower(): name for name in _USUAL_NAMES}
# From a name as it may be written to its key and its spelling; names that are not here take the slower way.
KNOWN_NAMES = {name: (name.lower(), name) for name in _USUAL_NAMES}
KNOWN_NAMES |= {name.lower(): (name.lower(), name) for name in _USUAL_NAMES}
KNOWN_NAMES |= {short: (name.lower(), name) for short, name in COMPACT_FORMS.items()}
KNOWN_NAMES |= {short.upper(): (name.lower(), name) for short, name in COMPACT_FORMS.items()}


def identify(name: str) -> tuple[str, str]:
    """Return the key of a header name (lower case, long form) and the spelling to send it with."""
    known = KNOWN_NAMES.get(name)
    if known is None:
        key = name.lower()
        known = KNOWN_NAMES.get(key) or (key, name)
    return known


class Headers:
    """All headers of a message, in their order."""

    __slots__ = ("_index", "_items", "_typed")

    def __init__(self) -> None:
        self._items: list[tuple[str, str, str]] = []
        self._index: dict[str, list[str]] | None = {}
        self._typed: dict[str, object] = {}

    @classmethod
    def of_fields(cls, items: list[tuple[str, str, str]], index: dict[str, list[str]]) -> "Headers":
        """Wrap what a parser has read: (key, spelling, value) in order, and the values by key."""
        headers = cls()
        headers._items = items
        headers._index = index
        return headers

    def get(self, name: str) -> str | None:
        """Return the first value, None where there is none."""
        values = self._values().get(identify(name)[0])
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """Return every value, one a line, in order."""
        return list(self._values().get(identify(name)[0], ()))

    def add(self, name: str, value: str) -> None:
        """Append a header. Raises LocalError for line breaks and for a name that is no token."""
        item = _checked(name, value)
        self._items.append(item)
        if self._index is not None:
            self._index.setdefault(item[0], []).append(value)
        self._typed.pop(item[0], None)

    def prepend(self, name: str, value: str) -> None:
        """Put a header before all others. Raises LocalError as :meth:`add` does."""
        item = _checked(name, value)
        self._items.insert(0, item)
        self._changed(item[0])

    def set(self, name: str, value: str) -> None:
        """Make this the only value, in the place of the first one. Raises LocalError as :meth:`add` does."""
        item = _checked(name, value)
        key = item[0]
        if key not in self._values():
            self.add(name, value)
            return
        place = next(i for i, old in enumerate(self._items) if old[0] == key)
        self._items[place] = item
        self._items[place + 1 :] = [old for old in self._items[place + 1 :] if old[0] != key]
        self._changed(key)

    def replace_first(self, name: str, value: str) -> None:
        """Put a new value into the place of the first one; the others stay. Raises LocalError as :meth:`add` does."""
        item = _checked(name, value)
        for place, old in enumerate(self._items):
            if old[0] == item[0]:
                self._items[place] = item
                self._changed(item[0])
                return
        self.add(name, value)

    def remove(self, name: str) -> None:
        """Drop every value; nothing when there is none."""
        key = identify(name)[0]
        if key in self._values():
            self._items = [item for item in self._items if item[0] != key]
            self._changed(key)

    def copy(self) -> "Headers":
        """Return headers that can be changed on their own."""
        twin = Headers()
        twin._items = self._items.copy()
        twin._index = None
        twin._typed = self._typed.copy()
        return twin

    def typed(self, key: str, read: "Callable[[Sequence[str], str], T]") -> T:
        """Return what ``read(values, key)`` makes of a header, remembered until that header changes."""
        value = self._typed.get(key, _UNREAD)
        if value is _UNREAD:
            index = self._index if self._index is not None else self._values()
            value = self._typed[key] = read(index.get(key, ()), key)
        return value  # type: ignore[return-value]

    def most_values(self, key: str) -> int:
        """Return how many values a list header can have at most: commas in quotes count. ``key`` in lower case."""
        values = self._values().get(key)
        if not values:
            return 0
        return values[0].count(",") + 1 if len(values) == 1 else ",".join(values).count(",") + 1

    def remember(self, key: str, value: object) -> None:
        """Let :meth:`typed` return ``value`` for a header until that changes; ``key`` in lower case."""
        self._typed[key] = value

    @staticmethod
    def spelling(name: str) -> str:
        """Return a header's name as it is usually written."""
        return _SPELLINGS.get(name.lower(), name)

    def _values(self) -> dict[str, list[str]]:
        index = self._index
        if index is None:
            index = {}
            for key, _, value in self._items:
                index.setdefault(key, []).append(value)
            self._index = index
        return index

    def _changed(self, key: str) -> None:
        self._index = None
        self._typed.pop(key, None)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(name, value) for _, name, value in self._items])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and identify(name)[0] in self._values()

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(name for _, name, _ in self._items)}>"


def _checked(name: str, value: str) -> tuple[str, str, str]:
    if "\r" in value or "\n" in value:
        raise LocalError(f"{Headers.spelling(name)} cannot hold a line break: take it out")
    if name not in KNOWN_NAMES and not is_token(name):
        raise LocalError("a header name is one token: letters, digits and -.!%*_+`'~")
    key, spelling = identify(name)
    return key, spelling, value
