"""The sockets under the endpoint, and a link that is pulled and plugged in again."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.engine.tls import TlsSettings
from offhook.engine.transport import SipTransport, TlsListen, source_ip
from offhook.errors import NetworkError
from offhook.sip import events as sip
from offhook.sip.events import Address, Flow, Transmit, Transport
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.uri import SipUri
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.certs import make_authority
from tests.support.virtual_loop import run


class Log:
    """A TransportReceiver that writes down."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[object, ...]] = asyncio.Queue()

    def received(self, data: bytes, flow: Flow) -> None:
        self.events.put_nowait(("received", data, flow.transport))

    def opened(self, flow: Flow) -> None:
        self.events.put_nowait(("opened", flow.transport))

    def closed(self, flow: Flow) -> None:
        self.events.put_nowait(("closed", flow.transport))

    def failed(self, transport: Transport, remote: Address, reason: str) -> None:
        self.events.put_nowait(("failed", transport, remote))


def test_udp_and_tcp_have_the_same_port() -> None:
    async def scenario() -> None:
        transport = SipTransport(Log())
        await transport.open("127.0.0.1", 0)
        assert transport.udp == transport.tcp
        assert transport.local_address("tcp", "127.0.0.1") == transport.tcp
        await transport.close()

    run(scenario)


def test_a_port_that_is_taken_is_one_clear_line_and_leaves_no_socket() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            transport = SipTransport(Log())
            with pytest.raises(NetworkError, match=r"sip\.listen"):
                await transport.open("127.0.0.1", other.getsockname()[1])
            await transport.close()

    run(scenario)


def test_what_cannot_be_sent_comes_back_as_failed() -> None:
    async def scenario() -> None:
        log = Log()
        transport = SipTransport(log)
        await transport.open("127.0.0.1", 0)
        for kind, port in (("udp", 0), ("udp", 70000), ("tcp", 0), ("tcp", 70000)):
            transport.send(Transmit(b"x", kind, ("127.0.0.1", port)))  # type: ignore[arg-type]
            assert await log.events.get() == ("failed", kind, ("127.0.0.1", port))
        await transport.close()

    run(scenario)


def test_a_crowd_of_connections_at_the_door_does_not_keep_the_phone_from_calling_out() -> None:
    async def scenario() -> None:
        log, other = Log(), Log()
        transport, server = SipTransport(log), SipTransport(other)
        transport._tcp._limit = 2
        await transport.open("127.0.0.1", 0)
        await server.open("127.0.0.1", 0)
        crowd = [await asyncio.open_connection(*transport.tcp) for _ in range(4)]
        transport.send(Transmit(b"REGISTER", "tcp", server.tcp))
        assert await other.events.get() == ("opened", "tcp")
        assert await other.events.get() == ("received", b"REGISTER", "tcp")
        for _, writer in crowd:
            writer.close()
        await transport.close()
        await server.close()

    run(scenario)


def test_the_source_address_is_the_one_that_the_other_side_would_see() -> None:
    assert source_ip("127.0.0.1", "192.0.2.1") == "127.0.0.1"
    assert source_ip("no address", "192.0.2.1") == "192.0.2.1"


class Registrar:
    """Takes every REGISTER, for a minute."""

    def __init__(self, tls_listen: TlsListen | None = None) -> None:
        settings = EndpointSettings(any_user=True, deliver=frozenset({"REGISTER"}))
        self.shell = EndpointShell(settings, os.urandom, self._take, Resolver(), tls_listen=tls_listen)
        self.count = 0
        self.contact = ""

    def _take(self, event: sip.Event) -> None:
        if isinstance(event, sip.RequestReceived):
            self.count += 1
            self.contact = event.request.headers.get_all("Contact")[0].partition(",")[0]
            contacts = tuple(("Contact", value) for value in event.request.headers.get_all("Contact"))
            self.shell.endpoint.respond(event.key, 200, "OK", self.shell.now(), headers=(*contacts, ("Expires", "60")))


