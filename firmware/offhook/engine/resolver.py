"""From a server's name to targets by :rfc:`3263`: NAPTR, SRV, A and AAAA, each skipped where the name says enough.

::

    numeric ------------------------------------------------------------------> itself
    port named -------------------------------------------> A, AAAA ----------> that port
    transport named ------------------> SRV of that one --> A, AAAA ----------> its port
    neither ---> NAPTR (s) --> SRV ------------------------> A, AAAA ---------> the transport that DNS names
                  | none         | none
                  +-> SRV of UDP, TCP, TLS                +-> the name itself, at the transport's own port
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from offhook.engine.dns_client import Answer, Dns, DnsClient, Naptr, NoSuchName, Srv
from offhook.engine.srv_order import srv_groups
from offhook.engine.system_names import is_local, routable, system_addresses
from offhook.errors import NetworkError
from offhook.sip.events import Target, Transport

_SYSTEM_TIMEOUT_S = 4.0
_DEFAULT_PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
_PREFIXES: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
_SERVICES: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_MOST_NAPTR, _MOST_SRV, _MOST_TARGETS = 8, 16, 32
_SYSTEM_TTL_S = 30.0
_SILENT_TTL_S = 30.0  # what was made of answers of which one is missing: DNS may well say otherwise when asked again

Addresses = Callable[[str], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Targets in the order in which to try them, good for ``ttl`` seconds."""

    targets: tuple[Target, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class _Place:
    """One name and port to look up the addresses of; those of one ``rank`` are as good as one another."""

    transport: Transport
    host: str
    port: int
    rank: int


class Resolver:
    """Resolves next hops.

    ``dns`` answers questions; ``system(name)`` gives addresses from the hosts file, mDNS and the like, or raises
    OSError; ``chance()`` draws 0 <= x < 1 for SRV weights; ``usable(ip)`` is false for addresses without a route.
    """

    def __init__(
        self,
        dns: Dns | None = None,
        system: Addresses = system_addresses,
        chance: Callable[[], float] | None = None,
        usable: Callable[[str], bool] = routable,
    ) -> None:
        self._dns = dns or DnsClient()
        self._system = system
        self._chance = chance or random.SystemRandom().random
        self._usable = usable

    async def resolve(
        self, host: str, port: int | None, transport: Transport | None, secure: bool = False, local_ip: str = "::"
    ) -> Resolution:
        """Return targets, at least one. ``transport`` None: any; ``secure``: TLS alone.

        ``local_ip``: what we send from; ``::`` serves both families. Raises NoSuchName, or NetworkError where another
        try may well bring an answer; who asked says which name it was about.
        """
        plain: Transport = transport or ("tls" if secure else "udp")
        try:
            number = ip_address(host)
        except ValueError:
            pass
        else:
            return Resolution((Target(plain, str(number), port or _DEFAULT_PORTS[plain]),), _SYSTEM_TTL_S)
        if port is not None:
            places, ttl = [_Place(plain, host, port, 0)], float("inf")
        else:
            places, ttl = await self._services(host, transport, secure)
            if not places:
                places = [_Place(plain, host, _DEFAULT_PORTS[plain], 0)]
        return await self._located(places, ttl, local_ip)

    async def _services(self, host: str, transport: Transport | None, secure: bool) -> tuple[list[_Place], float]:
        """Return where DNS says that the service is, and for how long; nothing where it says nothing of it."""
        if is_local(host):
            return [], float("inf")
        if transport is not None:
            names: list[tuple[Transport, str]] = [(transport, _PREFIXES[transport] + host)]
            ttl = float("inf")
        else:
            naptr = await self._dns.naptr(host)
            names = _offered(naptr.records, host, secure)
            ttl = naptr.ttl if names else _SILENT_TTL_S if naptr.silent else float("inf")
            if not names:
                wanted: tuple[Transport, ...] = ("tls",) if secure else ("udp", "tcp", "tls")
                names = [(kind, _PREFIXES[kind] + host) for kind in wanted]
        answers = await asyncio.gather(*(self._dns.srv(name) for _, name in names))
        places: list[_Place] = []
        for (kind, _), answer in zip(names, answers, strict=True):
            for group in srv_groups(_best(answer.records), self._chance):
                rank = places[-1].rank + 1 if places else 0
                places += [_Place(kind, record.target, record.port, rank) for record in group]
        ttls = [answer.ttl for answer in answers if answer.records]
        if any(answer.silent for answer in answers):
            ttl = min(ttl, _SILENT_TTL_S)
        if not places and ttls:
            # Only targets of "." (RFC 2782): the service is decidedly not there.
            words = "this domain offers no such service; set `transport` or `server` in the config"
            raise NoSuchName(words, min(ttls))
        return places, min([ttl, *ttls])

    async def _located(self, places: Sequence[_Place], ttl: float, local_ip: str) -> Resolution:
        """Look up the addresses of all places at once."""
        names = list(dict.fromkeys(place.host for place in places))
        answers = dict(zip(names, await asyncio.gather(*(self._addresses(name) for name in names)), strict=True))
        targets: dict[Target, None] = {}
        for place in places:
            for ip in self._sorted(answers[place.host].records, local_ip):
                targets[Target(place.transport, ip, place.port, rank=place.rank)] = None
        found = [answer for answer in answers.values() if answer.records]
        if targets:
            ttl = min(ttl, *(answer.ttl for answer in found))
            if any(answer.silent for answer in answers.values()):
                ttl = min(ttl, _SILENT_TTL_S)
            return Resolution(tuple(targets)[:_MOST_TARGETS], ttl)
        if found:
            raise NetworkError(f"it has no address that can be reached from {local_ip}; check `sip.listen`")
        if any(answer.silent for answer in answers.values()):
            raise NetworkError("the name server did not answer; check the network's DNS")
        words = "there is no such name, or it has no address; check `server` in the config"
        raise NoSuchName(words, min(answer.ttl for answer in answers.values()))

    async def _addresses(self, name: str) -> Answer[str]:
        """Ask DNS, and the system for what only it knows: the hosts file, mDNS, a name without dots."""
        try:
            return Answer((str(ip_address(name)),), float("inf"))
        except ValueError:
            pass
        answer: Answer[str] = Answer((), 0.0)
        if not is_local(name):
            answer = await self._dns.addresses(name)
        if answer.records:
            return answer
        silent = answer.silent
        try:
            async with asyncio.timeout(_SYSTEM_TIMEOUT_S):
                return Answer(tuple(await self._system(name)), _SYSTEM_TTL_S)
        except TimeoutError:
            silent = True
        except (OSError, UnicodeError):  # UnicodeError: a label that is empty or too long
            pass
        return Answer((), answer.ttl, silent)

    def _sorted(self, found: Sequence[str], local_ip: str) -> list[str]:
        """Order addresses in the spirit of :rfc:`6724`: what has a route first, then global IPv6, then IPv4."""
        family = None if local_ip == "::" else ip_address(local_ip).version
        fitting = [ip for ip in dict.fromkeys(found) if family is None or ip_address(ip).version == family]

        def rank(ip: str) -> tuple[bool, bool]:
            address = ip_address(ip)
            return (not self._usable(ip), not (isinstance(address, IPv6Address) and address.is_global))

        return sorted(fitting, key=rank)


def _best(records: Sequence[Srv]) -> list[Srv]:
    return sorted(records, key=lambda record: record.priority)[:_MOST_SRV]


def _offered(records: Sequence[Naptr], host: str, secure: bool) -> list[tuple[Transport, str]]:
    """Return the SRV names that a domain points to, best first, as far as we speak what they offer.

    For a sips URI only TLS counts, and only within the domain itself (:rfc:`3263#section-4.1`): whoever forges a
    record could else lead us to a certificate that is good, but another's.
    """
    usable = []
    for record in sorted(records, key=lambda record: (record.order, record.preference)):
        transport = _SERVICES.get(record.service.upper())
        if transport is None or record.flags.lower() != "s" or not record.replacement:
            continue
        within = f".{record.replacement.lower()}".endswith(f".{host.lower().rstrip('.')}")
        if not secure or (transport == "tls" and within):
            usable.append((transport, record.replacement))
    return usable[:_MOST_NAPTR]
