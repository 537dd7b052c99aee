"""From bytes to messages: whole datagrams, and streams cut by Content-Length (:rfc:`3261#section-7`, 18.3).

::

    datagram -> parse_datagram() ---------------------+-> Request | Response
    stream   -> StreamParser.feed(), .next(), .next() +-> RemoteError(status, reason, partial), fatal or not
                                                       \\-> KeepAlive

Whatever the bytes are, the outcome is a message or a :class:`~offhook.sip.errors.RemoteError`, in linear time.
"""

from enum import Enum

from offhook.sip.errors import RemoteError
from offhook.sip.messages.head import UNREADABLE, content_length, decode, explained, parse_fields, parse_head
from offhook.sip.messages.header_fields import Headers
from offhook.sip.messages.limits import DEFAULT_LIMITS, Limits
from offhook.sip.messages.message import Request, Response

__all__ = ["UNREADABLE", "KeepAlive", "Limits", "StreamParser", "parse_datagram"]

_END_OF_HEAD = b"\r\n\r\n"


def parse_datagram(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Request | Response:
    """Read one datagram. Raises RemoteError; status 0 for what needs no answer, keep-alives among it."""
    start = 0
    while data.startswith(b"\r\n", start):
        start += 2
    end = data.find(_END_OF_HEAD, start)
    if end < 0 or end - start > limits.head or len(data) > limits.message:
        raise _unframed(data, start, end, limits)
    message = parse_head(data[start:end], limits)
    body = data[end + 4 :]
    try:
        length = content_length(message.headers)
        if length is not None and length > len(body):
            raise RemoteError(400, "Content-Length Exceeds Datagram")
    except RemoteError as error:
        raise explained(error, message) from None
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
            message = parse_head(head, self._limits)
        except RemoteError as error:
            self._go_on_after(error, head)
            raise
        try:
            self._length = self._body_length(message.headers)
        except RemoteError as error:
            raise self._fatal(explained(error, message)) from None
        self._head = message

    def _body_length(self, headers: Headers) -> int:
        length = content_length(headers)
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
            headers, _ = parse_fields(decode(head).partition("\r\n")[2], self._limits)
            self._skip = self._body_length(headers)
        except RemoteError:
            self._fatal(error)

    def _fatal(self, error: RemoteError) -> RemoteError:
        self._broken = True
        self._buffer.clear()
        error.fatal = True
        return error


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
        return explained(error, parse_head(head, limits))
    except RemoteError as inner:
        return RemoteError(error.status if inner.status else 0, error.reason, inner.partial)
