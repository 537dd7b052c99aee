"""Which dialled digits are an emergency call, and for which service.

Recognition is by exact match against the home country's list and the extras that the configuration names, and never by
prefix: ``9116666`` in the US is nobody's emergency. Foreign numbers (911 dialled in Norway) are not recognised unless
configured, because elsewhere they are somebody's extension.

The list of a country is the union of two public tables (:mod:`offhook.emergency.number_table`), with the
corrections below. A number that names one service gets that service's URN (:rfc:`5031#section-4.2`), every other the
general ``urn:service:sos``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from offhook.emergency.number_table import NUMBER_TABLE
from offhook.errors import OffhookError

Source = Literal["phonenumbers 9.0.43", "aosp ecc 2024-06-15", "correction", "configured"]

SOS = "urn:service:sos"
SERVICE_URNS: dict[str, str] = {
    "P": "urn:service:sos.police",
    "A": "urn:service:sos.ambulance",
    "F": "urn:service:sos.fire",
    "M": "urn:service:sos.mountain",
    "S": "urn:service:sos.marine",
}
_SOURCES: dict[str, Source] = {"p": "phonenumbers 9.0.43", "a": "aosp ecc 2024-06-15"}
_DIALLABLE = re.compile(r"[0-9*#]{1,15}\Z")
_SOS_URN = re.compile(r"urn:service:sos(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z", re.IGNORECASE)


class EmergencyError(OffhookError):
    """A number, country or location of the emergency settings cannot be used as it is written."""


@dataclass(frozen=True, slots=True)
class EmergencyNumber:
    """One number of one country: its digits, the service URN to call and who says so."""

    number: str
    urn: str
    sources: tuple[Source, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """Where the sources are wrong or risky: what holds instead, and why."""

    urn: str
    why: str


CORRECTIONS: dict[tuple[str, str], Correction] = {
    ("DE", "110"): Correction(
        SERVICE_URNS["P"],
        "the police's own number beside 112 (NotrufV section 1, from memory); not typed in any source",
    ),
    ("GB", "112"): Correction(SOS, "answered with 999 (Ofcom General Condition A3); missing in AOSP"),
    ("KR", "119"): Correction(SOS, "fire and ambulance share it (from memory); AOSP names fire only"),
    ("NO", "112"): Correction(
        SOS,
        "police, and also the single European number (Directive (EU) 2018/1972 art. 109), so any service is asked for",
    ),
    ("TR", "112"): Correction(SOS, "one centre takes all services since 2021 (from memory); AOSP names ambulance only"),
}


def numbers_of(country: str, extras: Mapping[str, str] | None = None) -> tuple[EmergencyNumber, ...]:
    """Return the emergency numbers of ``country`` (ISO 3166-1, two letters), with ``extras`` (number -> URN) added.

    An extra replaces the country's row of the same number. Raises :class:`EmergencyError` for an unknown country, a
    number that a keypad cannot dial, or a URN that is not an emergency service.
    """
    rows = {row.number: row for row in _country_rows(country.upper())}
    for number, urn in (extras or {}).items():
        if not _DIALLABLE.match(number):
            raise EmergencyError(f"emergency number {number!r}: use 1 to 15 of the keys 0-9 * #")
        if not _SOS_URN.match(urn):
            raise EmergencyError(
                f"emergency number {number}: {urn!r} is no emergency service; use {SOS} or a child of it"
            )
        rows[number] = EmergencyNumber(number, urn.lower(), ("configured",))
    return tuple(rows[number] for number in sorted(rows, key=lambda text: (len(text), text)))


def numbers_for(country: str, extras: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return ``{digits: service URN}`` for exact matching; see :func:`numbers_of`."""
    return {row.number: row.urn for row in numbers_of(country, extras)}


def countries() -> tuple[str, ...]:
    """Return the countries that have a list, as two-letter codes."""
    return tuple(NUMBER_TABLE)


def disagreements() -> dict[str, tuple[str, ...]]:
    """Return per country the numbers that only one of the two sources has, for those who review the table."""
    lone = {
        country: tuple(
            row.number for row in _country_rows(country) if len(set(row.sources) & set(_SOURCES.values())) == 1
        )
        for country in NUMBER_TABLE
    }
    return {country: numbers for country, numbers in lone.items() if numbers}


def _country_rows(country: str) -> tuple[EmergencyNumber, ...]:
    try:
        text = NUMBER_TABLE[country]
    except KeyError:
        raise EmergencyError(
            f"no emergency numbers are known for country {country!r}: use its ISO 3166-1 code"
        ) from None
    return tuple(_row(country, *field.split("/")) for field in text.split())


def _row(country: str, number: str, services: str, letters: str) -> EmergencyNumber:
    sources = tuple(_SOURCES[letter] for letter in letters)
    correction = CORRECTIONS.get((country, number))
    if correction:
        return EmergencyNumber(number, correction.urn, (*sources, "correction"), correction.why)
    return EmergencyNumber(number, SERVICE_URNS.get(services, SOS), sources)
