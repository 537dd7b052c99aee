"""Requests and responses: a start line, ordered headers, a body. Header values are read when first asked for.

::

    request = Request("OPTIONS", parse_uri("sip:example.com"), headers, b"")
    request.cseq.method, request.via.branch, bytes(request)

Typed attributes raise :class:`~offhook.sip.errors.RemoteError` 400 where the header is missing or malformed; on
messages from :mod:`offhook.sip.messages.parser`, which has looked at them all, they do not.
"""

import re
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.grammar import is_token
from offhook.sip.messages.header_fields import Headers
from offhook.sip.messages.headers import CSeq, MediaType, NameAddr, Via
from offhook.sip.messages.uri import Uri

__all__ = ["Headers", "Message", "Request", "Response"]

T = TypeVar("T")
Values = Sequence[str]
_MAX_SECONDS = 2**32 - 1


class Typed(Generic[T]):
    """An attribute that reads one header, once: ``call_id = Typed("Call-ID", ...)``."""

    def __init__(self, name: str, read: Callable[[Values, str], T], doc: str) -> None:
        self._name = name
        self._key = name.lower()
        self._read = read
        self.__doc__ = doc

    @overload
    def __get__(self, message: None, owner: type) -> "Typed[T]": ...

    @overload
    def __get__(self, message: "Message", owner: type) -> T: ...

    def __get__(self, message: "Message | None", owner: type) -> "Typed[T] | T":
        if message is None:
            return self
        return message.headers.typed(self._key, self._read)


def _one(values: Values, key: str) -> str:
    if len(values) != 1:
        raise RemoteError(400, f"{'Several' if values else 'Missing'} {Headers.spelling(key)}")
    return values[0]


def _call_id(values: Values, key: str) -> str:
    value = _one(values, key)
    if not value or " " in value or "\t" in value:
        raise RemoteError(400, "Bad Call-ID")
    return value


def _name_addr(values: Values, key: str) -> NameAddr:
    return NameAddr.parse(_one(values, key))


def _name_addrs(values: Values, key: str) -> tuple[NameAddr, ...]:
    if len(values) == 1:
        return NameAddr.parse_many(values[0])
    return tuple(address for value in values for address in NameAddr.parse_many(value))


def _contacts(values: Values, key: str) -> tuple[NameAddr, ...]:
    return () if len(values) == 1 and values[0] == "*" else _name_addrs(values, key)


def _vias(values: Values, key: str) -> tuple[Via, ...]:
    if not values:
        raise RemoteError(400, "Missing Via")
    if len(values) == 1:
        return Via.parse_many(values[0])
    return tuple(via for value in values for via in Via.parse_many(value))


def _cseq(values: Values, key: str) -> CSeq:
    return CSeq.parse(_one(values, key))


def _max_forwards(values: Values, key: str) -> int | None:
    if not values:
        return None
    text = _one(values, key)
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= 255):
        raise RemoteError(400, "Bad Max-Forwards")
    return int(text)


def _content_type(values: Values, key: str) -> MediaType | None:
    return MediaType.parse(_one(values, key)) if values else None


def _tokens(values: Values, key: str) -> tuple[str, ...]:
    return tuple(token.strip() for value in values for token in value.split(",") if token.strip())


def _seconds(values: Values, key: str) -> int | None:
    """A count of seconds; what is no number counts as missing (:rfc:`3261#section-20.19`), what is too large is cut."""
    text = re.split("[;(]", values[0], maxsplit=1)[0].strip() if values else ""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return _MAX_SECONDS if len(digits) > 10 else min(int(digits or "0"), _MAX_SECONDS)


def _count_below(lines: list[str]) -> int:
    """Count the Vias in all lines but the first."""
    return sum(len(Via.parse_many(line)) for line in lines[1:])


class Message:
    """What requests and responses share."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body

    vias = Typed("Via", _vias, "All Vias, top first (:rfc:`3261#section-20.42`).")
    from_ = Typed("From", _name_addr, "From (:rfc:`3261#section-20.20`).")
    to = Typed("To", _name_addr, "To (:rfc:`3261#section-20.39`).")
    call_id = Typed("Call-ID", _call_id, "Call-ID (:rfc:`3261#section-20.8`).")
    cseq = Typed("CSeq", _cseq, "CSeq (:rfc:`3261#section-20.16`).")
    contacts = Typed("Contact", _contacts, "Contacts; none for ``*`` (:rfc:`3261#section-20.10`).")
    routes = Typed("Route", _name_addrs, "Route (:rfc:`3261#section-20.34`).")
    record_routes = Typed("Record-Route", _name_addrs, "Record-Route (:rfc:`3261#section-20.30`).")
    max_forwards = Typed("Max-Forwards", _max_forwards, "Hops left, 0-255 (:rfc:`3261#section-20.22`).")
    content_type = Typed("Content-Type", _content_type, "Content-Type (:rfc:`3261#section-20.15`).")
    require = Typed("Require", _tokens, "Option tags (:rfc:`3261#section-20.32`).")
    supported = Typed("Supported", _tokens, "Option tags (:rfc:`3261#section-20.37`).")
    allow = Typed("Allow", _tokens, "Methods (:rfc:`3261#section-20.5`).")
    expires = Typed("Expires", _seconds, "Seconds; None for none or nonsense (:rfc:`3261#section-20.19`).")
    min_expires = Typed("Min-Expires", _seconds, "Seconds (:rfc:`3261#section-20.23`).")
    retry_after = Typed("Retry-After", _seconds, "Seconds; comments are cut off (:rfc:`3261#section-20.33`).")

    @property
    def via(self) -> Via:
        """The top Via."""
        return self.vias[0]

    def replace_via(self, via: Via) -> None:
        """Put another value into the place of the top Via; those below it stay."""
        vias = self.vias
        lines = self.headers.get_all("via")
        below = vias[1 : len(vias) - _count_below(lines)] if len(lines) < len(vias) else ()
        self.headers.replace_first("Via", ", ".join(str(one) for one in (via, *below)))
        self.headers.remember("via", (via, *vias[1:]))

    @property
    def contact_is_star(self) -> bool:
        """True for ``Contact: *``."""
        return self.headers.get_all("contact") == ["*"]

    def _serialise(self, start: str) -> bytes:
        lines = [start]
        lines.extend(f"{name}: {value}" for name, value in self.headers if name != "Content-Length")
        lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines)
        if head.count("\r") != len(lines) - 1 or head.count("\n") != len(lines) - 1:
            raise LocalError("a start line or header holds a line break: take it out")
        return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


class Request(Message):
    """A request; ``uri`` is the Request-URI."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: Uri, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def __bytes__(self) -> bytes:
        """Return the message as it goes on the wire. Raises LocalError for line breaks within a header."""
        if not is_token(self.method):
            raise LocalError("a method is one token, like INVITE")
        return self._serialise(f"{self.method} {self.uri} SIP/2.0")

    def __repr__(self) -> str:
        return f"<Request {self.method}>"


class Response(Message):
    """A response; ``reason`` may be empty."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    def __bytes__(self) -> bytes:
        """Return the message as it goes on the wire. Raises LocalError for line breaks within a header."""
        if not 100 <= self.status <= 699:
            raise LocalError(f"{self.status} is no SIP status: take one of 100-699")
        return self._serialise(f"SIP/2.0 {self.status} {self.reason}")

    def __repr__(self) -> str:
        return f"<Response {self.status}>"
