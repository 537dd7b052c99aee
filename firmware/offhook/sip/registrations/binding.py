"""What a 2xx to REGISTER grants: for how long, by which way, under which names, and how to keep the way open."""

import re
from dataclasses import dataclass

from offhook.sip.errors import RemoteError
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Response
from offhook.sip.messages.uri import SipUri, parse_uri

DELTA = re.compile("[0-9]{1,10}")
MAX_EXPIRES = 7 * 24 * 3600
MAX_INTERVAL = 3600
MAX_ROUTES = 20


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding as the registrar keeps it.

    ``outbound``: the registrar applied :rfc:`5626`. ``keeps``: keep-alives were agreed, ``keep_interval`` seconds apart
    at most where that is said (``Flow-Timer``, or ``keep`` of :rfc:`6223`).
    """

    expires: int
    service_route: tuple[NameAddr, ...] = ()
    public_gruu: SipUri | None = None
    temporary_gruu: SipUri | None = None
    outbound: bool = False
    keeps: bool = False
    keep_interval: float | None = None

    @classmethod
    def of_response(cls, response: Response, contact: str, instance: str, asked: int) -> "Binding":
        """Read a 2xx to a REGISTER with this Contact; ``asked``: the seconds that were asked for."""
        ours = _ours(response, contact, instance)
        own = ours.param("expires") or "" if ours is not None else ""
        general = response.expires if response.expires is not None else asked
        expires = int(own) if DELTA.fullmatch(own) else general
        flow_timer = _seconds(response.headers.get("Flow-Timer"))
        agreed = response.via.param("keep") or ""
        outbound = "outbound" in (tag.lower() for tag in response.require)
        interval = flow_timer or _seconds(agreed)
        return cls(
            min(expires, MAX_EXPIRES),
            _service_route(response),
            _gruu(ours, "pub-gruu"),
            _gruu(ours, "temp-gruu"),
            outbound,
            outbound or flow_timer is not None or DELTA.fullmatch(agreed) is not None,
            interval,
        )


def _ours(response: Response, contact: str, instance: str) -> NameAddr | None:
    """Find our binding: by instance where the registrar keeps those, else by its URI (:rfc:`3261#section-10.2.4`)."""
    uri = NameAddr.parse(contact).uri
    same = [one for one in response.contacts if isinstance(uri, SipUri) and uri.equivalent(one.uri)]
    if instance:
        wanted = f"<{instance}>".lower()
        named = [one for one in response.contacts if (one.param("+sip.instance") or "").lower() == wanted]
        both = [one for one in named if one in same]
        same = both or same or named
    return same[0] if same else None


def _service_route(response: Response) -> tuple[NameAddr, ...]:
    """Return the Service-Route; what cannot be read is none (:rfc:`3608#section-6.2`)."""
    try:
        routes = tuple(
            route for value in response.headers.get_all("Service-Route") for route in NameAddr.parse_many(value)
        )
    except RemoteError:
        return ()
    return routes if len(routes) <= MAX_ROUTES else ()


def _gruu(contact: NameAddr | None, name: str) -> SipUri | None:
    text = contact.param(name) if contact is not None else None
    if not text:
        return None
    try:
        uri = parse_uri(text)
    except RemoteError:
        return None
    return uri if isinstance(uri, SipUri) and uri.param("gr") is not None else None


def _seconds(text: str | None) -> float | None:
    if text is None or not DELTA.fullmatch(text.strip()) or not int(text):
        return None
    return float(min(int(text), MAX_INTERVAL))
