"""The head of a message: start line and header lines, from bytes to a request or response without its body.

::

    bytes -> decode -> start line + unfolded lines -> Headers -> checks -> Request | Response
                                                                   \\-> RemoteError(status, reason, partial)

What is checked here is what a user agent needs. What cannot be read but is not needed is let be: lines that are no
header, an unreadable Contact in a response.
"""

import re

from offhook.sip.errors import RemoteError
from offhook.sip.messages.grammar import HOST, LWS, TOKEN, is_token, parse_host
from offhook.sip.messages.header_fields import KNOWN_NAMES, Headers, identify
from offhook.sip.messages.headers import Via
from offhook.sip.messages.limits import Limits
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.uri import OtherUri, SipUri, Uri, parse_uri

METHODS = frozenset(
    {"ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER"}
    | {"SUBSCRIBE", "UPDATE"}
)
UNREADABLE = OtherUri("unreadable", "-")
"""The Request-URI of a partial request whose own one cannot be read."""

_FOLD = re.compile(r"\r\n[ \t]++")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE | re.DOTALL)
_VERSION = re.compile(r"SIP/[0-9]++\.[0-9]++", re.IGNORECASE)
_VIA_START = re.compile(
    rf"{LWS}SIP{LWS}/[^/]*+/{LWS}({TOKEN})[ \t]++({HOST})(?:{LWS}:{LWS}([0-9]{{1,5}})(?![0-9]))?", re.IGNORECASE
)
_LISTS = ("contact", "route", "record-route")


def decode(head: bytes) -> str:
    """Return the text of a head; bytes that are no UTF-8 become surrogates."""
    return head.decode("utf-8", "surrogateescape")


def parse_head(head: bytes, limits: Limits) -> Request | Response:
    """Read all before the blank line. Raises RemoteError; no typed attribute of a request returned raises any more."""
    start, _, fields = decode(head).partition("\r\n")
    headers, fault = parse_fields(fields, limits)
    if start[:4].upper() == "SIP/":
        return _parse_response(start, headers, fault, limits)
    return _parse_request(start, headers, fault, limits)


def parse_fields(text: str, limits: Limits) -> tuple[Headers, RemoteError | None]:
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
        raise explained(error, request) from None
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


def content_length(headers: Headers) -> int | None:
    """Return the Content-Length, None where there is none. Raises RemoteError 400."""
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


def explained(error: RemoteError, message: Request | Response) -> RemoteError:
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
