"""From bytes to messages: whole datagrams, and streams cut by Content-Length (:rfc:`3261#section-7`, 18.3).

::

    bytes -> framing -> start line, header lines (unfolded) -> Headers -> check() -> Request | Response
                                                                  \\-> RemoteError(status, reason, partial)

Whatever the bytes are, the outcome is a message or a :class:`~offhook.sip.errors.RemoteError`, in linear time. On a
request that was returned no typed attribute raises any more. What cannot be read but is not needed is let be: lines
that are no header, an unreadable Contact in a response.
"""

import re
from enum import Enum

from offhook.sip.errors import RemoteError
from offhook.sip.grammar import HOST, LWS, TOKEN, is_token, parse_host
from offhook.sip.header_fields import KNOWN_NAMES, Headers, identify
from offhook.sip.headers import Via
from offhook.sip.limits import DEFAULT_LIMITS, Limits
from offhook.sip.message import Request, Response
from offhook.sip.uri import OtherUri, SipUri, Uri, parse_uri

__all__ = ["KeepAlive", "Limits", "StreamParser", "parse_datagram"]

METHODS = frozenset(
    {"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER"}
    | {"SUBSCRIBE", "UPDATE"}
)
UNREADABLE = OtherUri("unreadable", "-")
"""The Request-URI of a partial request whose own one cannot be read."""

_END_OF_HEAD = b"\r\n\r\n"
_FOLD = re.compile(r"\r\n[ \t]++")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?+", re.IGNORECASE | re.DOTALL)
_VERSION = re.compile(r"SIP/[0-9]++\.[0-9]++", re.IGNORECASE)
_VIA_START = re.compile(
    rf"{LWS}SIP{LWS}/[^/]*+/{LWS}({TOKEN})[ \t]++({HOST})(?:{LWS}:{LWS}([0-9]{{1,5}})(?![0-9]))?+", re.IGNORECASE
)
_LISTS = ("contact", "route", "record-route")


