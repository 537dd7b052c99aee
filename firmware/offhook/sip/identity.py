"""Who calls, as far as it can be told: what the sender says, what his network vouches for, by whom it was diverted.

::

    From            anybody's word
    P-Asserted-Identity, verstat, Diversion, History-Info, answer modes     only from a server that we trust
    Privacy         whoever asks for it gets it

A header of these that cannot be read is left out: no call is lost over a decoration.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from offhook.sip.answer_mode import AnswerMode
from offhook.sip.errors import RemoteError
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import OtherUri, SipUri, TelUri, Uri

ANONYMOUS = "anonymous"
MAX_SHOWN = 80
MAX_ENTRIES = 16

_PRIVATE = frozenset({"id", "user", "header"})
_RING_STYLE = re.compile(r"\bbellcore-dr([1-5])(?![0-9])", re.IGNORECASE)
_VERSTAT = re.compile(r"[A-Za-z0-9\-]{1,40}")


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """What an INVITE tells about its caller.

    Attributes:
        asserted: the first P-Asserted-Identity (:rfc:`3325`), None where there is none or nobody to be trusted.
        display: what a person is shown; ``anonymous`` where the caller wants to be.
        privacy: the caller, or his network for him, asked that nobody is shown (:rfc:`3323`, :rfc:`3325`).
        diverted_from: who was called first and passed the call on (:rfc:`5806`, :rfc:`7044`), "" where nobody did.
        diversion: why, in that header's word (``user-busy``, ``no-answer``, ``302`` ...), "" where it does not say.
        alert_info: the first Alert-Info, a URI or a word (:rfc:`3261#section-20.4`, :rfc:`7462`).
        ring_style: N of ``Bellcore-drN`` (1 to 5) in Alert-Info, by which servers tell calls apart; 0: not said.
        auto_answer: the server asks that the phone answers by itself (:rfc:`5373`, ``answer-after``).
        answer_after: after how many seconds.
        auto_required: or not at all: where it cannot be answered by itself it is to be refused.
        verstat: what the network found out about the number, e.g. ``TN-Validation-Passed`` (3GPP TS 24.229).
    """

    asserted: NameAddr | None = None
    display: str = ""
    privacy: bool = False
    diverted_from: str = ""
    diversion: str = ""
    alert_info: str = ""
    ring_style: int = 0
    auto_answer: bool = False
    answer_after: float = 0.0
    auto_required: bool = False
    verstat: str = ""


def caller_identity(request: Request, trusted: bool) -> CallerIdentity:
    """Read the identity out of an INVITE; ``trusted``: it comes from the account's own server."""
    asserted = _first(request.headers.get_all("P-Asserted-Identity")) if trusted else None
    privacy = _wants_privacy(request)
    diverted_from, diversion = _diversion(request) if trusted else ("", "")
    mode = AnswerMode.of(request) if trusted else AnswerMode()
    return CallerIdentity(
        asserted=asserted,
        display=ANONYMOUS if privacy else shown(asserted) or shown(request.from_),
        privacy=privacy,
        diverted_from=diverted_from,
        diversion=diversion,
        alert_info=_alert_info(request),
        ring_style=_ring_style(request),
        auto_answer=mode.auto,
        answer_after=mode.after,
        auto_required=mode.auto and mode.required,
        verstat=_verstat(asserted, request.from_) if trusted else "",
    )


def shown(name: NameAddr | None) -> str:
    """Return what a person is shown of an address: the name, else the number, else the URI; one short line."""
    if name is None:
        return ""
    return _line((name.shown or "").strip() or number_of(name.uri))


def make_private(request: Request, display: str | None) -> None:
    """Have an INVITE of ours not say who calls (:rfc:`3323#section-4.1`), but to the server (:rfc:`3325#section-9.2`).

    The server takes P-Preferred-Identity for its own use, and ``Privacy: id`` bids it not to pass on what it asserts.
    """
    caller = request.from_
    nobody = SipUri("sip", ANONYMOUS, None, "anonymous.invalid")
    request.headers.set("From", str(NameAddr("Anonymous", nobody, caller.params)))
    request.headers.set("P-Preferred-Identity", str(NameAddr(display, caller.uri, ())))
    request.headers.set("Privacy", "id")


