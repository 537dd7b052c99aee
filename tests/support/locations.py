"""Random locations for property tests."""

from hypothesis import strategies as st

from offhook.emergency.location import CIVIC_ELEMENTS, CivicLocation, GeodeticLocation, Location

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), include_characters="<>&\"'æøåß日本 "),
    min_size=1,
    max_size=40,
).filter(lambda text: bool(text.strip(" \t\r\n")))
_COUNTRY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
_LANGUAGE = st.none() | st.sampled_from(["en", "en-US", "nb-NO", "zh-Hant-TW", "de-1996"])

civic_locations = st.builds(
    lambda values, country, lang: CivicLocation(**({"country": country, "lang": lang} | values)),
    st.dictionaries(
        st.sampled_from([name for name in CIVIC_ELEMENTS if name != "country"]), _TEXT, max_size=len(CIVIC_ELEMENTS)
    ),
    _COUNTRY,
    _LANGUAGE,
)
geodetic_locations = st.builds(
    GeodeticLocation,
    latitude=st.floats(-90.0, 90.0),
    longitude=st.floats(-180.0, 180.0),
    altitude=st.none() | st.floats(-500.0, 9000.0),
    radius=st.none() | st.floats(0.5, 100_000.0),
    confidence=st.none() | st.floats(1.0, 99.0),
)
locations = (
    st.builds(Location, civic=civic_locations)
    | st.builds(Location, geodetic=geodetic_locations)
    | st.builds(Location, civic=civic_locations, geodetic=geodetic_locations)
)
