"""The two headers of :rfc:`6665`: ``Event`` (what it is about) and ``Subscription-State`` (how long it will last)."""

import re
from dataclasses import dataclass

from offhook.sip.errors import RemoteError
from offhook.sip.messages.grammar import TOKEN, find_param, parse_params
from offhook.sip.messages.message import Request

MAX_EXPIRES = 7 * 24 * 3600
MAX_RETRY_AFTER = 24 * 3600
_WORD = re.compile(rf"[ \t]*({TOKEN})")
_DIGITS = re.compile("[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class EventType:
    """``Event: package;id=...`` (:rfc:`6665#section-8.2.1`); package in lower case, ``id`` "" where there is none."""

    package: str
    id: str = ""

    @classmethod
    def of(cls, request: Request) -> "EventType":
        """Read a request's Event. Raises RemoteError 489 where there is none to be read."""
        values = request.headers.get_all("Event")
        word = _WORD.match(values[0]) if len(values) == 1 else None
        if word is None:
            raise RemoteError(489, "Bad Event")
        params, end = parse_params(values[0], word.end())
        if values[0][end:].strip():
            raise RemoteError(489, "Bad Event")
        return cls(word[1].lower(), find_param(params, "id") or "")

    def __str__(self) -> str:
        return f"{self.package};id={self.id}" if self.id else self.package


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """``Subscription-State`` (:rfc:`6665#section-8.2.3`), words in lower case; times in seconds, None where not given.

    A notifier from before :rfc:`3265` says nothing at all: that counts as ``active``.
    """

    word: str = "active"
    reason: str = ""
    expires: int | None = None
    retry_after: int | None = None

    @property
    def terminated(self) -> bool:
        """True where no further NOTIFY will come."""
        return self.word == "terminated"

    @classmethod
    def of(cls, request: Request) -> "SubscriptionState":
        """Read a NOTIFY's state. Raises RemoteError 400."""
        values = request.headers.get_all("Subscription-State")
        if not values:
            return cls()
        word = _WORD.match(values[0]) if len(values) == 1 else None
        if word is None:
            raise RemoteError(400, "Bad Subscription-State")
        params, end = parse_params(values[0], word.end())
        if values[0][end:].strip():
            raise RemoteError(400, "Bad Subscription-State")
        expires = _seconds(find_param(params, "expires"), MAX_EXPIRES)
        retry_after = _seconds(find_param(params, "retry-after"), MAX_RETRY_AFTER)
        return cls(word[1].lower(), (find_param(params, "reason") or "").lower()[:40], expires, retry_after)


def _seconds(text: str | None, limit: int) -> int | None:
    if text is None or not _DIGITS.fullmatch(text):
        return None
    return min(int(text), limit)
