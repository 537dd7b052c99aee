"""A location in the words of an envelope, for people; what desks are sent is the PIDF-LO."""

from offhook.emergency.location import CivicLocation, Location

_NUMBER_FIRST = frozenset({"AU", "CA", "FR", "GB", "IE", "IN", "LU", "NZ", "US", "ZA"})


def summary(location: Location) -> str:
    """Return one line: ``742 Evergreen Terrace, Springfield, NY, US``; coordinates where there is no address."""
    if location.civic is not None:
        return _address(location.civic)
    return str(location.geodetic)


def _address(civic: CivicLocation) -> str:
    street = _joined(civic.PRM, civic.PRD, civic.STP, civic.RD, civic.STS, civic.POD, civic.POM)
    number = "".join(part for part in (civic.HNP, civic.HNO, civic.HNS) if part)
    line = _joined(number, street) if civic.country in _NUMBER_FIRST else _joined(street, number)
    parts = (
        civic.NAM,
        civic.LMK,
        line,
        civic.BLD,
        civic.FLR and f"floor {civic.FLR}",
        civic.UNIT and f"unit {civic.UNIT}",
        civic.ROOM and f"room {civic.ROOM}",
        civic.LOC,
        _joined(civic.PC, civic.PCN or civic.A3),
        civic.A1,
        civic.country,
    )
    return ", ".join(part for part in parts if part)


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
