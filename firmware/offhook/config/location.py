"""Where the phone stands: what an emergency call tells the desk."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from offhook.config.scalars import DECIMAL, Country, Language, filled, wrong
from offhook.config.section import Section

CivicText = Annotated[str, Field(max_length=255), BeforeValidator(filled)]


class Civic(Section):
    """A civic address: the elements of RFC 5139 and RFC 6848 under their own names."""

    country: Country
    """Country, two capital letters (ISO 3166)."""
    language: Language | None = None
    """Language of the address, as `nb` or `en-US`."""
    A1: CivicText | None = None
    """State, region, province (ISO 3166-2 code without the country where there is one)."""
    A2: CivicText | None = None
    """County, parish, district."""
    A3: CivicText | None = None
    """City, township."""
    A4: CivicText | None = None
    """City division, borough."""
    A5: CivicText | None = None
    """Neighbourhood, block."""
    A6: CivicText | None = None
    """Group of streets below the neighbourhood; never the street itself, which is RD."""
    PRM: CivicText | None = None
    """Road pre-modifier, as in *Old* North First Street."""
    PRD: CivicText | None = None
    """Leading street direction, as N."""
    RD: CivicText | None = None
    """Road or street, without its type where STS says that."""
    STS: CivicText | None = None
    """Street suffix or type, as Street or Ave."""
    POD: CivicText | None = None
    """Trailing street direction, as SW."""
    POM: CivicText | None = None
    """Road post-modifier, as Extended."""
    RDSEC: CivicText | None = None
    """Road section."""
    RDBR: CivicText | None = None
    """Road branch."""
    RDSUBBR: CivicText | None = None
    """Road sub-branch."""
    HNO: CivicText | None = None
    """House number, the numeric part only."""
    HNS: CivicText | None = None
    """House number suffix, as A or 1/2."""
    LMK: CivicText | None = None
    """Landmark or vanity address, a complex of buildings."""
    LOC: CivicText | None = None
    """Additional location information in free text."""
    FLR: CivicText | None = None
    """Floor."""
    NAM: CivicText | None = None
    """Name of the business or resident."""
    PC: CivicText | None = None
    """Postal code."""
    BLD: CivicText | None = None
    """Building."""
    UNIT: CivicText | None = None
    """Apartment or suite."""
    ROOM: CivicText | None = None
    """Room."""
    SEAT: CivicText | None = None
    """Desk, cubicle."""
    PLC: CivicText | None = None
    """Type of place (RFC 4589), as office."""
    PCN: CivicText | None = None
    """Postal community name, where it differs from A3."""
    POBOX: CivicText | None = None
    """Post office box."""
    ADDCODE: CivicText | None = None
    """Additional code, as of the national address register."""
    PN: CivicText | None = None
    """Number of a post or pole (RFC 6848)."""
    MP: CivicText | None = None
    """Mile post or kilometre stone (RFC 6848)."""
    STP: CivicText | None = None
    """Street type before the name, as Rue (RFC 6848)."""
    HNP: CivicText | None = None
    """House number prefix (RFC 6848)."""

    def elements(self) -> dict[str, str]:
        """Return the address elements that are set, by name, in the order of the schema of RFC 5139."""
        return {
            name: value
            for name in type(self).model_fields
            if name != "language" and isinstance(value := getattr(self, name), str)
        }


class Geodetic(Section):
    """A place on the globe (WGS 84)."""

    latitude: Annotated[float, Field(ge=-90, le=90), DECIMAL]
    """Degrees north; south is negative."""
    longitude: Annotated[float, Field(ge=-180, le=180), DECIMAL]
    """Degrees east; west is negative."""
    altitude: Annotated[float, Field(ge=-15000, le=100000), DECIMAL] | None = None
    """Metres above the ellipsoid."""
    uncertainty_m: Annotated[float, Field(ge=0.1, le=1000000), DECIMAL] | None = None
    """The phone is within so many metres of the place. Not set: a bare point is sent."""


class Location(Section):
    """The phone's place: an address, a point or both for the same spot. Neither is ever turned into the other."""

    civic: Civic | None = None
    """The address."""
    geodetic: Geodetic | None = None
    """The point."""
    method: Literal["Manual", "GPS", "A-GPS", "Wiremap"] = "Manual"
    """How the place was found (method token of RFC 4119)."""

    @model_validator(mode="after")
    def _something_is_set(self) -> "Location":
        if self.civic is None and self.geodetic is None:
            raise wrong("needs civic (an address) or geodetic (a point): write one, or remove location")
        return self
