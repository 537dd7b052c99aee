"""Building responses (:rfc:`3261#section-8.2.6`) and reading the few headers that several places need."""

import re
from dataclasses import dataclass
from typing import TypeVar

from offhook.sip.core import Core
from offhook.sip.events import Body
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.transactions.server_transaction import ServerTransaction

M = TypeVar("M", Request, Response)

MAX_WORDS = 200

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    183: "Session Progress",
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    600: "Busy Everywhere",
    603: "Decline",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status to answer with, and the headers that go with it."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def reply(core: Core, request: Request, status: int, reason: str = "", tag: str = "") -> Response:
    """Build a response; the To tag above 100 is ``tag``, or one that is the same for each repetition (8.2.7)."""
    headers = Headers()
    for via in request.headers.get_all("Via"):
        headers.add("Via", via)
    to = request.to
    if status > 100 and not to.tag:
        headers.add("To", str(to.with_tag(tag or core.steady_tag(request))))
    else:
        headers.add("To", request.headers.get("To") or "")
    for name in ("From", "Call-ID", "CSeq"):
        headers.add(name, request.headers.get(name) or "")
    if status == 100 and (stamp := request.headers.get("Timestamp")) is not None:
        headers.add("Timestamp", stamp)
    headers.set("Server", core.settings.user_agent)
    return Response(status, reason or REASONS.get(status, ""), headers, b"")


def bare_reply(core: Core, request: Request, status: int) -> Response:
    """Build a response for a stranger: what must be echoed, and nothing that says what answers."""
    response = reply(core, request, status)
    response.headers.remove("Server")
    return response


def raw_reply(core: Core, request: Request, status: int, reason: str) -> Response:
    """Build a refusal from a request of which only the top Via is sure to be readable."""
    headers = Headers()
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        for value in request.headers.get_all(name):
            headers.add(name, value)
    headers.set("Server", core.settings.user_agent)
    return Response(status, reason, headers, b"")


def respond_to(
    core: Core,
    transaction: ServerTransaction,
    status: int,
    reason: str,
    now: float,
    headers: tuple[tuple[str, str], ...] = (),
) -> None:
    """Answer a request in its transaction; ``reason`` "": the usual phrase."""
    response = reply(core, transaction.request, status, reason)
    for name, value in headers:
        response.headers.add(name, value)
    transaction.respond(response, now)


def set_body(message: M, body: Body | None) -> M:
    """Give a message a body with its entity headers, and return it."""
    if body is None:
        return message
    message.headers.set("Content-Type", body.content_type)
    for name, value in body.headers:
        message.headers.add(name, value)
    message.body = body.data
    return message


def body_of(message: Request | Response) -> Body | None:
    """Return the body with its entity headers, None where there is none."""
    if not message.body:
        return None
    content_type = message.headers.get("Content-Type") or "application/sdp"
    entity = ("content-disposition", "content-id", "content-language", "mime-version")
    headers = tuple((name, value) for name, value in message.headers if name.lower() in entity)
    return Body(content_type, message.body, headers)


def unacceptable_body(core: Core, request: Request) -> Refusal | None:
    """Return the 415 for a body that we cannot read and may not ignore (:rfc:`3261#section-8.2.3`)."""
    headers = request.headers
    if not request.body or "handling=optional" in (headers.get("Content-Disposition") or "").replace(" ", "").lower():
        return None
    if (headers.get("Content-Encoding") or "identity").strip().lower() != "identity":
        return Refusal(415, "", (("Accept-Encoding", "identity"),))
    media = request.content_type
    if media is None:
        return Refusal(400, "Missing Content-Type")
    if media.name in core.settings.accept:
        return None
    return Refusal(415, "", (("Accept", ", ".join(core.settings.accept)),))


def printable(text: str, most: int = MAX_WORDS) -> str:
    """Return words from outside as they may stand in a log: one short line without control characters."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:most])


def reason_text(request: Request) -> str:
    """Return the words of a Reason header (:rfc:`3326`), "" where there are none."""
    found = re.search(r'text\s*=\s*"((?:[^"\\]|\\.)*)"', request.headers.get("Reason") or "", re.IGNORECASE)
    return printable(re.sub(r"\\(.)", r"\1", found.group(1))) if found else ""


def answered_elsewhere(cancel: Request) -> bool:
    """True when a CANCEL says that another phone took the call: ``Reason: SIP;cause=200``."""
    return any(
        re.match(r"\s*SIP\s*;(.*;)?\s*cause\s*=\s*200\b", value, re.IGNORECASE | re.DOTALL)
        for value in cancel.headers.get_all("Reason")
    )
