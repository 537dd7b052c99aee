"""An account at work: its settings read once, its credentials, and the address at which the world sees it."""

from ipaddress import ip_address

from offhook.sip.core import Core
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.events import Address, Target, Transport
from offhook.sip.messages.grammar import format_host, format_port
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Headers, Request
from offhook.sip.messages.uri import SipUri, Uri, parse_uri
from offhook.sip.registrations.authenticator import Authenticator
from offhook.sip.settings import AccountSettings
from offhook.sip.transactions.next_hop import Hop

MAX_SERVERS = 32


class Account:
    """One account. Raises LocalError where its URI or server cannot be read."""

    def __init__(self, settings: AccountSettings, core: Core) -> None:
        try:
            uri = parse_uri(settings.uri)
        except RemoteError as error:
            raise LocalError(f"account {settings.name}: uri {settings.uri!r}: {error}") from error
        if not isinstance(uri, SipUri) or not uri.user:
            raise LocalError(f"account {settings.name}: uri {settings.uri!r} must look like sip:user@domain")
        self.settings = settings
        self.uri = uri
        self.hop = Hop.of_server(settings.server, settings.transport)
        self.authenticator = Authenticator(settings.user, settings.password, core.token)
        self._servers: dict[str, None] = {}
        self._core = core
        if (numeric := self.hop.numeric()) is not None:
            self.note_servers([numeric])
        self._seen: dict[tuple[Transport, Address], Address] = {}

    @property
    def name(self) -> str:
        """The account's handle."""
        return self.settings.name

    @property
    def user(self) -> str:
        """The user part that is ours."""
        return self.uri.user or ""

    def note_servers(self, targets: list[Target]) -> None:
        """Remember which addresses the account's server has."""
        for target in targets:
            self._servers[target.ip] = None
        while len(self._servers) > MAX_SERVERS:
            del self._servers[next(iter(self._servers))]

    @property
    def trusted_addresses(self) -> frozenset[str]:
        """Every address that the account's servers and proxies are known to have."""
        return frozenset(self._servers)

    def is_server(self, ip: str) -> bool:
        """True for an address of the account's server: only there are challenges answered.

        Whoever is called, or calls, could else challenge the BYE and take the digest away for guessing at leisure.
        """
        return ip in self._servers

    def contact_address(self, transport: Transport, remote_ip: str) -> Address:
        """Return the address to put into a Contact: where we listen, or what a server sees of it (:rfc:`3581`)."""
        own = self._core.local_address(transport, remote_ip)
        return self._seen.get((transport, own), own)

    def contact(self, transport: Transport, remote_ip: str) -> str:
        """Return the Contact value for requests and responses over this transport."""
        return contact_value(self.user, self.contact_address(transport, remote_ip), transport)

    def learn(self, transport: Transport, own: Address, seen: Address) -> bool:
        """Note how a server sees ``own``; True when the Contact changes by that.

        A stream's far port is that of the connection, not the one that we listen at: it only counts where the
        address differs too, that is, behind a NAT.
        """
        if _same_ip(own[0], seen[0]):
            seen = own if transport != "udp" else (own[0], seen[1])
        before = self._seen.get((transport, own), own)
        if seen == own:
            self._seen.pop((transport, own), None)
        else:
            self._seen[transport, own] = seen
        return before != seen

    def request(self, method: str, uri: Uri, to: NameAddr, call_id: str, cseq: int) -> Request:
        """Build a request outside a dialog, from this account (:rfc:`3261#section-8.1.1`); no Via, no Contact."""
        headers = Headers()
        if not isinstance(uri, SipUri):
            headers.add("Route", f"<sip:{self.server_route()};lr>")
        headers.add("Max-Forwards", "70")
        name = NameAddr(self.settings.display_name, self.uri, ())
        headers.add("From", str(name.with_tag(self._core.token())))
        headers.add("To", str(to))
        headers.add("Call-ID", call_id)
        headers.add("CSeq", f"{cseq} {method}")
        request = Request(method, uri, headers, b"")
        self._core.describe(request)
        return request

    def server_route(self) -> str:
        """Return host and port of the server as they stand in a Route."""
        return format_host(self.hop.host) + format_port(self.hop.port)


def contact_value(user: str, address: Address, transport: Transport) -> str:
    """Return ``<sip:user@ip:port;transport=...>``; UDP is not named, it is the default."""
    uri = SipUri("sip", user or None, None, address[0], address[1], (), ())
    if transport != "udp":
        uri = uri.with_params(transport=transport)
    return f"<{uri}>"


def _same_ip(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return one == other
