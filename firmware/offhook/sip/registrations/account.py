"""An account at work: its settings read once, its credentials, by which way its requests go, how the world sees it.

Requests go to the outbound proxy if there is one, else by the Service-Route that the registrar gave (:rfc:`3608`),
else to the server; where the registration stands, over its very flow (:rfc:`5626#section-4.3`).
"""

from collections.abc import Callable
from ipaddress import ip_address

from offhook.sip.core import Core
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.events import Address, Target, Transport
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Headers, Request
from offhook.sip.messages.uri import SipUri, Uri, parse_uri
from offhook.sip.registrations.authenticator import Authenticator
from offhook.sip.registrations.route import follow, route_to
from offhook.sip.settings import AccountSettings
from offhook.sip.transactions.next_hop import DEFAULT_PORTS, Hop
from offhook.sip.transactions.targets import place_of

MAX_SERVERS = 32
MAX_SEEN = 16
REG_ID = 1


class Account:
    """One account. Raises LocalError where its URI, server or proxy cannot be read."""

    def __init__(self, settings: AccountSettings, core: Core) -> None:
        try:
            uri = parse_uri(settings.uri)
        except RemoteError as error:
            raise LocalError(f"account {settings.name}: uri {settings.uri!r}: {error}") from error
        if not isinstance(uri, SipUri) or not uri.user:
            raise LocalError(f"account {settings.name}: uri {settings.uri!r} must look like sip:user@domain")
        self.settings = settings
        self.uri = uri
        self.authenticator = Authenticator(settings.user, settings.password, core.token, settings.auth_minimum)
        self.flow: Target | None = None
        self.on_doubt: Callable[[str, float], None] | None = None
        self.service_route: tuple[NameAddr, ...] = ()
        self.public_gruu: SipUri | None = None
        self.temporary_gruu: SipUri | None = None
        self.offers_outbound = bool(settings.outbound and settings.instance)
        self.has_outbound = False
        self._core = core
        self._servers: dict[str, None] = {}
        self._server = self._hop(settings.server)
        self._proxy = self._hop(settings.outbound_proxy) if settings.outbound_proxy else None
        for hop in (self._server, self._proxy):
            if hop is not None and (numeric := hop.numeric()) is not None:
                self.note_servers([numeric])
        self._seen: dict[tuple[Transport, Address], Address] = {}
        self._awaiting: list[Callable[[float], None]] = []

    def _hop(self, place: str) -> Hop:
        secure = self.uri.scheme == "sips"
        transport = "tls" if secure else self.settings.transport
        if not place.lower().startswith(("sip:", "sips:")):
            hop = Hop.of_server(place, transport)
            return Hop(hop.host, hop.port, transport, secure)
        try:
            hop = Hop.of_uri(parse_uri(place))
        except RemoteError as error:
            raise LocalError(f"account {self.name}: outbound_proxy {place!r}: {error}") from error
        return Hop(hop.host, hop.port, hop.transport or transport, hop.secure or secure, hop.domain)

    @property
    def name(self) -> str:
        """The account's handle."""
        return self.settings.name

    @property
    def user(self) -> str:
        """The user part that is ours."""
        return self.uri.user or ""

    # -- the way ------------------------------------------------------------------------------------------------

    @property
    def register_hop(self) -> Hop:
        """Where REGISTER goes."""
        return self._proxy or self._server

    @property
    def hop(self) -> Hop:
        """Where every other request outside a dialog goes.

        A Service-Route that does not say TLS is no leave to speak in the clear: it stands in Route, and the server that
        we speak to by TLS leads on.
        """
        if self._proxy is None and self.service_route:
            hop = Hop.of_uri(self.service_route[0].uri)
            if hop.plain_transport == "tls" or not self._speaks_tls:
                return hop
        return self.register_hop

    @property
    def transport(self) -> Transport:
        """What is spoken with the server: by the registration, else as DNS said last, else as the settings say."""
        if self.flow is not None:
            return self.flow.transport
        known = self._core.hops.natural(self.register_hop)
        return known[0].transport if known else self.register_hop.plain_transport

    @property
    def _speaks_tls(self) -> bool:
        return "tls" in (self.transport, self.register_hop.plain_transport)

    @property
    def hop_in_clear(self) -> Hop:
        """The way without TLS to a server that is spoken to by TLS, for an emergency call that TLS keeps from it."""
        hop = self.hop
        if hop.plain_transport != "tls" and not self._speaks_tls:
            return hop
        return Hop(hop.host, None if hop.port == DEFAULT_PORTS["tls"] else hop.port, "tcp")

    def in_clear(self) -> list[Target]:
        """Return where :attr:`hop_in_clear` leads as far as is known without DNS: to what TLS was spoken to."""
        hop, clear = self.hop, self.hop_in_clear
        known = [self.flow, *self._core.hops.natural(hop)] if self.flow is not None else self._core.hops.natural(hop)
        port = clear.port or DEFAULT_PORTS["tcp"]
        return list(dict.fromkeys(Target("tcp", target.ip, port) for target in known)) if clear != hop else []

    def is_own(self, hop: Hop) -> bool:
        """True for a hop that leads to the account's servers: its addresses are to be trusted."""
        return hop in (self.register_hop, self.hop, self.hop_in_clear)

    def routes(self, method: str) -> list[str]:
        """Return the values of Route for a request outside a dialog (:rfc:`3261#section-8.1.2`, :rfc:`3608`)."""
        routes: list[str] = []
        if self._proxy is not None:
            routes.append(route_to(self._proxy))
            if method == "REGISTER" and self._server.host.lower() != self.uri.host.lower():
                routes.append(route_to(self._server))
        if method != "REGISTER":
            known = {(self._proxy.host, self._proxy.port)} if self._proxy is not None else set()
            for place, route in enumerate(self.service_route):
                here = (route.uri.host, route.uri.port) if isinstance(route.uri, SipUri) else None
                if place or here not in known:
                    routes.append(str(route))
        return routes

    def follow(self, headers: Headers, hop: Hop, found: Target | None, taken: Target) -> None:
        """Have the topmost Route of a request outside a dialog say the transport of ``taken``; see :func:`follow`."""
        written = frozenset(route_to(known) for known in (self._proxy, self._server) if known is not None)
        follow(headers, hop, found, taken, written)

    def with_flow(self, targets: list[Target], hop: Hop, now: float) -> list[Target]:
        """Put the flow that registered before all others, though DNS may not name it any longer.

        A server knows us where we registered, not at its neighbour.
        """
        flow = self.flow
        if flow is None or hop != self.register_hop or now < self._core.hops.book.free_at(flow):
            return targets
        return [flow, *(target for target in targets if place_of(target) != place_of(flow))]

    def take_service_route(self, routes: tuple[NameAddr, ...], now: float) -> None:
        """Note the Service-Route of a 2xx; none, or one that cannot be followed, leads by the server.

        Where it leads is asked at once: calls come from there too, and the first one to go out need not wait.
        """
        usable = all(isinstance(route.uri, SipUri) for route in routes)
        self.service_route = routes if usable else ()
        if self._proxy is None and self.service_route:
            hop = Hop.of_uri(self.service_route[0].uri)
            self._core.hops.find(hop, now, lambda targets, reason, t: self.note_servers(targets))

    # -- who is there -------------------------------------------------------------------------------------------

    def note_servers(self, targets: list[Target]) -> None:
        """Remember which addresses the account's server has."""
        for target in targets:
            self._servers.pop(target.ip, None)
            self._servers[target.ip] = None
        while len(self._servers) > MAX_SERVERS:
            del self._servers[next(iter(self._servers))]

    @property
    def trusted_addresses(self) -> frozenset[str]:
        """Every address that the account's servers and proxies are known to have."""
        return frozenset(self._servers)

    @property
    def server_ip(self) -> str | None:
        """The address of the flow that we registered by, else the server's that was named last."""
        return self.flow.ip if self.flow is not None else next(reversed(self._servers), None)

    def is_server(self, ip: str) -> bool:
        """True for an address of the account's server: only there are challenges answered.

        Whoever is called, or calls, could else challenge the BYE and take the digest away for guessing at leisure.
        """
        return ip in self._servers

    # -- how we are reached -------------------------------------------------------------------------------------

    def contact_address(self, transport: Transport, remote_ip: str) -> Address:
        """Return the address to put into a Contact: where we listen, or what a server sees of it (:rfc:`3581`)."""
        own = self._core.local_address(transport, remote_ip)
        return self._seen.get((transport, own), own)

    def contact(self, transport: Transport, remote_ip: str) -> str:
        """Return the Contact for requests and responses over this transport: the GRUU if there is one (:rfc:`5627`)."""
        if self.public_gruu is not None:
            return f"<{self.public_gruu}>"
        address = self.contact_address(transport, remote_ip)
        return contact_value(self.user, address, transport, {"ob": None} if self.has_outbound else None)

    def anonymous_contact(self, transport: Transport, remote_ip: str) -> str:
        """Return a Contact that does not say who we are: the temporary GRUU, or the address alone."""
        if self.temporary_gruu is not None:
            return f"<{self.temporary_gruu}>"
        return contact_value("anonymous", self.contact_address(transport, remote_ip), transport)

    def binding(self, transport: Transport, remote_ip: str) -> str:
        """Return the Contact for REGISTER, with instance and reg-id where wanted (:rfc:`5626#section-4.2`)."""
        value = contact_value(self.user, self.contact_address(transport, remote_ip), transport)
        if self.settings.instance:
            value += f';+sip.instance="<{self.settings.instance}>"'
        return f"{value};reg-id={REG_ID}" if self.offers_outbound else value

    def learn(self, transport: Transport, own: Address, seen: Address) -> bool:
        """Note how a server sees ``own``; True when the Contact changes by that.

        A stream's far port is that of the connection, not the one that we listen at: it only counts where the
        address differs too, that is, behind a NAT.
        """
        if same_ip(own[0], seen[0]):
            seen = own if transport != "udp" else (own[0], seen[1])
        before = self._seen.get((transport, own), own)
        if seen == own:
            self._seen.pop((transport, own), None)
        else:
            self._seen[transport, own] = seen
            while len(self._seen) > MAX_SEEN:  # over TLS every connection has a port of its own
                del self._seen[next(iter(self._seen))]
        return before != seen

    def hold(self, flow: Target | None) -> None:
        """Note over which flow the registration stands."""
        self.flow = flow
        self._core.hops.book.hold(self.name, flow)

    def unbind(self) -> None:
        """Note that no registration stands: a GRUU leads to nobody now (:rfc:`5627#section-3.3`)."""
        self.hold(None)
        self.public_gruu = self.temporary_gruu = None

    def doubt(self, target: Target, why: str, now: float) -> None:
        """Take note that a request found ``target`` failing: if the registration stands there, it is to look."""
        if self.flow is not None and place_of(self.flow) == place_of(target) and self.on_doubt is not None:
            self.on_doubt(why, now)

    def await_answer(self, answered: Callable[[float], None]) -> None:
        """Call ``answered(now)`` once, when the next REGISTER has come to its end; then :attr:`flow` tells how."""
        self._awaiting.append(answered)

    def was_answered(self, now: float) -> None:
        """A REGISTER came to its end: whoever waits for that goes on."""
        awaiting, self._awaiting = self._awaiting, []
        for answered in awaiting:
            answered(now)

    def forget_network(self) -> None:
        """Drop what was true of the network that we were in."""
        self.hold(None)
        self._seen.clear()
        self.offers_outbound = bool(self.settings.outbound and self.settings.instance)

    def request(self, method: str, uri: Uri, to: NameAddr, call_id: str, cseq: int) -> Request:
        """Build a request outside a dialog, from this account (:rfc:`3261#section-8.1.1`); no Via, no Contact."""
        headers = Headers()
        routes = self.routes(method)
        if not routes and not isinstance(uri, SipUri):
            routes.append(route_to(self._server))
        for route in routes:
            headers.add("Route", route)
        headers.add("Max-Forwards", "70")
        name = NameAddr(self.settings.display_name, self.uri, ())
        headers.add("From", str(name.with_tag(self._core.token())))
        headers.add("To", str(to))
        headers.add("Call-ID", call_id)
        headers.add("CSeq", f"{cseq} {method}")
        request = Request(method, uri, headers, b"")
        self._core.describe(request)
        return request


def contact_value(
    user: str, address: Address, transport: Transport, params: dict[str, str | None] | None = None
) -> str:
    """Return ``<sip:user@ip:port;transport=...>``; UDP is not named, it is the default."""
    uri = SipUri("sip", user or None, None, address[0], address[1], (), ())
    if transport != "udp":
        uri = uri.with_params(transport=transport)
    return f"<{uri.with_params(**params) if params else uri}>"


def same_ip(one: str, other: str) -> bool:
    """True for the same address, however it is written."""
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return one == other
