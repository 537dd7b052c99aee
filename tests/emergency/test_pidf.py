"""PIDF-LO documents against the project's own grammar of them, and by reading them back."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from lxml import etree

from offhook.emergency.location import CIVIC_ELEMENTS, EXTENSION_ELEMENTS, CivicLocation, GeodeticLocation, Location
from offhook.emergency.numbers import EmergencyError
from offhook.emergency.pidf import PidfIdentity, Provider, pidf_lo
from tests.support.locations import locations

GRAMMAR = etree.RelaxNG(etree.parse(Path(__file__).parent.parent / "vectors" / "pidf_lo.rng"))
IDENTITY = PidfIdentity(entity="pres:a7f3@phone.example.net", device_id="urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
PROVIDED = PidfIdentity(
    entity=IDENTITY.entity,
    device_id=IDENTITY.device_id,
    provider=Provider(reference="c1@phone.example.net", name='"Front" <desk> & co', contact="sip:1001@pbx.test"),
)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NS = {
    "ca": "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr",
    "cae": "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext",
    "gml": "http://www.opengis.net/gml",
    "gs": "http://www.opengis.net/pidflo/1.0",
    "con": "urn:ietf:params:xml:ns:geopriv:conf",
    "gp": "urn:ietf:params:xml:ns:pidf:geopriv10",
    "gbp": "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy",
    "dm": "urn:ietf:params:xml:ns:pidf:data-model",
}


def parse(document: bytes) -> etree._Element:
    return etree.fromstring(document, etree.XMLParser(resolve_entities=False))


def one(location: Location) -> etree._Element:
    root = parse(pidf_lo(location, IDENTITY, NOON))
    assert GRAMMAR.validate(root), GRAMMAR.error_log
    return root


@settings(max_examples=300, deadline=None)
@given(locations)
def test_every_location_becomes_a_valid_document_that_says_the_same(location: Location) -> None:
    root = one(location)
    if location.civic:
        found = [(etree.QName(e).localname, e.text) for e in root.find(".//ca:civicAddress", NS)]
        assert found == list(location.civic.elements())
    else:
        assert root.find(".//ca:civicAddress", NS) is None
    if location.geodetic:
        numbers = [float(word) for word in root.find(".//gml:pos", NS).text.split()]
        place = location.geodetic
        wanted = [place.latitude, place.longitude] + ([] if place.altitude is None else [place.altitude])
        assert numbers == pytest.approx(wanted, abs=1e-8)
    else:
        assert root.find(".//gml:pos", NS) is None


def test_every_civic_element_is_sent_in_schema_order_and_the_extensions_in_their_own_name_space() -> None:
    civic = CivicLocation(**{name: "NO" if name == "country" else f"value of {name}" for name in CIVIC_ELEMENTS})
    address = one(Location(civic=civic)).find(".//ca:civicAddress", NS)
    assert [etree.QName(child).localname for child in address] == list(CIVIC_ELEMENTS)
    assert len(CIVIC_ELEMENTS) == 35
    assert [etree.QName(child).localname for child in address.findall("cae:*", NS)] == list(EXTENSION_ELEMENTS)


def test_a_circle_has_two_dimensions_and_a_sphere_three() -> None:
    circle = one(Location(geodetic=GeodeticLocation(latitude=59.9, longitude=10.7, radius=30.0)))
    assert circle.find(".//gs:Circle", NS).get("srsName") == "urn:ogc:def:crs:EPSG::4326"
    assert circle.find(".//gs:radius", NS).get("uom") == "urn:ogc:def:uom:EPSG::9001"
    assert circle.find(".//con:confidence", NS).text == "95"
    sphere = one(
        Location(geodetic=GeodeticLocation(latitude=59.9, longitude=10.7, altitude=20.0, radius=30.0, confidence=None))
    )
    assert sphere.find(".//gs:Sphere", NS).get("srsName") == "urn:ogc:def:crs:EPSG::4979"
    assert sphere.find(".//con:confidence", NS).text == "unknown"


def test_a_point_states_no_confidence() -> None:
    root = one(Location(geodetic=GeodeticLocation(latitude=59.9, longitude=10.7)))
    assert root.find(".//gml:Point/gml:pos", NS).text == "59.9 10.7"
    assert root.find(".//con:confidence", NS) is None


def test_the_geodetic_part_stands_before_the_civic_one() -> None:
    both = Location(
        civic=CivicLocation(country="NO"), geodetic=GeodeticLocation(latitude=1.0, longitude=2.0, radius=3.0)
    )
    info = one(both).find(".//gp:location-info", NS)
    assert [etree.QName(child).localname for child in info] == ["Circle", "civicAddress", "confidence"]


def test_the_desk_may_pass_the_location_on_and_keep_it_for_a_day() -> None:
    root = one(Location(civic=CivicLocation(country="NO")))
    assert root.find(".//gbp:retransmission-allowed", NS).text == "true"
    assert root.find(".//gbp:retention-expiry", NS).text == "2026-11-23T12:00:00Z"
    assert root.find(".//dm:timestamp", NS).text == "2026-11-22T12:00:00Z"
    assert root.find(".//gp:method", NS).text == "Manual"


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    root = parse(pidf_lo(Location(civic=CivicLocation(country="NO")), IDENTITY, moment, timedelta(hours=1)))
    assert root.find(".//dm:timestamp", NS).text == "2026-11-22T12:00:00Z"
    assert root.find(".//gbp:retention-expiry", NS).text == "2026-11-22T13:00:00Z"


def test_markup_in_an_address_stays_text() -> None:
    root = one(Location(civic=CivicLocation(country="NO", NAM='<b>"A&B"</b> ]]>')))
    assert root.find(".//ca:NAM", NS).text == '<b>"A&B"</b> ]]>'


@pytest.mark.parametrize(
    ("entity", "device_id", "ident"),
    [
        ("", "mac:00", "p"),
        ("pres:a b", "mac:00", "p"),
        ("pres:a", "00:11", "p"),
        ("pres:a", "mac:00", "0"),
        ("pres:a", "mac:00", "a:b"),
    ],
)
def test_identities_that_would_not_be_valid_are_refused(entity: str, device_id: str, ident: str) -> None:
    with pytest.raises(EmergencyError):
        PidfIdentity(entity=entity, device_id=device_id, id=ident)


@settings(max_examples=50, deadline=None)
@given(locations)
def test_a_document_that_names_its_provider_is_valid_too(location: Location) -> None:
    root = parse(pidf_lo(location, PROVIDED, NOON))
    assert GRAMMAR.validate(root), GRAMMAR.error_log
    provider = root.find(".//gp:geopriv", NS)[-1]
    assert etree.QName(provider).localname == "provided-by"
    assert [element.text for element in provider[0][0]] == [
        "c1@phone.example.net",
        '"Front" <desk> & co',
        "Client",
        "sip:1001@pbx.test",
        "en",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": ""},
        {"reference": " a"},
        {"name": "a\nb"},
        {"contact": "1001"},
        {"language": "en-US"},
        {"language": ""},
    ],
)
def test_a_provider_that_would_not_be_valid_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(EmergencyError):
        Provider(**({"reference": "a@b", "name": "phone", "contact": "sip:a@b"} | wrong))


def test_the_grammar_refuses_what_others_send_wrongly() -> None:
    good = pidf_lo(Location(civic=CivicLocation(country="NO", FLR="3", ROOM="4")), IDENTITY, NOON).decode()
    for old, new in (
        ('id="phone1"', 'id="0"'),
        (">true<", ">yes<"),
        ("<ca:country>NO<", "<ca:country>no<"),
        ("<gp:method>Manual</gp:method>", ""),
        ("<ca:FLR>3</ca:FLR><ca:ROOM>4</ca:ROOM>", "<ca:ROOM>4</ca:ROOM><ca:FLR>3</ca:FLR>"),
        ("gbp:retransmission-allowed", "gp:retransmission-allowed"),
    ):
        assert old in good
        assert not GRAMMAR.validate(parse(good.replace(old, new).encode())), new
