"""URIs (:rfc:`3261#section-19.1`): ``sip:``, ``sips:``, ``tel:`` (:rfc:`3966`) and those that are only passed on.

A parsed URI keeps the text that it came from, so that ``str(parse_uri(text)) == text``: an escaped reserved
character means something else than a bare one, and a peer must get back the Contact that it gave.
"""

import re
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from typing import Literal, TypeAlias

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.grammar import (
    HOST,
    Params,
    escape,
    find_param,
    format_host,
    format_port,
    parse_host,
    parse_port,
    replace_param,
    unescape,
)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):")
_FORBIDDEN = re.compile(r'[\x00-\x20\x7f<>"]')
_HOST_PORT = re.compile(rf"({HOST})(?::([0-9]++))?")
_USER_OK = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]*+")
_PASSWORD_OK = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,]*+")
_PARAM_OK = re.compile(r"[A-Za-z0-9\-_.!~*'()\[\]/:&+$]*+")
_HEADER_OK = re.compile(r"[A-Za-z0-9\-_.!~*'()\[\]/?:+$]*+")
_TEL_NUMBER = re.compile(r"\+?[0-9A-Fa-f*#\-.()]++")
_TEL = re.compile(rf"({_TEL_NUMBER.pattern})((?:;[^;]++)*+)")
_SEPARATORS = str.maketrans("", "", "-.()")
# Parameters that must be in both URIs or in neither (:rfc:`3261#section-19.1.4`).
_SIGNIFICANT = ("user", "ttl", "method", "maddr", "transport")


@dataclass(frozen=True, slots=True)
class SipUri:
    """A SIP or SIPS URI. Every part is unescaped, once; ``host`` is lower case, IPv6 without brackets."""

    scheme: Literal["sip", "sips"]
    user: str | None
    password: str | None
    host: str
    port: int | None = None
    params: Params = ()
    headers: Params = ()
    _text: str | None = field(default=None, init=False, repr=False, compare=False)

    def param(self, name: str) -> str | None:
        """Return a URI parameter, ``""`` for one without value, None where it is missing."""
        return find_param(self.params, name)

    def with_params(self, **params: str | None) -> "SipUri":
        """Return a copy with these parameters set; None sets one without value."""
        changed = self.params
        for name, value in params.items():
            changed = replace_param(changed, name, value)
        return replace(self, params=changed)

    def without_param(self, name: str) -> "SipUri":
        """Return a copy that lacks a parameter."""
        return replace(self, params=tuple(pair for pair in self.params if pair[0].lower() != name))

    def equivalent(self, other: "Uri") -> bool:
        """Compare by the rules of :rfc:`3261#section-19.1.4`."""
        if not isinstance(other, SipUri) or self.scheme != other.scheme:
            return False
        if (self.user, self.password, self.port) != (other.user, other.password, other.port):
            return False
        if _comparable_host(self.host) != _comparable_host(other.host):
            return False
        mine, theirs = _by_name(self.params), _by_name(other.params)
        if any(mine.get(name, "") != theirs.get(name, "") for name in mine.keys() & theirs.keys()):
            return False
        if any((name in mine) != (name in theirs) for name in _SIGNIFICANT):
            return False
        return _by_name(self.headers, fold=False) == _by_name(other.headers, fold=False)

    def __str__(self) -> str:
        if self._text is not None:
            return self._text
        user = ""
        if self.user is not None:
            password = "" if self.password is None else f":{escape(self.password, _PASSWORD_OK)}"
            user = f"{escape(self.user, _USER_OK)}{password}@"
        params = "".join(
            f";{escape(name, _PARAM_OK)}" + ("" if value is None else f"={escape(value, _PARAM_OK)}")
            for name, value in self.params
        )
        headers = "&".join(
            f"{escape(name, _HEADER_OK)}={escape(value or '', _HEADER_OK)}" for name, value in self.headers
        )
        query = f"?{headers}" if headers else ""
        return f"{self.scheme}:{user}{format_host(self.host)}{format_port(self.port)}{params}{query}"


@dataclass(frozen=True, slots=True)
class TelUri:
    """A telephone number (:rfc:`3966`), visual separators kept."""

    number: str
    params: Params = ()

    @property
    def digits(self) -> str:
        """The number without visual separators."""
        return self.number.translate(_SEPARATORS)

    def param(self, name: str) -> str | None:
        """Return a parameter, ``""`` for one without value, None where it is missing."""
        return find_param(self.params, name)

    def __str__(self) -> str:
        if not _TEL_NUMBER.fullmatch(self.number):
            raise LocalError("a telephone number is made of digits, *, # and - . ( ), with + in front at most")
        return f"tel:{self.number}" + "".join(
            f";{escape(name, _PARAM_OK)}" + ("" if value is None else f"={escape(value, _PARAM_OK)}")
            for name, value in self.params
        )


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of another scheme (``urn:service:sos``, ``http:``), not looked into; ``scheme`` in lower case."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        text = f"{self.scheme}:{self.rest}"
        if _FORBIDDEN.search(text):
            raise LocalError("a URI cannot hold spaces, quotes, brackets or line breaks: escape them")
        return text


