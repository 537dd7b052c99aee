import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.emergency.location import CivicLocation, GeodeticLocation, Location
from offhook.emergency.numbers import EmergencyError


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"lang": "en"},
        {"country": "no"},
        {"country": "NOR"},
        {"country": "NO", "lang": "en_US"},
        {"country": "NO", "A3": ""},
        {"country": "NO", "A3": " \t"},
        {"country": "NO", "A3": "Os\x00lo"},
        {"country": "NO", "A3": "\ud800"},
        {"country": "NO", "A3": "x" * 256},
        {"country": "NO", "A7": "x"},
        {"country": "NO", "street": "Storgata"},
    ],
)
def test_a_civic_location_that_would_not_be_valid_is_refused_in_one_line(values: dict[str, str]) -> None:
    with pytest.raises(EmergencyError) as caught:
        CivicLocation.from_mapping(values)
    assert "\n" not in str(caught.value)


def test_white_space_in_an_address_is_made_single() -> None:
    assert CivicLocation(country="NO", RD="  Stor \t gata\n").RD == "Stor gata"


@given(
    st.dictionaries(st.text(max_size=8) | st.sampled_from(["country", "A3", "lang"]), st.text(max_size=300), max_size=5)
)
def test_any_mapping_is_a_location_or_a_clear_refusal(values: dict[str, str]) -> None:
    try:
        location = CivicLocation.from_mapping(values)
    except EmergencyError:
        return
    assert all(value == value.strip() or "\u00a0" in value or value for _, value in location.elements())


@pytest.mark.parametrize(
    "values",
    [
        {"latitude": 90.1, "longitude": 0.0},
        {"latitude": 0.0, "longitude": -180.5},
        {"latitude": float("nan"), "longitude": 0.0},
        {"latitude": 0.0, "longitude": float("inf")},
        {"latitude": 0.0, "longitude": 0.0, "radius": 0.0},
        {"latitude": 0.0, "longitude": 0.0, "radius": -1.0},
        {"latitude": 0.0, "longitude": 0.0, "altitude": 1e9},
        {"latitude": 0.0, "longitude": 0.0, "radius": 5.0, "confidence": 100.0},
    ],
)
def test_a_place_off_the_globe_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(EmergencyError):
        GeodeticLocation(**values)


def test_an_empty_location_is_refused() -> None:
    with pytest.raises(EmergencyError):
        Location()


def test_a_location_reads_as_one_line() -> None:
    both = Location(
        civic=CivicLocation(country="NO", A3="Oslo"),
        geodetic=GeodeticLocation(latitude=59.9, longitude=10.7, altitude=12.0, radius=30.0),
    )
    assert str(both) == "country NO, A3 Oslo; 59.900000 10.700000, 12 m up, within 30 m"
