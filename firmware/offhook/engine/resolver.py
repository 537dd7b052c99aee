"""From a server's name to addresses (:rfc:`3263`, without NAPTR): SRV where no port is given, then A and AAAA."""

import asyncio
import ipaddress
import socket

from offhook.errors import NetworkError
from offhook.sip.events import Target, Transport

_TIMEOUT_S = 4.0
_DEFAULT_PORT = 5060


class Resolver:
    """Resolves next hops with the system's name servers; dnspython is imported when a name first needs SRV."""

    async def resolve(self, host: str, port: int | None, transport: Transport) -> list[Target]:
        """Return targets in the order in which to try them, never empty.

        A numeric host and an explicit port skip SRV (:rfc:`3263#section-4.2`). Raises NetworkError.
        """
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
                    found = await asyncio.get_running_loop().getaddrinfo(name, number, type=socket.SOCK_DGRAM)
            except TimeoutError:
                reason = "the name server did not answer"
            except OSError as error:
                reason = error.strerror or str(error)
            else:
                targets += [Target(transport, str(sockaddr[0]), int(sockaddr[1])) for *_, sockaddr in found]
        if not targets:
            raise NetworkError(f"cannot find {host}: {reason}; check `server` in the config and the network's DNS")
        return list(dict.fromkeys(targets))

    async def _srv(self, host: str, transport: Transport) -> list[tuple[str, int]]:
        import dns.asyncresolver
        import dns.exception
        import dns.rdatatype

        try:
            resolver = dns.asyncresolver.Resolver()
            answer = await resolver.resolve(f"_sip._{transport}.{host}", "SRV", lifetime=_TIMEOUT_S)
        except (dns.exception.DNSException, OSError):
            return []
        rows = sorted((row.priority, -row.weight, row.target.to_text(omit_final_dot=True), row.port) for row in answer)
        return [(name, number) for _, _, name, number in rows]