def test_an_account_registers_over_tls_and_is_called_by_that_connection(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "URI:sip:pbx.example")

    async def scenario() -> None:
        registrar = Registrar(TlsListen("127.0.0.1", 0, authority.certificate, authority.key))
        await registrar.shell.open("127.0.0.1", 0)
        assert registrar.shell.transport.tls is not None
        ip, port = registrar.shell.transport.tls
        events: asyncio.Queue[sip.Event] = asyncio.Queue()
        trust = {"desk": TlsSettings(ca=authority.ca_file, name="pbx.example")}
        shell = EndpointShell(EndpointSettings(), os.urandom, events.put_nowait, Resolver(), trust)
        await shell.open("127.0.0.1", 0)
        account = AccountSettings("desk", f"sip:1001@{ip}", "1001", "", f"{ip}:{port}", "tls")
        shell.endpoint.register(account, shell.now())
        shell.pump()
        assert isinstance(await events.get(), sip.Registered)
        contact = NameAddr.parse(registrar.contact).uri
        assert isinstance(contact, SipUri)
        assert contact.param("transport") == "tls"
        caller = AccountSettings("caller", f"sip:9@{ip}", "9", "", f"{ip}:{contact.port}", "tls", register=False)
        registrar.shell.endpoint.register(caller, shell.now())
        registrar.shell.endpoint.call("c", "caller", str(contact), None, shell.now())
        registrar.shell.pump()
        while not isinstance(event := await events.get(), sip.IncomingCall):
            assert shell.now() < 1100, "the call does not arrive"
        assert event.flow.transport == "tls"
        shell.endpoint.reject(event.call, 486, "", shell.now())
        shell.pump()
        await asyncio.sleep(1)
        await shell.close()
        await registrar.shell.close()

    run(scenario)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_phone_notices_a_pulled_link_at_its_next_refresh_and_recovers_by_itself(transport: Transport) -> None:
    async def scenario() -> None:
        registrar = Registrar()
        await registrar.shell.open("127.0.0.1", 0)
        events: asyncio.Queue[sip.Event] = asyncio.Queue()
        shell = EndpointShell(EndpointSettings(), os.urandom, events.put_nowait, Resolver())
        await shell.open("127.0.0.1", 0)
        ip, port = registrar.shell.transport.udp
        account = AccountSettings("desk", f"sip:1001@{ip}", "1001", "", f"{ip}:{port}", transport, expires=60)
        shell.endpoint.register(account, shell.now())
        shell.pump()
        assert isinstance(await events.get(), sip.Registered)

        shell.transport.set_link(False)
        before, begin = registrar.count, shell.now()
        failed = await events.get()
        while isinstance(failed, sip.Registered):
            failed = await events.get()
        assert isinstance(failed, sip.RegistrationFailed)
        assert shell.now() - begin < 60 + 32
        await asyncio.sleep(600)
        assert registrar.count == before, "nothing leaves while the link is down"

        while not events.empty():
            assert isinstance(events.get_nowait(), sip.RegistrationFailed)
        shell.transport.set_link(True)
        begin = shell.now()
        again = await events.get()
        while isinstance(again, sip.RegistrationFailed):
            again = await events.get()
        assert isinstance(again, sip.Registered)
        assert shell.now() - begin < 180
        await shell.close()
        await registrar.shell.close()

    run(scenario)


def test_nothing_arrives_while_the_link_is_down() -> None:
    async def scenario() -> None:
        log = Log()
        transport = SipTransport(log)
        await transport.open("127.0.0.1", 0)
        transport.set_link(False)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"hello", transport.udp)
            await asyncio.sleep(1)
            reader, writer = await asyncio.open_connection(*transport.tcp)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()
            assert log.events.empty()
            transport.set_link(True)
            other.sendto(b"again", transport.udp)
            assert await log.events.get() == ("received", b"again", "udp")
        await transport.close()

    run(scenario)
