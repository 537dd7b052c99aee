from offhook.emergency.location import CivicLocation, GeodeticLocation, Location
from offhook.status.place import summary


def test_an_american_address_begins_with_the_number() -> None:
    civic = CivicLocation(country="US", A1="NY", A3="Springfield", RD="Evergreen", STS="Terrace", HNO="742")
    assert summary(Location(civic=civic)) == "742 Evergreen Terrace, Springfield, NY, US"


def test_a_norwegian_address_ends_the_street_with_the_number() -> None:
    civic = CivicLocation(country="NO", A3="Oslo", PC="0155", RD="Storgata", HNO="1", HNS="B", FLR="3")
    assert summary(Location(civic=civic)) == "Storgata 1B, floor 3, 0155 Oslo, NO"


def test_a_place_without_address_is_shown_by_its_coordinates() -> None:
    point = GeodeticLocation(latitude=59.913, longitude=10.739, radius=20)
    assert summary(Location(geodetic=point)) == "59.913000 10.739000, within 20 m"
