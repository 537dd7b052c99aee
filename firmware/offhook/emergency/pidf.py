"""A location as PIDF-LO: the XML document that tells an emergency desk where to send help.

The form is the one of :rfc:`5491` with the profiles of :rfc:`5139`, :rfc:`6848` and :rfc:`7459`::

    presence > dm:device > gp:geopriv > gp:location-info (shape, civicAddress, con:confidence),
                                        gp:usage-rules, gp:method, gp:provided-by (:rfc:`7852`)
                         > dm:deviceID, dm:timestamp

Order matters in every one of these schemas, and so do the two colons in the names of reference systems.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from offhook.emergency.location import EXTENSION_ELEMENTS, CivicLocation, GeodeticLocation, Location
from offhook.emergency.numbers import EmergencyError

CRS_2D = "urn:ogc:def:crs:EPSG::4326"
CRS_3D = "urn:ogc:def:crs:EPSG::4979"
METRE = "urn:ogc:def:uom:EPSG::9001"

_XML = "http://www.w3.org/XML/1998/namespace"
_NAMESPACES = {
    "": "urn:ietf:params:xml:ns:pidf",
    "dm": "urn:ietf:params:xml:ns:pidf:data-model",
    "gp": "urn:ietf:params:xml:ns:pidf:geopriv10",
    "gbp": "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy",
    "ca": "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr",
    "cae": "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr:ext",
    "gml": "http://www.opengis.net/gml",
    "gs": "http://www.opengis.net/pidflo/1.0",
    "con": "urn:ietf:params:xml:ns:geopriv:conf",
    "ecd": "urn:ietf:params:xml:ns:EmergencyCallData",
    "pi": "urn:ietf:params:xml:ns:EmergencyCallData:ProviderInfo",
}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+\Z")
_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*\Z")
_WORDS = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]{1,200}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who vouches for the location: the phone itself, where it was typed in (:rfc:`6881` ED-41, :rfc:`7852`).

    Attributes:
        reference: ``left@right``, the same in everything that this phone adds to its calls.
        name: for people, as ``offhook phone "Front desk"``.
        contact: a URI at which somebody answers for it: the account's own.
        language: that somebody speaks, two or three small letters.
    """

    reference: str
    name: str
    contact: str
    language: str = "en"

    def __post_init__(self) -> None:
        if not _WORDS.match(self.reference) or not _WORDS.match(self.name) or self.reference != self.reference.strip():
            raise EmergencyError("the provider of the location: give reference and name in 1 to 200 plain characters")
        if not _URI.match(self.contact):
            raise EmergencyError(f"contact {self.contact!r} of the location's provider is no URI: write scheme:rest")
        if not _LANGUAGE.match(self.language):
            raise EmergencyError(f"language {self.language!r} of the location's provider: use two letters, as in en")


@dataclass(frozen=True, slots=True, kw_only=True)
class PidfIdentity:
    """Whose location it is.

    Attributes:
        entity: ``pres:`` URI of the presentity (:rfc:`3863#section-4.1.1`); need not be reachable.
        device_id: a URN that stays with this phone, e.g. ``urn:uuid:...`` (:rfc:`4479`).
        id: the XML id of the device element, an NCName (``0`` is none).
        provider: who vouches for the location, named in every document where it is given.
    """

    entity: str
    device_id: str
    id: str = "phone1"
    provider: Provider | None = None

    def __post_init__(self) -> None:
        for name in ("entity", "device_id"):
            if not _URI.match(getattr(self, name)):
                raise EmergencyError(f"{name} {getattr(self, name)!r} of the location is no URI: write scheme:rest")
        if not _NCNAME.match(self.id):
            raise EmergencyError(f"id {self.id!r} of the location: begin with a letter, then letters, digits, . _ -")


