"""A name server of a few lines on loopback, for dnspython or anybody else who asks by UDP."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]


class DnsServer(asyncio.DatagramProtocol):
    """Answers from ``zone``: ``("_sip._udp.pbx.test", "SRV")`` to records in text form; ``ttl`` counts for all.

    Unknown names get NXDOMAIN, unknown kinds of a known name an empty answer; with ``silent`` nothing is answered.
    """

    def __init__(self, zone: Zone, ttl: int = 60) -> None:
        self.zone: Zone = zone
        self.ttl = ttl
        self.silent = False
        self.port = 0
        self.asked: list[tuple[str, str]] = []
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if self.silent or self.transport is None:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        records = self.zone.get((name, kind))
        if records:
            response.answer.append(dns.rrset.from_text_list(question.name, self.ttl, "IN", kind, list(records)))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), address)


@asynccontextmanager
async def dns_server(zone: Zone, ttl: int = 60, ip: str = "127.0.0.1", port: int = 0) -> AsyncIterator[DnsServer]:
    """Run a name server; its port is in :attr:`DnsServer.port`."""
    loop = asyncio.get_running_loop()
    server = DnsServer(zone, ttl)
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=(ip, port))
    server.transport, server.port = transport, transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
        await asyncio.sleep(0)