def number_of(uri: Uri) -> str:
    """Return a URI without what only machines read: ``+4512345678``, ``bob@example.com``."""
    if isinstance(uri, TelUri):
        return uri.digits
    if isinstance(uri, OtherUri):
        return str(uri)
    user = (uri.user or "").partition(";")[0]
    digits = user.lstrip("+")
    if user and digits.isascii() and digits.replace("-", "").isdigit():
        return user
    return f"{user}@{uri.host}" if user else uri.host


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:MAX_SHOWN])


def _entries(values: Iterable[str]) -> list[NameAddr]:
    """Read every value of a list header; a line that cannot be read counts as not there."""
    found: list[NameAddr] = []
    for value in values:
        try:
            found.extend(NameAddr.parse_many(value))
        except RemoteError:
            continue
    return found[:MAX_ENTRIES]


def _first(values: Iterable[str]) -> NameAddr | None:
    return next((name for name in _entries(values) if isinstance(name.uri, SipUri | TelUri)), None)


def _wants_privacy(request: Request) -> bool:
    """True for ``Privacy: id`` and its like, and for a From that says anonymous itself (:rfc:`3323#section-4.1`)."""
    words = {w.strip().lower() for value in request.headers.get_all("Privacy") for w in re.split("[;,]", value)}
    if words & _PRIVATE and "none" not in words:
        return True
    uri = request.from_.uri
    return isinstance(uri, SipUri) and (uri.host == "anonymous.invalid" or (uri.user or "").lower() == ANONYMOUS)


def _diversion(request: Request) -> tuple[str, str]:
    """Return who passed the call on last and why: Diversion, the most recent on top, else History-Info."""
    for entry in _entries(request.headers.get_all("Diversion")):
        if (entry.param("privacy") or "off").lower() in ("full", "uri"):
            return ANONYMOUS, _line(entry.param("reason") or "")
        return shown(entry), _line(entry.param("reason") or "")
    return _history(request)


def _history(request: Request) -> tuple[str, str]:
    """Read History-Info (:rfc:`7044`, and :rfc:`4244` before it): the entry that the last retargeting left.

    In the newer form the last entry says by ``mp`` whose place it takes, or by ``rc`` that it is only where another
    entry was found; in the older one the entry that was left carries a Reason. A ``cause`` of :rfc:`4458` in the URI
    that came of it says why.
    """
    entries = _entries(request.headers.get_all("History-Info"))
    if len(entries) < 2:
        return "", ""
    by_index = {entry.param("index"): entry for entry in entries}
    came = entries[-1]
    for _ in entries:
        found = by_index.get(came.param("rc") or "") if came.param("mp") is None else None
        if found is None:
            break
        came = found
    cause = came.uri.param("cause") or "" if isinstance(came.uri, SipUri) else ""
    left = by_index.get(came.param("mp") or "")
    if left is None:
        left = next((entry for entry in reversed(entries[:-1]) if _embedded(entry, "reason")), None)
    if left is None and cause:
        left = entries[-2]
    if left is None or left is came:
        return "", ""
    reason = re.search(r"cause\s*=\s*([0-9]{3})", _embedded(left, "reason"))
    why = cause or (reason[1] if reason else "")
    private = "history" in _embedded(left, "privacy").lower()
    return (ANONYMOUS if private else shown(left)), _line(why)


def _embedded(entry: NameAddr, name: str) -> str:
    """Return a header that stands in a URI (``?Reason=...``)."""
    if not isinstance(entry.uri, SipUri):
        return ""
    return next((value or "" for key, value in entry.uri.headers if key.lower() == name), "")


def _alert_info(request: Request) -> str:
    value = (request.headers.get("Alert-Info") or "").strip()
    bracketed = re.match(r"<([^<>]*)>", value)
    return _line(bracketed[1] if bracketed else value.partition(";")[0].strip())


def _ring_style(request: Request) -> int:
    found = (_RING_STYLE.search(value) for value in request.headers.get_all("Alert-Info"))
    return next((int(style[1]) for style in found if style is not None), 0)


def _verstat(*names: NameAddr | None) -> str:
    """Return the first ``verstat``: a parameter of the tel URI, of the user part, of the URI or of the header."""
    for name in names:
        if name is None:
            continue
        user = name.uri.user or "" if isinstance(name.uri, SipUri) else ""
        inside = next((p[8:] for p in user.split(";")[1:] if p.lower().startswith("verstat=")), None)
        uri = None if isinstance(name.uri, OtherUri) else name.uri.param("verstat")
        for value in (inside, uri, name.param("verstat")):
            if value and _VERSTAT.fullmatch(value):
                return value
    return ""
