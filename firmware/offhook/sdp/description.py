"""Session descriptions as values (:rfc:`8866`): ``SessionDescription.parse(data)`` and ``bytes(description)``.

Reading is tolerant where meaning is not at stake: line ends of any kind, missing ``o= s= t=``, unknown line types and
attributes. It is strict about ``v=``, ``c=`` and ``m=``, since an answer has to match an offer line by line.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, get_args

from offhook.sdp.errors import MalformedDescription, UnwritableDescription

AddressType = Literal["IP4", "IP6"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

MAX_MEDIA = 32
_LINE = re.compile(r"([A-Za-z])=(.*)", re.DOTALL)
_CONNECTION = re.compile(r"IN +(IP4|IP6) +([^ /]++)((?:/[0-9]++)*+) *+", re.IGNORECASE)
_MEDIA = re.compile(r"([^ /]++) +([0-9]{1,5})(?:/([0-9]{1,5}))? +([^ ]++)((?: +[^ ]++)*+) *+")
_RTPMAP = re.compile(r" *+([0-9]{1,3}) +([^ /]++)/([0-9]{1,6})(?:/([0-9]{1,3}))? *+")
_SESSION_ORDER = "iuepb"
_MEDIA_ORDER = "ib"


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=``: who made the session; ``version`` grows with each new description."""

    username: str
    session_id: str
    version: str
    address_type: str
    address: str

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.address}"


NO_ORIGIN = Origin("-", "0", "0", "IP4", "0.0.0.0")


@dataclass(frozen=True, slots=True)
class Connection:
    """``c=``: where media goes to; ``suffix`` is the ``/ttl/count`` of a multicast address."""

    address_type: AddressType
    address: str
    suffix: str = ""

    @classmethod
    def of(cls, address: str) -> "Connection":
        """Return the connection for an IP address of either kind."""
        return cls("IP6" if ":" in address else "IP4", address)

    @property
    def is_unspecified(self) -> bool:
        """True for 0.0.0.0 and ``::``, by which peers after :rfc:`2543` hold a call (:rfc:`3264#section-8.4`)."""
        try:
            return ip_address(self.address).is_unspecified
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"IN {self.address_type} {self.address}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """``a=name`` or ``a=name:value``."""

    name: str
    value: str | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}:{self.value}"

    def __repr__(self) -> str:
        shown = "***" if self.name == "crypto" and self.value else self.value
        return f"Attribute({self.name!r}, {shown!r})"


@dataclass(frozen=True, slots=True)
class RtpMap:
    """What a payload type stands for; ``encoding`` in upper case, ``clock`` in Hz."""

    encoding: str
    clock: int
    channels: int = 1


STATIC_PAYLOAD_TYPES = {0: RtpMap("PCMU", 8000), 8: RtpMap("PCMA", 8000)}
"""Those of :rfc:`3551#section-6` that this phone speaks; they need no ``rtpmap``."""


@dataclass(frozen=True, slots=True)
class Media:
    """``m=`` and the lines under it; port 0: refused, or not wanted any more."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: Connection | None = None
    attributes: tuple[Attribute, ...] = ()
    port_count: int | None = None
    details: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """Return the value of the first attribute of a name, ``""`` for one without value, None for none."""
        return _find(self.attributes, name)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of all attributes of a name, in their order."""
        return tuple(attribute.value or "" for attribute in self.attributes if attribute.name == name)

    @property
    def direction(self) -> Direction | None:
        """The direction named here, None where none is."""
        return _direction(self.attributes)

    @property
    def rtp_maps(self) -> dict[int, RtpMap]:
        """What each listed payload type stands for, in the order of the formats; unknown ones are left out."""
        named = {}
        for attribute in self.attributes:
            if attribute.name == "rtpmap" and (match := _RTPMAP.fullmatch(attribute.value or "")):
                named[int(match[1])] = RtpMap(match[2].upper(), int(match[3]), int(match[4] or "1"))
        numbers = [int(text) for text in self.formats if text.isascii() and text.isdigit() and len(text) <= 3]
        maps = {number: named.get(number) or STATIC_PAYLOAD_TYPES.get(number) for number in numbers if number < 128}
        return {number: mapped for number, mapped in maps.items() if mapped is not None}

    def _lines(self) -> list[str]:
        count = "" if self.port_count is None else f"/{self.port_count}"
        lines = [f"m={self.kind} {self.port}{count} {self.protocol} {' '.join(self.formats)}"]
        lines.extend(f"i={value}" for key, value in self.details if key == "i")
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        lines.extend(f"b={value}" for key, value in self.details if key == "b")
        lines.extend(f"a={attribute}" for attribute in self.attributes)
        return lines


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description. ``times`` are the values of ``t=``; ``details`` the lines ``i= u= e= p= b=`` in order."""

    origin: Origin
    media: tuple[Media, ...]
    connection: Connection | None = None
    name: str = "-"
    times: tuple[str, ...] = ("0 0",)
    attributes: tuple[Attribute, ...] = ()
    details: tuple[tuple[str, str], ...] = ()

    def connection_of(self, media: Media) -> Connection | None:
        """Return the ``c=`` that counts for a medium: its own, else the session's."""
        return media.connection or self.connection

    def direction_of(self, media: Media) -> Direction:
        """Return the direction that counts for a medium: its own, else the session's, else both ways."""
        return media.direction or _direction(self.attributes) or "sendrecv"

    def attribute_of(self, media: Media, name: str) -> str | None:
        """Return an attribute of a medium, else of the session."""
        own = media.attribute(name)
        return own if own is not None else _find(self.attributes, name)

    @classmethod
    def parse(cls, data: bytes) -> "SessionDescription":
        """Read a description. Raises MalformedDescription, and nothing else."""
        lines = _split(data)
        if not lines or lines[0] != ("v", "0"):
            raise MalformedDescription("the session description does not start with v=0")
        starts = [place for place, (key, _) in enumerate(lines) if key == "m"]
        if len(starts) > MAX_MEDIA:
            raise MalformedDescription("the session description has too many media")
        head = lines[1 : starts[0] if starts else len(lines)]
        ends = [*starts[1:], len(lines)]
        media = tuple(_parse_media(lines[start:end]) for start, end in zip(starts, ends, strict=False))
        first = dict(reversed(head))
        return cls(
            origin=_parse_origin(first.get("o")),
            media=media,
            connection=_parse_connection(head),
            name=first.get("s") or "-",
            times=tuple(value for key, value in head if key == "t") or ("0 0",),
            attributes=_parse_attributes(head),
            details=_parse_details(head, _SESSION_ORDER),
        )

    def __bytes__(self) -> bytes:
        """Return the description as it goes into a body. Raises UnwritableDescription for line breaks within."""
        lines = ["v=0", f"o={self.origin}", f"s={self.name}"]
        lines.extend(f"{key}={value}" for key, value in self.details if key != "b")
        if self.connection is not None:
            lines.append(f"c={self.connection}")
        lines.extend(f"b={value}" for key, value in self.details if key == "b")
        lines.extend(f"t={time}" for time in self.times)
        lines.extend(f"a={attribute}" for attribute in self.attributes)
        for media in self.media:
            lines.extend(media._lines())
        text = "\n".join(lines)
        if "\r" in text or text.count("\n") != len(lines) - 1:
            raise UnwritableDescription("a session description holds a line break within a line: take it out")
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


