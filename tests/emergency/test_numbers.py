import re

import pytest

from offhook.emergency.number_table import NUMBER_TABLE
from offhook.emergency.numbers import (
    CORRECTIONS,
    SERVICE_URNS,
    SOS,
    EmergencyError,
    countries,
    disagreements,
    numbers_for,
    numbers_of,
)


@pytest.mark.parametrize(
    ("country", "number", "urn"),
    [
        ("NO", "110", "urn:service:sos.fire"),
        ("NO", "112", "urn:service:sos"),
        ("NO", "113", "urn:service:sos.ambulance"),
        ("DE", "110", "urn:service:sos.police"),
        ("DE", "112", "urn:service:sos"),
        ("FR", "15", "urn:service:sos.ambulance"),
        ("FR", "17", "urn:service:sos.police"),
        ("FR", "18", "urn:service:sos.fire"),
        ("GB", "999", "urn:service:sos"),
        ("GB", "112", "urn:service:sos"),
        ("US", "911", "urn:service:sos"),
        ("AU", "000", "urn:service:sos"),
        ("NZ", "111", "urn:service:sos"),
        ("JP", "118", "urn:service:sos.marine"),
        ("KR", "119", "urn:service:sos"),
        ("AT", "128", "urn:service:sos.mountain"),
        ("CH", "144", "urn:service:sos.ambulance"),
    ],
)
def test_a_national_number_calls_its_service(country: str, number: str, urn: str) -> None:
    assert numbers_for(country)[number] == urn


@pytest.mark.parametrize(
    ("country", "dialled"),
    [
        ("US", "9911"),
        ("US", "91"),
        ("US", "9116666666"),
        ("US", "933"),
        ("US", "988"),
        ("GB", "911"),
        ("NO", "911"),
        ("NO", "11"),
    ],
)
def test_near_misses_and_foreign_numbers_are_ordinary_numbers(country: str, dialled: str) -> None:
    assert dialled not in numbers_for(country)


def test_every_row_has_digits_a_known_urn_and_a_source() -> None:
    known = {SOS, *SERVICE_URNS.values()}
    rows = [(country, row) for country in countries() for row in numbers_of(country)]
    assert len(countries()) >= 240
    assert all(re.fullmatch(r"[0-9]{2,10}", row.number) and row.urn in known and row.sources for _, row in rows)
    assert all(len({row.number for row in numbers_of(country)}) == len(numbers_of(country)) for country in countries())


def test_every_country_has_a_number_and_every_code_is_two_capitals() -> None:
    assert all(re.fullmatch(r"[A-Z]{2}", country) and numbers_for(country) for country in NUMBER_TABLE)


def test_every_correction_corrects_a_row_and_says_why() -> None:
    for (country, number), correction in CORRECTIONS.items():
        row = next(row for row in numbers_of(country) if row.number == number)
        assert row.urn == correction.urn
        assert row.sources[-1] == "correction"
        assert row.note


def test_what_the_sources_disagree_on_is_known_and_does_not_grow_unseen() -> None:
    lone = disagreements()
    assert (len(lone), sum(map(len, lone.values()))) == (174, 513)
    assert lone["DE"] == ("110",)
    assert lone["JP"] == ("118",)
    assert "FI" not in lone


def test_configured_extras_are_added_and_replace() -> None:
    numbers = numbers_for(
        "NO", {"999": "urn:service:sos", "112": "urn:service:sos.police", "*11#": "URN:service:sos.Gas"}
    )
    assert numbers["999"] == "urn:service:sos"
    assert numbers["112"] == "urn:service:sos.police"
    assert numbers["*11#"] == "urn:service:sos.gas"
    assert numbers["113"] == "urn:service:sos.ambulance"


@pytest.mark.parametrize(
    ("number", "urn"),
    [
        ("", SOS),
        ("11 2", SOS),
        ("+112", SOS),
        ("1" * 16, SOS),
        ("999", "urn:service:counseling"),
        ("999", "sip:999@x"),
        ("999", SOS + "."),
    ],
)
def test_extras_that_cannot_work_are_refused(number: str, urn: str) -> None:
    with pytest.raises(EmergencyError):
        numbers_for("NO", {number: urn})


def test_an_unknown_country_is_refused_and_case_does_not_matter() -> None:
    assert numbers_for("no") == numbers_for("NO")
    with pytest.raises(EmergencyError, match="ISO 3166"):
        numbers_for("XX")
