"""Header values as frozen types: each with ``parse(text)``, for lists ``parse_many(text)``, and ``str``.

Text is header text after unfolding. All of them raise :class:`~offhook.sip.errors.RemoteError` 400 for text that
breaks the grammar of :rfc:`3261#section-25`, and nothing else.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.grammar import (
    HOST,
    LWS,
    QUOTED,
    TOKEN,
    Params,
    find_param,
    format_host,
    format_params,
    format_port,
    is_token,
    parse_host,
    parse_params,
    parse_port,
    quote,
    replace_param,
    unquote,
)
from offhook.sip.messages.uri import PLAIN_SIP, Uri, build_plain, parse_uri

_PLAIN = re.compile(rf'{LWS}(?:"([^"\\]*+)"{LWS}|([A-Za-z0-9 .\-]*+))<({PLAIN_SIP})>')
_BRACKETED = re.compile(rf"{LWS}(?:({QUOTED}){LWS}|([^\"<>,;]*+))<([^<>]*+)>", re.DOTALL)
_BARE = re.compile(rf"{LWS}([^\s\"<>,;?]++)")
_COMMA = re.compile(rf"{LWS},")
_REST = re.compile(rf"{LWS}$(?!\n)")
_VIA = re.compile(
    rf"{LWS}SIP{LWS}/{LWS}2\.0{LWS}/{LWS}({TOKEN})[ \t]++({HOST})(?:{LWS}:{LWS}([0-9]++))?", re.IGNORECASE
)
_CSEQ = re.compile(rf"{LWS}0*([0-9]{{1,10}})[ \t]++({TOKEN}){LWS}")
_MEDIA_TYPE = re.compile(rf"{LWS}({TOKEN}){LWS}/{LWS}({TOKEN})")
_USUAL_METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS"})
MAX_CSEQ = 2**31 - 1


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _at_end(text: str, position: int) -> bool:
    return position == len(text) or _REST.match(text, position) is not None


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To, Contact, Route and their like (:rfc:`3261#section-20.10`): ``"display" <uri>;params``.

    ``display`` is unquoted, None where there is none. It may hold surrogates and control characters; see
    :attr:`shown`.
    """

    display: str | None
    uri: Uri
    params: Params = ()

    @property
    def tag(self) -> str | None:
        """The ``tag`` parameter."""
        return find_param(self.params, "tag")

    @property
    def shown(self) -> str | None:
        """The display name fit for a screen or a log: what is not printable is replaced."""
        if not self.display:
            return None
        return "".join(c if c.isprintable() else "\ufffd" for c in self.display)

    def param(self, name: str) -> str | None:
        """Return a header parameter, ``""`` for one without value, None where it is missing."""
        return find_param(self.params, name)

    def with_tag(self, tag: str) -> "NameAddr":
        """Return a copy with a tag."""
        return NameAddr(self.display, self.uri, replace_param(self.params, "tag", tag))

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Read exactly one."""
        value, end = _parse_name_addr(text, 0)
        if not _at_end(text, end):
            raise RemoteError(400, "Bad Name or Address")
        return value

    @classmethod
    def parse_many(cls, text: str) -> tuple["NameAddr", ...]:
        """Read a list."""
        value, end = _parse_name_addr(text, 0)
        if end == len(text):
            return (value,)
        values = [value]
        while comma := _COMMA.match(text, end):
            value, end = _parse_name_addr(text, comma.end())
            values.append(value)
        if not _at_end(text, end):
            raise RemoteError(400, "Bad Name or Address")
        return tuple(values)

    def __str__(self) -> str:
        display = "" if self.display is None else quote(self.display) + " "
        return f"{display}<{self.uri}>{format_params(self.params)}"


def _parse_name_addr(text: str, start: int) -> tuple[NameAddr, int]:
    plain = _PLAIN.match(text, start)
    if plain is not None:
        quoted, tokens, address, scheme, user, host, port, parameters = plain.groups()
        uri = build_plain(address, scheme, user, host, port, parameters)
        display = quoted if quoted is not None else tokens.rstrip() or None
        end = plain.end()
        if end == len(text):
            return NameAddr(display, uri), end
        params, end = parse_params(text, end)
        return NameAddr(display, uri, params), end
    match = _BRACKETED.match(text, start)
    if match is not None:
        quoted, tokens, address = match.groups()
        display = unquote(quoted) if quoted else tokens.rstrip() or None
    else:
        # Without <> a parameter belongs to the header, and the URI may hold no comma, ; or ? (section 20).
        match = _BARE.match(text, start)
        if match is None:
            raise RemoteError(400, "Bad Name or Address")
        display, address = None, match[1]
    end = match.end()
    params, end = parse_params(text, end)
    return NameAddr(display, parse_uri(address), params), end


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of a Via (:rfc:`3261#section-20.42`); ``host`` in lower case, IPv6 without brackets."""

    transport: str
    host: str
    port: int | None = None
    params: Params = ()

    @property
    def branch(self) -> str | None:
        """The ``branch`` parameter."""
        return find_param(self.params, "branch")

    @property
    def received(self) -> str | None:
        """The ``received`` address without brackets (:rfc:`5118#section-4.5`: both forms are seen); it may be sent back
        to us within a Contact of ours, so that what is no address counts as not there.
        """
        value = (find_param(self.params, "received") or "").strip("[]")
        return value if _is_address(value) else None

    @property
    def rport(self) -> int | None:
        """The filled-in ``rport`` (:rfc:`3581`); see :attr:`wants_rport` for the empty one."""
        value = find_param(self.params, "rport")
        if not value or not value.isascii() or not value.isdigit() or len(value) > 5:
            return None
        return int(value) if 0 < int(value) < 65536 else None

    @property
    def wants_rport(self) -> bool:
        """True where ``rport`` is there, with or without value."""
        return find_param(self.params, "rport") is not None

    def has_param(self, name: str) -> bool:
        """True where a parameter is there, with or without value."""
        return find_param(self.params, name) is not None

    def param(self, name: str) -> str | None:
        """Return a parameter, ``""`` for one without value, None where it is missing."""
        return find_param(self.params, name)

    def with_param(self, name: str, value: str | None) -> "Via":
        """Return a copy with a parameter set, in its old place where it had one."""
        return Via(self.transport, self.host, self.port, replace_param(self.params, name, value))

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Read exactly one."""
        value, end = _parse_via(text, 0)
        if not _at_end(text, end):
            raise RemoteError(400, "Bad Via")
        return value

    @classmethod
    def parse_many(cls, text: str) -> tuple["Via", ...]:
        """Read a list."""
        value, end = _parse_via(text, 0)
        if end == len(text):
            return (value,)
        values = [value]
        while comma := _COMMA.match(text, end):
            value, end = _parse_via(text, comma.end())
            values.append(value)
        if not _at_end(text, end):
            raise RemoteError(400, "Bad Via")
        return tuple(values)

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {format_host(self.host)}{format_port(self.port)}{format_params(self.params)}"


def _parse_via(text: str, start: int) -> tuple[Via, int]:
    match = _VIA.match(text, start)
    if match is None:
        raise RemoteError(400, "Bad Via")
    transport, host, port = match.groups()
    params, end = parse_params(text, match.end())
    return Via(transport, parse_host(host), parse_port(port) if port else None, params), end


@dataclass(frozen=True, slots=True)
class CSeq:
    """Number and method of a request (:rfc:`3261#section-20.16`); the number is less than 2**31."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> "CSeq":
        """Read a CSeq."""
        number, _, method = text.partition(" ")
        if len(number) < 10 and number.isascii() and number.isdigit() and method in _USUAL_METHODS:
            return cls(int(number), method)
        match = _CSEQ.fullmatch(text)
        if match is None or int(match[1]) > MAX_CSEQ:
            raise RemoteError(400, "Bad CSeq")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(frozen=True, slots=True)
class MediaType:
    """Content-Type and one entry of Accept (:rfc:`3261#section-20.15`); type and subtype in lower case."""

    type: str
    subtype: str
    params: Params = ()

    @property
    def name(self) -> str:
        """``type/subtype``."""
        return f"{self.type}/{self.subtype}"

    def param(self, name: str) -> str | None:
        """Return a parameter, ``""`` for one without value, None where it is missing."""
        return find_param(self.params, name)

    @classmethod
    def parse(cls, text: str) -> "MediaType":
        """Read exactly one."""
        if text == "application/sdp":
            return SDP
        match = _MEDIA_TYPE.match(text)
        if match is None:
            raise RemoteError(400, "Bad Content-Type")
        params, end = parse_params(text, match.end())
        if not _at_end(text, end):
            raise RemoteError(400, "Bad Content-Type")
        return cls(match[1].lower(), match[2].lower(), params)

    def __str__(self) -> str:
        if not is_token(self.type) or not is_token(self.subtype):
            raise LocalError("a media type is made of two tokens, like application/sdp")
        return f"{self.name}{format_params(self.params)}"


SDP = MediaType("application", "sdp")
