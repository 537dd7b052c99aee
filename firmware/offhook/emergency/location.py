"""Where the phone is: a civic address (:rfc:`5139`, :rfc:`6848`) or a place on the globe (:rfc:`5491`).

The form that came in is the form that goes out: nothing here turns an address into coordinates or back
(:rfc:`6881` ED-13). Values are checked when they are made, so that what is built from them is valid.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from offhook.emergency.numbers import EmergencyError

_COUNTRY = re.compile(r"[A-Z]{2}\Z")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*\Z")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_SPACE = re.compile(r"[ \t\r\n]+")
_LONGEST_VALUE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class CivicLocation:
    """A civic address. Fields are the elements of :rfc:`5139#section-4` in schema order, then :rfc:`6848`.

    Runs of white space in a value count as one space. ``lang`` is the language of the address (``xml:lang``).
    Raises :class:`EmergencyError` for an address without any element, a country that is not two capital letters
    (ISO 3166-1), a language tag that is none, or a value over 255 characters or with control characters.
    """

    country: str | None = None
    A1: str | None = None
    A2: str | None = None
    A3: str | None = None
    A4: str | None = None
    A5: str | None = None
    A6: str | None = None
    PRM: str | None = None
    PRD: str | None = None
    RD: str | None = None
    STS: str | None = None
    POD: str | None = None
    POM: str | None = None
    RDSEC: str | None = None
    RDBR: str | None = None
    RDSUBBR: str | None = None
    HNO: str | None = None
    HNS: str | None = None
    LMK: str | None = None
    LOC: str | None = None
    FLR: str | None = None
    NAM: str | None = None
    PC: str | None = None
    BLD: str | None = None
    UNIT: str | None = None
    ROOM: str | None = None
    SEAT: str | None = None
    PLC: str | None = None
    PCN: str | None = None
    POBOX: str | None = None
    ADDCODE: str | None = None
    PN: str | None = None
    MP: str | None = None
    STP: str | None = None
    HNP: str | None = None
    lang: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value: str | None = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, _clean(field.name, value))
        if not self.elements():
            raise EmergencyError("the civic location is empty: give at least country, A3 (city), RD (road) and HNO")
        if self.country is not None and not _COUNTRY.match(self.country):
            raise EmergencyError(f"country {self.country!r} in the civic location: use two capital letters, as in NO")
        if self.lang is not None and not _LANGUAGE.match(self.lang):
            raise EmergencyError(f"language {self.lang!r} in the civic location: use a tag with hyphens, as in en-US")

    def elements(self) -> tuple[tuple[str, str], ...]:
        """Return ``(element, value)`` of what is set, in schema order."""
        return tuple((name, value) for name in CIVIC_ELEMENTS if (value := getattr(self, name)) is not None)

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> "CivicLocation":
        """Build from ``{element: value}`` as a file has it; raises :class:`EmergencyError` for an unknown element."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise EmergencyError(
                f"civic location: {unknown[0]!r} is no element of RFC 5139 or RFC 6848; see its section 4"
            )
        return cls(**values)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.elements())


CIVIC_ELEMENTS: tuple[str, ...] = tuple(field.name for field in fields(CivicLocation) if field.name != "lang")
EXTENSION_ELEMENTS: tuple[str, ...] = CIVIC_ELEMENTS[CIVIC_ELEMENTS.index("PN") :]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeodeticLocation:
    """A place in WGS 84: degrees north and east, metres above the ellipsoid, metres of uncertainty around it.

    With ``radius`` it is a circle (a sphere where ``altitude`` is known, :rfc:`5491#section-5.2`), without it a point.
    ``confidence`` is the chance in percent that the phone is inside; None says that nobody knows. A point has none
    (:rfc:`7459#section-4`). Raises :class:`EmergencyError` for values off the globe or not finite.
    """

    latitude: float
    longitude: float
    altitude: float | None = None
    radius: float | None = None
    confidence: float | None = 95.0

    def __post_init__(self) -> None:
        _within("latitude", self.latitude, -90.0, 90.0)
        _within("longitude", self.longitude, -180.0, 180.0)
        if self.altitude is not None:
            _within("altitude", self.altitude, -15_000.0, 1_000_000.0)
        if self.radius is not None:
            _within("radius", self.radius, 0.001, 40_000_000.0)
        if self.confidence is not None:
            _within("confidence", self.confidence, 0.01, 99.99)

    def __str__(self) -> str:
        height = "" if self.altitude is None else f", {self.altitude:g} m up"
        around = "" if self.radius is None else f", within {self.radius:g} m"
        return f"{self.latitude:.6f} {self.longitude:.6f}{height}{around}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """What the phone tells of its place: civic, geodetic, or both for one spot (:rfc:`5491`, compound location)."""

    civic: CivicLocation | None = None
    geodetic: GeodeticLocation | None = None

    def __post_init__(self) -> None:
        if self.civic is None and self.geodetic is None:
            raise EmergencyError("the location is empty: give location.civic or location.geodetic")

    def __str__(self) -> str:
        return "; ".join(str(part) for part in (self.civic, self.geodetic) if part is not None)


def _clean(name: str, value: str) -> str:
    if _NOT_XML.search(value):
        raise EmergencyError(f"{name} in the civic location has a control character: write it as plain text")
    text = _XML_SPACE.sub(" ", value).strip(" ")
    if not text or len(text) > _LONGEST_VALUE:
        raise EmergencyError(f"{name} in the civic location: use 1 to {_LONGEST_VALUE} characters, or leave it out")
    return text


def _within(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise EmergencyError(f"{name} {value} in the geodetic location: use a number from {low:g} to {high:g}")