Uri: TypeAlias = SipUri | TelUri | OtherUri

# What nearly every SIP URI looks like: no password, escapes, IPv6 or headers. Groups: scheme, user, host, port, params.
PLAIN_SIP = (
    r"(sips?):(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/]++)@)?([A-Za-z0-9_.\-]++)(?::([0-9]{1,4}+)(?![0-9]))?"
    r"((?:;[A-Za-z0-9\-_.!~*]++(?:=[A-Za-z0-9\-_.!~*:]++)?+)*+)"
)
_PLAIN = re.compile(PLAIN_SIP)
# Filling the slots one by one takes half the time of a frozen dataclass's own __init__, and an INVITE has six URIs.
_new_uri = SipUri.__new__
_set_scheme, _set_user, _set_password, _set_host, _set_port, _set_params, _set_headers, _set_text = (
    getattr(SipUri, slot.name).__set__ for slot in fields(SipUri)
)


def build_plain(text: str, scheme: str, user: str | None, host: str, port: str | None, params: str) -> SipUri:
    """Make a SipUri of what :data:`PLAIN_SIP` has matched; ``text`` is the whole of it."""
    uri = _new_uri(SipUri)
    _set_scheme(uri, scheme)
    _set_user(uri, user)
    _set_password(uri, None)
    _set_host(uri, host.lower())
    _set_port(uri, int(port) if port else None)
    _set_params(uri, _plain_params(params) if params else ())
    _set_headers(uri, ())
    _set_text(uri, text)
    return uri


def _plain_params(text: str) -> Params:
    parts = [part.partition("=") for part in text[1:].split(";")]
    return tuple([(name, value if equals else None) for name, equals, value in parts])


def parse_uri(text: str) -> Uri:
    """Read a URI of any scheme. Raises RemoteError 400."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        scheme, user, host, port, params = plain.groups()
        return build_plain(text, scheme, user, host, port, params)
    match = _SCHEME.match(text)
    if match is None or _FORBIDDEN.search(text):
        raise RemoteError(400, "Bad URI")
    scheme = match[1].lower()
    if scheme == "sip":
        return _parse_sip("sip", text, match.end())
    if scheme == "sips":
        return _parse_sip("sips", text, match.end())
    rest = text[match.end() :]
    if not rest:
        raise RemoteError(400, "Bad URI")
    if scheme == "tel" and (tel := _TEL.fullmatch(rest)):
        return TelUri(tel[1], _parse_uri_params(tel[2][1:].split(";")) if tel[2] else ())
    return OtherUri(scheme, rest)


def _parse_sip(scheme: Literal["sip", "sips"], text: str, start: int) -> SipUri:
    user = password = None
    at = text.find("@", start)
    if at >= 0:
        user, colon, rest = text[start:at].partition(":")
        if not user:
            raise RemoteError(400, "Bad URI")
        user = unescape(user)
        password = unescape(rest) if colon else None
        start = at + 1
    match = _HOST_PORT.match(text, start)
    if match is None:
        raise RemoteError(400, "Bad URI")
    params: Params = ()
    headers: Params = ()
    tail = text[match.end() :]
    if tail:
        before, question, after = tail.partition("?")
        if before:
            if before[0] != ";":
                raise RemoteError(400, "Bad URI")
            params = _parse_uri_params(before[1:].split(";"))
        if question:
            headers = tuple(_parse_uri_header(pair) for pair in after.split("&"))
    uri = SipUri(scheme, user, password, parse_host(match[1]), parse_port(match[2]), params, headers)
    _set_text(uri, text)
    return uri


def _parse_uri_params(parts: list[str]) -> Params:
    params = []
    for part in parts:
        name, equals, value = part.partition("=")
        if not name:
            raise RemoteError(400, "Bad URI Parameter")
        params.append((unescape(name), unescape(value) if equals else None))
    return tuple(params)


def _parse_uri_header(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not name or not equals:
        raise RemoteError(400, "Bad URI Header")
    return unescape(name), unescape(value)


def _by_name(pairs: Params, fold: bool = True) -> dict[str, str]:
    return {name.lower(): (value or "").lower() if fold else value or "" for name, value in reversed(pairs)}


def _comparable_host(host: str) -> str:
    if ":" not in host:
        return host
    try:
        return str(ip_address(host))
    except ValueError:
        return host
