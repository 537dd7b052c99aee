"""From a server's name to addresses (:rfc:`3263`, without NAPTR): SRV where no port is given, then A and AAAA."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable

from offhook.errors import NetworkError
from offhook.sip.events import Address, Target, Transport

_TIMEOUT_S = 4.0
_DEFAULT_PORT = 5060
_MOST_THREADS = 8

Addresses = Callable[[str, int], Awaitable[list[Address]]]
Services = Callable[[str], Awaitable[list[Address]]]


class Resolver:
    """Resolves next hops with the system's name servers; dnspython is imported when a name first needs SRV.

    ``addresses(name, port)`` gives addresses or raises OSError; ``services(name)`` gives the places of an SRV name,
    best first, or raises NetworkError where there is decidedly no such service.
    """

    def __init__(self, addresses: Addresses | None = None, services: Services | None = None) -> None:
        self._addresses = addresses or system_addresses
        self._services = services or system_services

    async def resolve(
        self, host: str, port: int | None, transport: Transport | None, secure: bool = False
    ) -> list[Target]:
        """Return targets in the order in which to try them, never empty.

        A numeric host and an explicit port skip SRV (:rfc:`3263#section-4.2`). Raises NetworkError.
        """
        transport = transport or ("tls" if secure else "udp")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            return [Target(transport, host, port or _DEFAULT_PORT)]
        places = [(host, port)] if port is not None else await self._srv(host, transport) or [(host, _DEFAULT_PORT)]
        targets: list[Target] = []
        reason = "it has no address"
        for name, number in places:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    found = await self._addresses(name, number)
            except TimeoutError:
                reason = "the name server did not answer"
            except (OSError, UnicodeError) as error:  # UnicodeError: a label that is empty or too long
                reason = getattr(error, "strerror", None) or str(error)
            else:
                targets += [Target(transport, *address) for address in found]
        if not targets:
            raise NetworkError(f"name not found ({reason}); check `server` in the config and the network's DNS")
        return list(dict.fromkeys(targets))

    async def _srv(self, host: str, transport: Transport) -> list[Address]:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._services(f"_sip._{transport}.{host}")
        except TimeoutError:
            return []


async def system_addresses(name: str, port: int) -> list[Address]:
    """Ask the system (hosts file, DNS, mDNS as it is set up). Raises OSError or UnicodeError.

    A thread of its own does it, not one of the loop's executor: where DNS is dead it may hang for half a minute, and
    neither the next lookup nor the program's end waits for it.
    """
    if sum(thread.name == "lookup" for thread in threading.enumerate()) >= _MOST_THREADS:
        raise OSError("too many names wait for the name server")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def tell(found: list[Address], error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[Address] = []
        fault: Exception | None = None
        try:
            rows = socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)
            found = [(str(sockaddr[0]), int(sockaddr[1])) for *_, sockaddr in rows]
        except (OSError, UnicodeError) as error:
            fault = error
        with contextlib.suppress(RuntimeError):  # the loop is closed by now
            loop.call_soon_threadsafe(tell, found, fault)

    threading.Thread(target=ask, name="lookup", daemon=True).start()
    return await answer


async def system_services(name: str) -> list[Address]:
    """Ask DNS for an SRV name; none where there is no such name or no answer. Raises NetworkError."""
    import dns.asyncresolver
    import dns.exception

    try:
        resolver = dns.asyncresolver.Resolver()
        answer = await resolver.resolve(name, "SRV", lifetime=_TIMEOUT_S)
    except (dns.exception.DNSException, OSError):
        return []
    rows = sorted((row.priority, -row.weight, row.target.to_text(omit_final_dot=True), row.port) for row in answer)
    places = [(target, port) for _, _, target, port in rows if target not in ("", ".")]
    if rows and not places:
        # A target of "." says that the service is decidedly not there (RFC 2782).
        raise NetworkError(f"{name}: this domain offers no such service; set `transport` or `server` in the config")
    return places
