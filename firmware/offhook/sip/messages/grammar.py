"""Fragments of the grammar of :rfc:`3261#section-25`, and what every header shares: escapes, quotes, parameters.

Text here is header text after unfolding, decoded as UTF-8 with ``surrogateescape``: bytes that are not UTF-8 survive
a round trip. Every expression runs in linear time: possessive quantifiers, no nested repetition.
"""

import re
from ipaddress import AddressValueError, IPv6Address

from offhook.sip.errors import LocalError, RemoteError

Params = tuple[tuple[str, str | None], ...]

# No group that captures is possessive: Python before 3.11.5 (Debian bookworm has 3.11.2) keeps what such a group had
# captured when it then fails, so that `(?:(user)@)?+(host)` took the host for the user.
TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]++"
QUOTED = r'"(?:[^"\\]|\\.)*+"'
LWS = r"[ \t]*+"
HOST = r"(?:\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.\-]++)"

_PARAM = re.compile(rf"{LWS};{LWS}({TOKEN})(?:{LWS}={LWS}({QUOTED}|[^\s;,\"]*+))?", re.DOTALL)
_TOKEN_ONLY = re.compile(TOKEN)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~:\[\]/@=]++")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})++")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_TO_QUOTE = re.compile(r'[\x00-\x08\x0a-\x1f\x7f"\\]')


def is_token(text: str) -> bool:
    """True for a non-empty token."""
    return _TOKEN_ONLY.fullmatch(text) is not None


def unescape(text: str) -> str:
    """Undo ``%HH`` once; a ``%`` that starts no escape stays as it is."""
    if "%" not in text:
        return text
    return _ESCAPED.sub(lambda m: bytes.fromhex(m[0].replace("%", "")).decode("utf-8", "surrogateescape"), text)


def escape(text: str, allowed: "re.Pattern[str]") -> str:
    """Return ``text`` with every run of characters that ``allowed`` does not match as ``%HH`` of its UTF-8 bytes."""
    if allowed.fullmatch(text):
        return text
    return "".join(
        char if allowed.fullmatch(char) else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
        for char in text
    )


def quote(text: str) -> str:
    """Return ``text`` as a quoted-string. Raises LocalError for line breaks, which no quoted-string can hold."""
    if "\r" in text or "\n" in text:
        raise LocalError("a quoted string cannot hold a line break: take it out")
    return '"' + _TO_QUOTE.sub(r"\\\g<0>", text) + '"'


def unquote(text: str) -> str:
    """Return what a quoted-string stands for; ``text`` includes the quotes."""
    inner = text[1:-1]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def parse_params(text: str, start: int = 0) -> tuple[Params, int]:
    """Read ``;name=value`` pairs from ``start``; return them, values unquoted, and where they end."""
    params = []
    while match := _PARAM.match(text, start):
        name, value = match[1], match[2]
        if value is not None and value.startswith('"'):
            value = unquote(value)
        params.append((name, value))
        start = match.end()
    return tuple(params), start


def format_params(params: Params) -> str:
    """Return parameters as they stand in a header, quoted where they must be."""
    if not params:
        return ""
    return "".join(
        f";{name}" if value is None else f";{name}={value if _PLAIN_VALUE.fullmatch(value) else quote(value)}"
        for name, value in params
    )


def find_param(params: Params, name: str) -> str | None:
    """Return a parameter's value, ``""`` for one without value, None where it is missing; case does not matter."""
    for key, value in params:
        if key == name or key.lower() == name:
            return "" if value is None else value
    return None


def replace_param(params: Params, name: str, value: str | None) -> Params:
    """Return ``params`` with one of them set, in its old place where it had one."""
    changed = tuple((key, value if key.lower() == name else old) for key, old in params)
    return changed if any(key.lower() == name for key, _ in params) else (*params, (name, value))


def parse_host(text: str) -> str:
    """Return a host in lower case, IPv6 without brackets. Raises RemoteError 400.

    ``:::`` in an IPv6 reference is taken as ``::``: the grammar of :rfc:`3261` once asked for it
    (:rfc:`5118#section-4.10`).
    """
    if not text.startswith("["):
        return text.lower()
    address = text[1:-1].lower().replace(":::", "::")
    try:
        IPv6Address(address)
    except AddressValueError:
        raise RemoteError(400, "Bad IPv6 Address") from None
    return address


def format_host(host: str) -> str:
    """Return a host as it stands in a URI or Via: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def parse_port(text: str | None) -> int | None:
    """Return a port number; None for none. Raises RemoteError 400."""
    if not text:
        return None
    if len(text) > 5 or int(text) > 65535:
        raise RemoteError(400, "Bad Port")
    return int(text)


def format_port(port: int | None) -> str:
    """Return ``:port``, or nothing."""
    return "" if port is None else f":{port}"
