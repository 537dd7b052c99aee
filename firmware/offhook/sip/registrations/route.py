"""Routes that we write ourselves: to the outbound proxy and the server, and the transport that they name.

The Route goes to the very hop that reads it first, and says by what transport to reach it. A request that moves to
another one (too large for UDP, or TLS is in an emergency call's way) would else contradict it
(:rfc:`3261#section-8.1.2`, 18.1.1): a proxy knows its own place by host, port and transport, and one that does not
find itself in the Route may send the request to where the Route leads.
"""

from dataclasses import replace

from offhook.sip.errors import RemoteError
from offhook.sip.events import Target
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Headers
from offhook.sip.messages.uri import SipUri
from offhook.sip.transactions.next_hop import DEFAULT_PORTS, Hop


def route_to(hop: Hop) -> str:
    """Return a hop as a loose route."""
    uri = SipUri("sips" if hop.secure else "sip", None, None, hop.host, hop.port, (), ())
    if hop.transport not in (None, "udp") and not hop.secure:
        uri = uri.with_params(transport=hop.transport)
    return f"<{uri.with_params(lr=None)}>"


def follow(headers: Headers, hop: Hop, found: Target | None, taken: Target, written: frozenset[str]) -> None:
    """Have the topmost Route of a request outside a dialog say the transport that it goes by.

    ``found`` is the target that ``hop`` led to, ``taken`` what is sent to, ``written`` the routes that are our own.
    Those always follow. One that the registrar gave (Service-Route) is left as it is unless it names another transport
    than the one taken. Nothing is ever made to say TLS that did not: a port goes with that.
    """
    routes = headers.get_all("Route")
    if not routes or taken.transport == "tls" or hop.secure:
        return
    try:
        first, *others = NameAddr.parse_many(routes[0])
    except RemoteError:
        return
    uri, ours = first.uri, routes[0] in written
    if not isinstance(uri, SipUri) or Hop.of_uri(uri).host != hop.host or (uri.scheme == "sips" and not ours):
        return
    named = "tls" if uri.scheme == "sips" else (uri.param("transport") or "").lower()
    moved = found is not None and found.transport != taken.transport
    if named == taken.transport or not (named or (moved and ours)):
        return
    uri = replace(uri, scheme="sip")
    if named == "tls" and uri.port == DEFAULT_PORTS["tls"]:
        uri = replace(uri, port=None)
    uri = uri.without_param("transport") if taken.transport == "udp" else uri.with_params(transport=taken.transport)
    changed = [NameAddr(first.display, uri, first.params), *others]
    headers.remove("Route")
    for route in reversed([*(str(name) for name in changed), *routes[1:]]):
        headers.prepend("Route", route)
