"""Questions to DNS by dnspython, which is imported when the first one is asked; answers as plain records with TTLs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from offhook.errors import NetworkError

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Asker
    from dns.rdata import Rdata

R = TypeVar("R", covariant=True)
S = TypeVar("S")

TIMEOUT_S = 3.0
_NEGATIVE_TTL_S = 10.0


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record (:rfc:`3403#section-4.1`), as far as SIP uses it; names without the final dot."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record (:rfc:`2782`); ``target`` "" says that the service is decidedly not there."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """Records, none where there are none, good for ``ttl`` seconds. ``silent``: no name server answered usefully."""

    records: tuple[R, ...]
    ttl: float
    silent: bool = False


class Dns(Protocol):
    """What the resolver asks. Nothing raises: see :attr:`Answer.silent`."""

    async def naptr(self, name: str) -> Answer[Naptr]:
        """Ask for NAPTR."""

    async def srv(self, name: str) -> Answer[Srv]:
        """Ask for SRV."""

    async def addresses(self, name: str) -> Answer[str]:
        """Ask for A and AAAA; IPv6 comes first."""


class DnsClient:
    """Asks the name servers of the system, as ``/etc/resolv.conf`` names them at that moment.

    ``servers``, if given, are asked instead: all of them at ``port``.
    """

    def __init__(self, servers: Sequence[str] = (), port: int = 53) -> None:
        self._servers = tuple(servers)
        self._port = port

    async def naptr(self, name: str) -> Answer[Naptr]:
        """See :class:`Dns`."""
        return await self._ask(name, "NAPTR", _naptr)

    async def srv(self, name: str) -> Answer[Srv]:
        """See :class:`Dns`."""
        return await self._ask(name, "SRV", _srv)

    async def addresses(self, name: str) -> Answer[str]:
        """See :class:`Dns`."""
        asked: list[Awaitable[Answer[str]]] = [self._ask(name, kind, _address) for kind in ("AAAA", "A")]
        six, four = await asyncio.gather(*asked)
        records = six.records + four.records
        ttls = [answer.ttl for answer in (six, four) if answer.records]
        return Answer(records, min(ttls, default=min(six.ttl, four.ttl)), not records and (six.silent or four.silent))

    async def _ask(self, name: str, kind: str, read: Callable[["Rdata"], S]) -> Answer[S]:
        import dns.exception
        import dns.resolver

        try:
            answer = await self._asker().resolve(name, kind, search=False, raise_on_no_answer=False, lifetime=TIMEOUT_S)
        except dns.resolver.NXDOMAIN:
            return Answer((), _NEGATIVE_TTL_S)
        except (dns.exception.DNSException, OSError, UnicodeError, ValueError):
            return Answer((), 0.0, silent=True)
        if answer.rrset is None:
            return Answer((), float(answer.chaining_result.minimum_ttl))
        return Answer(tuple(read(row) for row in answer), float(answer.chaining_result.minimum_ttl))

    def _asker(self) -> "Asker":
        import dns.asyncresolver

        asker = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            asker.port = self._port
            asker.nameservers = list(self._servers)
        return asker


class NoSuchName(NetworkError):
    """DNS says decidedly that a name leads nowhere; true for ``ttl`` seconds."""

    def __init__(self, message: str, ttl: float) -> None:
        super().__init__(message)
        self.ttl = ttl


def _naptr(row: "Rdata") -> Naptr:
    import dns.rdtypes.IN.NAPTR

    assert isinstance(row, dns.rdtypes.IN.NAPTR.NAPTR)
    flags, service = row.flags.decode("ascii", "replace"), row.service.decode("ascii", "replace")
    return Naptr(row.order, row.preference, flags, service, row.replacement.to_text(omit_final_dot=True))


def _srv(row: "Rdata") -> Srv:
    import dns.rdtypes.IN.SRV

    assert isinstance(row, dns.rdtypes.IN.SRV.SRV)
    target = row.target.to_text(omit_final_dot=True)
    return Srv(row.priority, row.weight, row.port, "" if target == "." else target)


def _address(row: "Rdata") -> str:
    return row.to_text()