def parse_datagram(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Request | Response:
    """Read one datagram. Raises RemoteError; status 0 for what needs no answer, keep-alives among it."""
    start = 0
    while data.startswith(b"\r\n", start):
        start += 2
    end = data.find(_END_OF_HEAD, start)
    if end < 0 or end - start > limits.head or len(data) > limits.message:
        raise _unframed(data, start, end, limits)
    message = _parse_head(data[start:end], limits)
    body = data[end + 4 :]
    try:
        length = _content_length(message.headers)
        if length is not None and length > len(body):
            raise RemoteError(400, "Content-Length Exceeds Datagram")
    except RemoteError as error:
        raise _explained(error, message) from None
    message.body = body if length is None else body[:length]
    return message


class KeepAlive(Enum):
    """Line breaks between the messages of a stream (:rfc:`5626#section-3.5.1`).

    Each first one is a PONG, a second one next to it makes both a PING: that is the only way to tell them apart that
    does not depend on how the stream was cut. A PONG before a PING means nothing.
    """

    PING = "ping"
    PONG = "pong"


class StreamParser:
    """Cuts a byte stream into messages; the result does not depend on how the bytes were cut into pieces."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._skip = 0
        self._head: Request | Response | None = None
        self._length = 0
        self._after_break = False
        self._broken = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if not self._broken:
            self._buffer += data

    def next(self) -> Request | Response | KeepAlive | None:
        """Return the next message or keep-alive, None where more bytes are needed.

        Raises RemoteError for a message that cannot be used; call again for the one after it, unless it is ``fatal``:
        then no further message can be found in this stream.
        """
        if self._skip:
            skipped = min(self._skip, len(self._buffer))
            del self._buffer[:skipped]
            self._skip -= skipped
        if self._broken or self._skip:
            return None
        if self._head is None:
            if self._buffer.startswith(b"\r\n"):
                return self._keep_alive()
            self._read_head()
        message = self._head
        if message is None or len(self._buffer) < self._length:
            return None
        message.body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._head = None
        return message

    def _keep_alive(self) -> KeepAlive:
        del self._buffer[:2]
        self._after_break = not self._after_break
        return KeepAlive.PONG if self._after_break else KeepAlive.PING

    def _read_head(self) -> None:
        end = self._buffer.find(_END_OF_HEAD, self._searched)
        if end > self._limits.head or (end < 0 and len(self._buffer) > self._limits.head + 3):
            raise self._fatal(_unframed(bytes(self._buffer[: self._limits.head]), 0, -1, self._limits, size=True))
        if end < 0:
            self._searched = max(0, len(self._buffer) - 3)
            return
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        self._searched = 0
        self._after_break = False
        try:
            message = _parse_head(head, self._limits)
        except RemoteError as error:
            self._go_on_after(error, head)
            raise
        try:
            self._length = self._body_length(message.headers)
        except RemoteError as error:
            raise self._fatal(_explained(error, message)) from None
        self._head = message

    def _body_length(self, headers: Headers) -> int:
        length = _content_length(headers)
        if length is None:
            if "Content-Type" in headers:
                raise RemoteError(400, "Missing Content-Length")
            return 0
        if length > self._limits.message:
            raise RemoteError(513, "Message Too Large")
        return length

    def _go_on_after(self, error: RemoteError, head: bytes) -> None:
        """Find out where the message after a faulty one starts."""
        try:
            headers, _ = _parse_fields(_decode(head).partition("\r\n")[2], self._limits)
            self._skip = self._body_length(headers)
        except RemoteError:
            self._fatal(error)

    def _fatal(self, error: RemoteError) -> RemoteError:
        self._broken = True
        self._buffer.clear()
        error.fatal = True
        return error


def _decode(head: bytes) -> str:
    return head.decode("utf-8", "surrogateescape")


def _parse_head(head: bytes, limits: Limits) -> Request | Response:
    start, _, fields = _decode(head).partition("\r\n")
    headers, fault = _parse_fields(fields, limits)
    if start[:4].upper() == "SIP/":
        return _parse_response(start, headers, fault, limits)
    return _parse_request(start, headers, fault, limits)


def _parse_fields(text: str, limits: Limits) -> tuple[Headers, RemoteError | None]:
    """Read the header lines; what is read is of use even where there is a fault."""
    fault = None
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    joined = "".join(lines)
    if "\r" in joined or "\n" in joined:
        fault = RemoteError(400, "Bad Line Break")
        lines = [line for line in lines if "\r" not in line and "\n" not in line]
    if len(lines) > limits.headers:
        fault = RemoteError(513, "Too Many Headers")
        del lines[limits.headers :]
    items = []
    index: dict[str, list[str]] = {}
    known_names = KNOWN_NAMES
    for line in lines:
        name, colon, value = line.partition(":")
        known = known_names.get(name)
        if known is None:
            name = name.rstrip(" \t")
            if not colon or not is_token(name):
                continue
            known = identify(name)
        value = value.strip(" \t")
        key, spelling = known
        items.append((key, spelling, value))
        if key in index:
            index[key].append(value)
        else:
            index[key] = [value]
    headers = Headers.of_fields(items, index)
    if fault is None and len(lines) + text.count(",") > min(limits.vias, limits.list_values):
        fault = _too_many(headers, limits)
    return headers, fault


def _parse_response(start: str, headers: Headers, fault: RemoteError | None, limits: Limits) -> Response:
    match = _STATUS_LINE.fullmatch(start)
    if match is None or "\r" in start or "\n" in start:
        raise RemoteError(0, "Bad Status-Line")
    response = Response(int(match[1]), match[2] or "", headers, b"")
    try:
        if fault is not None:
            raise fault
        _check_basics(response)
    except RemoteError as error:
        raise RemoteError(0, error.reason, response) from None
    try:
        _ = response.contacts
    except RemoteError:
        headers.remember("contact", ())
    return response


def _parse_request(start: str, headers: Headers, fault: RemoteError | None, limits: Limits) -> Request:
    method, _, rest = start.partition(" ")
    if method not in METHODS and not is_token(method):
        raise RemoteError(400, "Bad Request-Line")
    request = Request(method, UNREADABLE, headers, b"")
    try:
        target, _, version = rest.partition(" ")
        if version.upper() != "SIP/2.0":
            if _VERSION.fullmatch(version):
                raise RemoteError(505, "Version Not Supported")
            raise RemoteError(400, "Bad Request-Line")
        if fault is not None:
            raise fault
        request.uri = _request_uri(target)
        _check_request(request)
    except RemoteError as error:
        raise _explained(error, request) from None
    return request


def _request_uri(text: str) -> Uri:
    uri = parse_uri(text)
    if isinstance(uri, SipUri) and uri.headers:
        raise RemoteError(400, "Headers in Request-URI")
    return uri


def _too_many(headers: Headers, limits: Limits) -> RemoteError | None:
    """Return the fault of a list that is too long, before any is read."""
    if headers.most_values("via") > limits.vias:
        return RemoteError(513, "Too Many Via")
    for key in _LISTS:
        if headers.most_values(key) > limits.list_values:
            return RemoteError(513, f"Too Many {headers.spelling(key)}")
    return None


def _check_basics(message: Request | Response) -> None:
    _ = (message.vias, message.from_, message.to, message.call_id, message.cseq, message.record_routes)


def _check_request(request: Request) -> None:
    _check_basics(request)
    if request.cseq.method != request.method:
        if request.method in METHODS:
            raise RemoteError(400, "CSeq Method Mismatch")
        raise RemoteError(501, "Not Implemented")
    _ = (request.max_forwards, request.contacts, request.routes, request.content_type)


def _content_length(headers: Headers) -> int | None:
    values = headers.get_all("content-length")
    if not values:
        return None
    text = values[0]
    if len(values) > 1 or not (text.isascii() and text.isdigit()):
        raise RemoteError(400, "Bad Content-Length")
    digits = text.lstrip("0")
    if len(digits) > 9:
        raise RemoteError(400, "Bad Content-Length")
    return int(digits or "0")


def _explained(error: RemoteError, message: Request | Response) -> RemoteError:
    """Return the error with what is needed to answer it; status 0 where nobody may."""
    if isinstance(message, Response) or message.method == "ACK":
        return RemoteError(0, error.reason, message)
    return RemoteError(error.status, error.reason, message if _is_answerable(message) else None)


def _is_answerable(request: Request) -> bool:
    """True where the top Via can be read, at least so far that it says where the answer goes."""
    try:
        _ = request.vias
    except RemoteError:
        match = _VIA_START.match(request.headers.get("Via") or "")
        if match is None:
            return False
        try:
            via = Via(match[1], parse_host(match[2]), int(match[3]) if match[3] else None)
        except RemoteError:
            return False
        request.headers.replace_first("Via", str(via))
        request.headers.remember("via", (via,))
    return True


def _unframed(data: bytes, start: int, end: int, limits: Limits, size: bool = False) -> RemoteError:
    """Return the error for a head that does not end, or for too many bytes, with what can be read of the head."""
    if start == len(data):
        return RemoteError(0, "Keep-Alive")
    too_large = size or len(data) > limits.message or (end < 0 and len(data) - start > limits.head)
    too_large = too_large or end - start > limits.head
    error = RemoteError(513, "Message Too Large") if too_large else RemoteError(400, "Missing Blank Line")
    head = data[start : end if 0 <= end - start <= limits.head else start + limits.head]
    head = head[: head.rfind(b"\r\n") + 2].removesuffix(b"\r\n") if end < 0 else head
    try:
        return _explained(error, _parse_head(head, limits))
    except RemoteError as inner:
        return RemoteError(error.status if inner.status else 0, error.reason, inner.partial)
