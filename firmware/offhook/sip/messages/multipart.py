"""Bodies of several parts (:rfc:`2046#section-5.1`, :rfc:`5621`): building ``multipart/mixed`` and taking it apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.header_fields import Headers
from offhook.sip.messages.headers import MediaType

MAX_PARTS = 32
MAX_DEPTH = 4
_BOUNDARY_OK = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=?")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its entity headers (Content-Type among them) in order, and its content."""

    headers: tuple[tuple[str, str], ...]
    content: bytes

    def header(self, name: str) -> str | None:
        """Return the first header of a name, None where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def content_type(self) -> MediaType:
        """What the part holds; plain text where it does not say. Raises RemoteError 400."""
        return MediaType.parse(self.header("Content-Type") or "text/plain")


def build_multipart(parts: Sequence[Part], boundary: str, subtype: str = "mixed") -> tuple[str, bytes]:
    """Return Content-Type and body. Raises LocalError when the boundary cannot separate these parts."""
    delimiter = boundary.encode("utf-8", "surrogateescape")
    if not 0 < len(delimiter) <= 70 or not _BOUNDARY_OK.issuperset(delimiter):
        raise LocalError("a boundary is 1-70 letters, digits and '()+_,-./:=?")
    pieces = []
    for part in parts:
        if b"--" + delimiter in part.content:
            raise LocalError("the boundary occurs in a part: take a random one")
        fields = Headers()
        for name, value in part.headers:
            fields.add(name, value)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("utf-8", "surrogateescape")
        pieces.append(b"--" + delimiter + b"\r\n" + head + b"\r\n" + part.content + b"\r\n")
    content_type = str(MediaType("multipart", subtype, (("boundary", boundary),)))
    return content_type, b"".join(pieces) + b"--" + delimiter + b"--\r\n"


def parse_multipart(content_type: MediaType, body: bytes) -> tuple[Part, ...]:
    """Take a body apart, one level deep. Raises RemoteError 400."""
    boundary = content_type.param("boundary")
    if content_type.type != "multipart" or not boundary:
        raise RemoteError(400, "Missing Boundary")
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape")
    parts: list[Part] = []
    start: int | None = None
    for at, after, is_last in _delimiters(body, delimiter):
        if start is not None:
            parts.append(_parse_part(body[start:at]))
        if is_last:
            return tuple(parts)
        if len(parts) >= MAX_PARTS:
            raise RemoteError(400, "Too Many Body Parts")
        start = after
    raise RemoteError(400, "Unfinished Multipart Body")


def _delimiters(body: bytes, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield where the content before a delimiter line ends, where the line ends, and whether it closes the body."""
    position = 0
    while (found := body.find(delimiter, position)) >= 0:
        position = found + len(delimiter)
        if found and body[found - 1] != 0x0A:
            continue
        is_last = body.startswith(b"--", position)
        line_end = body.find(b"\n", position)
        rest = body[position + 2 * is_last : line_end if line_end >= 0 else len(body)]
        if rest.strip(b" \t\r") or (line_end < 0 and not is_last):
            continue
        end = found - (2 if body[max(0, found - 2) : found] == b"\r\n" else 1)
        position = line_end + 1 if line_end >= 0 else len(body)
        yield max(end, 0), position, is_last


def _parse_part(data: bytes) -> Part:
    if data.startswith(b"\r\n"):
        head, content = b"", data[2:]
    else:
        head, _, content = data.partition(b"\r\n\r\n")
    text = head.decode("utf-8", "surrogateescape").replace("\r\n ", " ").replace("\r\n\t", " ")
    fields = []
    for line in text.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon and "\r" not in line and "\n" not in line:
            fields.append((name.strip(), value.strip()))
    return Part(tuple(fields), content)


def find_part(content_type: str, body: bytes, wanted: str, depth: int = 0) -> bytes | None:
    """Return the first body of a media type like ``application/sdp``, looked for in multiparts within multiparts.

    None where there is none, and where the body cannot be read.
    """
    try:
        media = MediaType.parse(content_type)
        if media.name == wanted.lower():
            return body
        if media.type != "multipart" or depth >= MAX_DEPTH:
            return None
        parts = parse_multipart(media, body)
    except RemoteError:
        return None
    for part in parts:
        found = find_part(part.header("Content-Type") or "text/plain", part.content, wanted, depth + 1)
        if found is not None:
            return found
    return None