def pidf_lo(
    location: Location,
    identity: PidfIdentity,
    timestamp: datetime,
    retention: timedelta = timedelta(hours=24),
    method: str = "Manual",
) -> bytes:
    """Return ``location`` as a UTF-8 PIDF-LO document.

    ``timestamp`` (with time zone) is when the location was last known to hold; the receiver may keep it for
    ``retention`` after that. ``retransmission-allowed`` is true: the desk must be able to pass it on
    (:rfc:`6442`, error code 201). ``method`` is a token of the IANA registry of :rfc:`4119#section-2.2.3`.
    """
    presence = ET.Element("presence", {_xmlns(prefix): uri for prefix, uri in _NAMESPACES.items()})
    presence.set("entity", identity.entity)
    device = ET.SubElement(presence, "dm:device", id=identity.id)
    geopriv = ET.SubElement(device, "gp:geopriv")
    info = ET.SubElement(geopriv, "gp:location-info")
    if location.geodetic:
        _add_shape(info, location.geodetic)
    if location.civic:
        _add_civic(info, location.civic)
    if location.geodetic and location.geodetic.radius is not None:
        _add_confidence(info, location.geodetic.confidence)
    rules = ET.SubElement(geopriv, "gp:usage-rules")
    _add(rules, "gbp:retransmission-allowed", "true")
    _add(rules, "gbp:retention-expiry", _date_time(timestamp + retention))
    _add(geopriv, "gp:method", method)
    if identity.provider:
        _add_provider(geopriv, identity.provider)
    _add(device, "dm:deviceID", identity.device_id)
    _add(device, "dm:timestamp", _date_time(timestamp))
    return b'<?xml version="1.0" encoding="UTF-8"?>\r\n' + ET.tostring(presence, encoding="unicode").encode() + b"\r\n"


def _add_shape(info: ET.Element, place: GeodeticLocation) -> None:
    """Add Point, Circle or Sphere; the reference system stands on the outermost element only (RFC 5491 section 5)."""
    position = f"{_number(place.latitude)} {_number(place.longitude)}"
    reference = CRS_2D
    if place.altitude is not None:
        position = f"{position} {_number(place.altitude)}"
        reference = CRS_3D
    area = "gs:Circle" if place.altitude is None else "gs:Sphere"
    shape = ET.SubElement(info, "gml:Point" if place.radius is None else area, srsName=reference)
    _add(shape, "gml:pos", position)
    if place.radius is not None:
        _add(shape, "gs:radius", _number(place.radius)).set("uom", METRE)


def _add_civic(info: ET.Element, civic: CivicLocation) -> None:
    address = ET.SubElement(info, "ca:civicAddress")
    if civic.lang:
        address.set("xml:lang", civic.lang)
    for element, value in civic.elements():
        _add(address, f"{'cae' if element in EXTENSION_ELEMENTS else 'ca'}:{element}", value)


def _add_confidence(info: ET.Element, confidence: float | None) -> None:
    """Say how sure the area is; without the element it would count as 95 % (RFC 7459 section 4)."""
    _add(info, "con:confidence", "unknown" if confidence is None else _number(confidence)).set("pdf", "unknown")


def _add_provider(geopriv: ET.Element, provider: Provider) -> None:
    value = ET.SubElement(ET.SubElement(geopriv, "gp:provided-by"), "ecd:EmergencyCallDataValue")
    info = ET.SubElement(value, "pi:EmergencyCallData.ProviderInfo")
    _add(info, "pi:DataProviderReference", provider.reference)
    _add(info, "pi:DataProviderString", provider.name)
    _add(info, "pi:TypeOfProvider", "Client")
    _add(info, "pi:ContactURI", provider.contact)
    _add(info, "pi:Language", provider.language)


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text
    return element


def _xmlns(prefix: str) -> str:
    return f"xmlns:{prefix}" if prefix else "xmlns"


def _number(value: float) -> str:
    """Write a decimal without exponent; 8 places are a millimetre on the globe."""
    text = f"{value:.8f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _date_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
