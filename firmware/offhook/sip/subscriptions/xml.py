"""XML from afar: bounded, without document types and entities, and nothing raised but RemoteError."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from offhook.sip.errors import RemoteError
from offhook.sip.responses import printable

MAX_BYTES = 32768
MAX_VERSION = 2**32 - 1


def parse_xml(data: bytes, root: str) -> Element:
    """Return the document's root element; ``root`` is its name with namespace, ``{urn:...}name``.

    Raises RemoteError 400 for what is no XML, has a document type, or is another document.
    """
    if len(data) > MAX_BYTES:
        raise RemoteError(400, "XML Too Long")
    try:
        element: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise RemoteError(400, "Bad XML") from error
    if element.tag != root:
        raise RemoteError(400, "Another XML Document")
    return element


def number(element: Element, name: str) -> int | None:
    """Return a non-negative whole number from an attribute, None where there is none."""
    text = element.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return min(int(text), MAX_VERSION)


def attribute(element: Element, name: str) -> str:
    """Return an attribute as it may stand in a log, "" where there is none."""
    return printable(element.get(name, "").strip())


def content(element: Element | None) -> str:
    """Return an element's own text as it may stand in a log."""
    return printable((element.text or "").strip()) if element is not None else ""