def _split(data: bytes) -> list[tuple[str, str]]:
    lines = []
    for line in re.split(r"[\r\n]++", data.decode("utf-8", "surrogateescape")):
        match = _LINE.fullmatch(line)
        if match is not None:
            lines.append((match[1], match[2]))
        elif line.strip(" \t\0"):
            raise MalformedDescription("the session description has a line that is not of the form x=value")
    return lines


def _words(text: str) -> list[str]:
    """Split at blanks only; other white space is part of a word."""
    return [word for word in text.split(" ") if word]


def _parse_origin(value: str | None) -> Origin:
    parts = _words(value or "")
    if len(parts) != 6:
        return NO_ORIGIN
    return Origin(parts[0], parts[1], parts[2], parts[4], parts[5])


def _parse_connection(lines: list[tuple[str, str]]) -> Connection | None:
    value = next((value for key, value in lines if key == "c"), None)
    if value is None:
        return None
    match = _CONNECTION.fullmatch(value)
    if match is None:
        raise MalformedDescription("the session description has a c= line that names no IP address")
    return Connection("IP6" if match[1].upper() == "IP6" else "IP4", match[2], match[3])


def _parse_attributes(lines: list[tuple[str, str]]) -> tuple[Attribute, ...]:
    attributes = []
    for key, value in lines:
        if key == "a":
            name, colon, rest = value.partition(":")
            attributes.append(Attribute(name.strip(" \t"), rest if colon else None))
    return tuple(attributes)


def _parse_details(lines: list[tuple[str, str]], order: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((line for line in lines if line[0] in order), key=lambda line: order.index(line[0])))


def _parse_media(lines: list[tuple[str, str]]) -> Media:
    match = _MEDIA.fullmatch(lines[0][1])
    if match is None or int(match[2]) > 65535:
        raise MalformedDescription("the session description has an m= line that cannot be read")
    return Media(
        kind=match[1].lower(),
        port=int(match[2]),
        protocol=match[4],
        formats=tuple(_words(match[5])),
        connection=_parse_connection(lines[1:]),
        attributes=_parse_attributes(lines[1:]),
        port_count=int(match[3]) if match[3] else None,
        details=_parse_details(lines[1:], _MEDIA_ORDER),
    )


def _find(attributes: tuple[Attribute, ...], name: str) -> str | None:
    for attribute in attributes:
        if attribute.name == name:
            return attribute.value or ""
    return None


def _direction(attributes: tuple[Attribute, ...]) -> Direction | None:
    for attribute in reversed(attributes):
        for direction in get_args(Direction):
            if attribute.name == direction:
                return direction  # type: ignore[no-any-return]
    return None
