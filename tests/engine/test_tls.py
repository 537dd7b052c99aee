"""SIP over TLS on loopback: whom we trust, what is told where we do not, and which connection is used again."""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offhook.engine.tls import TlsClient, TlsPeer, TlsSettings
from offhook.engine.transport import SipTransport, TlsListen
from offhook.errors import NetworkError
from offhook.sip.events import Address, Flow, Transmit, Transport
from tests.support.certs import Authority, Pair, issue, lock_key, make_authority
from tests.support.virtual_loop import run

HERE = "127.0.0.1"
OLD = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), "DNS:pbx.example")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return Pair(authority.certificate, authority.key)


class Log:
    """A TransportReceiver that writes down."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        self.flows: list[Flow] = []

    def received(self, data: bytes, flow: Flow) -> None:
        self.events.put_nowait(("received", data))

    def opened(self, flow: Flow) -> None:
        self.flows.append(flow)
        self.events.put_nowait(("opened", flow.transport))

    def closed(self, flow: Flow) -> None:
        self.events.put_nowait(("closed", flow.transport))

    def failed(self, transport: Transport, remote: Address, reason: str) -> None:
        self.events.put_nowait(("failed", reason))


class Server(asyncio.Protocol):
    """A TLS server that keeps what it reads, and knows which name it was asked for."""

    def __init__(self) -> None:
        self.read: asyncio.Queue[bytes] = asyncio.Queue()
        self.asked_for: list[str | None] = []
        self.connections: list[asyncio.Transport] = []
        self.address: Address = ("", 0)

    async def open(self, context: ssl.SSLContext) -> "Server":
        context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)
        self._server = await asyncio.get_running_loop().create_server(lambda: self, HERE, 0, ssl=context)
        self.address = self._server.sockets[0].getsockname()[:2]
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.connections.append(transport)

    def data_received(self, data: bytes) -> None:
        self.read.put_nowait(data)

    async def close(self) -> None:
        for connection in self.connections:
            connection.abort()
        self._server.close()
        await asyncio.sleep(0.1)


async def phone(log: Log, client: TlsClient | None = None, **settings: TlsSettings) -> SipTransport:
    transport = SipTransport(log, settings, client=client)
    await transport.open(HERE, 0)
    return transport


async def outcome(
    pair: Pair, name: str, settings: TlsSettings, client: TlsClient | None = None, clients_from: Path | None = None
) -> str:
    """Send one message to a server with this certificate: an empty text when it arrives, else what is reported."""
    log = Log()
    server = await Server().open(pair.server_context(clients_from))
    transport = await phone(log, client, desk=settings)
    transport.send(Transmit(b"OPTIONS", "tls", server.address, name=name, account="desk"))
    kind, what = await log.events.get()
    while kind in ("opened", "closed"):
        taken: set[asyncio.Task[object]] = {
            asyncio.ensure_future(server.read.get()),
            asyncio.ensure_future(log.events.get()),
        }
        done, waiting = await asyncio.wait(taken, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        result = done.pop().result()
        kind, what = result if isinstance(result, tuple) else ("arrived", "")
    await transport.close()
    await server.close()
    assert kind in ("arrived", "failed"), kind
    return str(what)


def attempt(pair: Pair, name: str, settings: TlsSettings, **more: object) -> str:
    return run(lambda: outcome(pair, name, settings, **more))  # type: ignore[arg-type]  # passed on as they are


def test_a_server_with_its_own_name_from_a_known_authority_is_spoken_to(authority: Authority, pair: Pair) -> None:
    assert attempt(pair, "pbx.example", TlsSettings(ca=authority.ca_file)) == ""


def test_the_name_is_the_sip_domain_and_not_what_dns_leads_to(authority: Authority) -> None:
    uri = issue(authority, "URI:sip:example.net,DNS:host7.example.org")
    assert attempt(uri, "example.net", TlsSettings(ca=authority.ca_file)) == ""


def test_another_name_is_refused_in_one_line_that_names_all_and_both_settings(authority: Authority, pair: Pair) -> None:
    reason = attempt(pair, "other.example", TlsSettings(ca=authority.ca_file, name="third.example"))
    for word in ("pbx.example", "other.example", "third.example", "tls.name", "tls.allow_wildcard"):
        assert word in reason
    assert "\n" not in reason


def test_tls_name_takes_a_server_by_another_name(authority: Authority, pair: Pair) -> None:
    settings = TlsSettings(ca=authority.ca_file, name="pbx.example")
    assert attempt(pair, "other.example", settings) == ""
    assert attempt(pair, HERE, settings) == ""


def test_a_server_by_its_address_needs_a_certificate_for_that_or_tls_name(authority: Authority, pair: Pair) -> None:
    settings = TlsSettings(ca=authority.ca_file)
    assert HERE in attempt(pair, HERE, settings)
    assert attempt(issue(authority, f"IP:{HERE}"), HERE, settings) == ""


def test_a_hop_by_address_may_show_the_name_of_the_accounts_server(authority: Authority, pair: Pair) -> None:
    assert attempt(pair, HERE, TlsSettings(ca=authority.ca_file, domain="pbx.example")) == ""


@pytest.mark.parametrize("name", [".pbx.example", "a..b", f"{'x' * 70}.example", "é" * 80, "pbx_1 .example", "a\0b"])
def test_a_name_that_no_handshake_can_say_is_judged_as_any_other(authority: Authority, pair: Pair, name: str) -> None:
    settings = TlsSettings(ca=authority.ca_file)
    assert "not for" in attempt(pair, name, settings), "a Contact may name anything, beside a maddr"
    assert attempt(pair, "pbx.example", TlsSettings(name=name, ca=authority.ca_file)) == ""
    client = TlsClient({"desk": TlsSettings(name=name)})
    client.emergency = True
    assert attempt(pair, HERE, TlsSettings(name=name), client=client) == ""


def test_wildcards_are_refused_unless_the_account_allows_them(authority: Authority) -> None:
    wild = issue(authority, "DNS:*.pbx.example")
    assert "*.pbx.example" in attempt(wild, "a.pbx.example", TlsSettings(ca=authority.ca_file))
    assert attempt(wild, "a.pbx.example", TlsSettings(ca=authority.ca_file, allow_wildcard=True)) == ""


def test_an_authority_that_nobody_knows_is_refused_and_the_setting_named(pair: Pair) -> None:
    assert "tls.ca" in attempt(pair, "pbx.example", TlsSettings())


def test_a_certificate_out_of_date_is_refused_and_the_reason_told(authority: Authority) -> None:
    old = issue(authority, "DNS:pbx.example", begin=OLD, end=OLD + timedelta(days=1))
    assert "expired" in attempt(old, "pbx.example", TlsSettings(ca=authority.ca_file))
    early = issue(authority, "DNS:pbx.example", begin=datetime.now(UTC) + timedelta(days=1), end=datetime(2099, 1, 1))
    assert "not yet valid" in attempt(early, "pbx.example", TlsSettings(ca=authority.ca_file))


@pytest.mark.parametrize("file", ["missing.pem", "rubbish.pem"])
def test_files_that_cannot_be_used_are_named_with_their_setting(tmp_path: Path, pair: Pair, file: str) -> None:
    (tmp_path / "rubbish.pem").write_text("no certificate")
    bad = tmp_path / file
    reason = attempt(pair, "pbx.example", TlsSettings(ca=bad))
    assert "tls.ca" in reason
    assert file in reason
    reason = attempt(pair, "pbx.example", TlsSettings(certificate=bad, key=bad))
    assert "tls.certificate" in reason
    assert file in reason


def test_a_client_certificate_is_shown_where_the_server_asks(authority: Authority, pair: Pair) -> None:
    mine = issue(authority, "DNS:phone.example")
    settings = TlsSettings(ca=authority.ca_file, certificate=mine.certificate, key=mine.key)
    assert attempt(pair, "pbx.example", settings, clients_from=authority.ca_file) == ""
    reason = attempt(pair, "pbx.example", TlsSettings(ca=authority.ca_file), clients_from=authority.ca_file)
    assert "tls.certificate" in reason


def test_a_server_without_tls_gets_nothing_in_the_clear_and_that_is_said() -> None:
    async def scenario() -> None:
        log, read = Log(), bytearray()

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            read.extend(await reader.read(4096))
            writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(plain, HERE, 0)
        transport = await phone(log)
        transport.send(Transmit(b"REGISTER", "tls", server.sockets[0].getsockname()[:2], name="pbx.example"))
        kind, reason = await log.events.get()
        assert kind == "failed"
        assert "speaks no TLS" in str(reason)
        assert b"REGISTER" not in read
        await transport.close()
        server.close()

    run(scenario)


def test_the_handshake_asks_for_the_sip_domain_and_never_for_an_address(authority: Authority) -> None:
    both = issue(authority, f"DNS:pbx.example,IP:{HERE}")

    async def scenario() -> None:
        settings = TlsSettings(ca=authority.ca_file)
        for name, asked in (("pbx.example", "pbx.example"), (HERE, None)):
            server, log = await Server().open(both.server_context()), Log()
            transport = await phone(log, desk=settings)
            transport.send(Transmit(b"x", "tls", server.address, name=name, account="desk"))
            assert (await log.events.get())[0] == "opened"
            assert server.asked_for in ([asked], [] if asked is None else [asked])
            await transport.close()
            await server.close()
        assert TlsPeer(HERE, TlsSettings(name="pbx.example")).server_name == "pbx.example"
        assert TlsPeer("bücher.example", TlsSettings()).server_name == "xn--bcher-kva.example"

    run(scenario)


def test_one_connection_serves_all_that_goes_to_its_server(authority: Authority) -> None:
    pair = issue(authority, "DNS:pbx.example,DNS:two.example")

    async def scenario() -> None:
        server, log = await Server().open(pair.server_context()), Log()
        settings = TlsSettings(ca=authority.ca_file)
        transport = await phone(log, desk=settings, hall=settings, other=TlsSettings(settings.name, True, settings.ca))
        sent = [("pbx.example", "desk"), ("pbx.example", "desk"), ("two.example", "hall"), (HERE, "desk")]
        for name, account in sent:  # the last as a proxy's Record-Route has it
            transport.send(Transmit(b"x", "tls", server.address, name=name, account=account))
            if not log.flows:
                assert await log.events.get() == ("opened", "tls")
        assert log.events.empty()
        transport.send(Transmit(b"y", "tls", server.address, name="pbx.example", account="other"))
        assert await log.events.get() == ("opened", "tls")
        assert len(log.flows) == 2, "an account with other settings has a connection of its own"
        await transport.close()
        await server.close()

    run(scenario)


def test_a_name_that_the_certificate_lacks_does_not_ride_on_a_connection_that_is_up(
    authority: Authority, pair: Pair
) -> None:
    async def scenario() -> None:
        server, log = await Server().open(pair.server_context()), Log()
        transport = await phone(log, desk=TlsSettings(ca=authority.ca_file))
        transport.send(Transmit(b"x", "tls", server.address, name="pbx.example", account="desk"))
        assert (await log.events.get())[0] == "opened"
        assert await server.read.get() == b"x"
        transport.send(Transmit(b"secret", "tls", server.address, name="evil.example", account="desk"))
        kind, reason = await log.events.get()
        assert kind == "failed"
        assert "evil.example" in str(reason)
        assert server.read.empty()
        await transport.close()
        await server.close()

    run(scenario)


def test_a_request_of_the_server_comes_by_our_connection_and_its_answer_goes_back_by_it(
    authority: Authority, pair: Pair
) -> None:
    async def scenario() -> None:
        server, log = await Server().open(pair.server_context()), Log()
        transport = await phone(log, desk=TlsSettings(ca=authority.ca_file))
        transport.send(Transmit(b"x", "tls", server.address, name="pbx.example", account="desk"))
        await log.events.get()
        await server.read.get()
        server.connections[0].write(b"OPTIONS")
        assert await log.events.get() == ("received", b"OPTIONS")
        transport.send(Transmit(b"200", "tls", server.address, log.flows[0]))
        assert await server.read.get() == b"200"
        assert transport.local_address("tls", HERE) == log.flows[0].local
        assert len(server.connections) == 1
        await transport.close()
        await server.close()

    run(scenario)


def test_messages_that_arrive_together_are_all_heard(authority: Authority, pair: Pair) -> None:
    async def scenario() -> None:
        server, log = await Server().open(pair.server_context()), Log()
        transport = await phone(log, desk=TlsSettings(ca=authority.ca_file))
        transport.send(Transmit(b"x", "tls", server.address, name="pbx.example", account="desk"))
        await log.events.get()
        await server.read.get()
        rows = [b"%d" % number * 900 for number in range(30)]
        for row in rows:
            server.connections[0].write(row)  # each a TLS record of its own
        heard = b""
        while len(heard) < sum(map(len, rows)):
            heard += (await log.events.get())[1]  # type: ignore[operator]  # received, and bytes
        assert heard == b"".join(rows)
        await transport.close()
        await server.close()

    run(scenario)


def test_where_it_is_configured_tls_connections_are_taken(authority: Authority, pair: Pair) -> None:
    async def scenario() -> None:
        here, there = Log(), Log()
        phone_there = SipTransport(there, tls_listen=TlsListen(HERE, 0, pair.certificate, pair.key))
        await phone_there.open(HERE, 0)
        assert phone_there.tls is not None
        assert phone_there.local_address("tls", HERE) == phone_there.tls
        transport = await phone(here, desk=TlsSettings(ca=authority.ca_file))
        assert transport.tls is None
        transport.send(Transmit(b"x", "tls", phone_there.tls, name="pbx.example", account="desk"))
        assert await there.events.get() == ("opened", "tls")
        assert await there.events.get() == ("received", b"x")
        back = there.flows[0].remote
        phone_there.send(Transmit(b"y", "tls", back, name=back[0]))  # a BYE to the Contact of who called
        while (event := await here.events.get())[0] == "opened":
            pass
        assert event == ("received", b"y")
        await transport.close()
        await phone_there.close()

    run(scenario)


def test_a_crowd_that_never_ends_its_handshake_takes_no_more_than_a_few_connections(pair: Pair) -> None:
    async def scenario() -> None:
        log = Log()
        transport = SipTransport(log, {}, TlsListen(HERE, 0, pair.certificate, pair.key))
        await transport.open(HERE, 0)
        assert transport.tls is not None
        before = len(os.listdir("/proc/self/fd"))
        crowd = [socket.create_connection(transport.tls) for _ in range(60)]
        await asyncio.sleep(0.2)
        assert len(os.listdir("/proc/self/fd")) - before - len(crowd) <= 16
        for one in crowd:
            one.close()
        await asyncio.sleep(0.2)
        assert log.events.empty()
        await transport.close()
        await asyncio.sleep(0.1)

    run(scenario)


def test_a_renewed_authority_is_read_without_a_restart(authority: Authority, pair: Pair, tmp_path: Path) -> None:
    other = make_authority(tmp_path / "other", "DNS:pbx.example")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(other.ca_file.read_bytes())

    async def scenario() -> None:
        server, log = await Server().open(pair.server_context()), Log()
        transport = await phone(log, desk=TlsSettings(ca=ca))
        item = Transmit(b"x", "tls", server.address, name="pbx.example", account="desk")
        transport.send(item)
        assert (await log.events.get())[0] == "failed"
        ca.with_suffix(".new").write_bytes(authority.ca_file.read_bytes())
        ca.with_suffix(".new").replace(ca)
        transport.send(item)
        assert await log.events.get() == ("opened", "tls")
        await transport.close()
        await server.close()

    run(scenario)


def test_a_renewed_certificate_is_shown_without_a_restart_and_the_old_one_until_it_is_whole(
    authority: Authority, pair: Pair, tmp_path: Path
) -> None:
    shown, key = tmp_path / "own.pem", tmp_path / "own.key"
    stranger = make_authority(tmp_path / "other", "DNS:pbx.example")
    shown.write_bytes(stranger.certificate.read_bytes())
    key.write_bytes(stranger.key.read_bytes())

    async def scenario() -> None:
        here, there = Log(), Log()
        phone_there = SipTransport(there, tls_listen=TlsListen(HERE, 0, shown, key))
        await phone_there.open(HERE, 0)
        assert phone_there.tls is not None
        transport = await phone(here, desk=TlsSettings(ca=authority.ca_file))
        item = Transmit(b"x", "tls", phone_there.tls, name="pbx.example", account="desk")
        outcomes = []
        for renewed in (None, (shown, pair.certificate), (key, pair.key)):
            if renewed is not None:
                renewed[0].write_bytes(renewed[1].read_bytes())
            transport.send(item)
            outcomes.append((await here.events.get())[0])
        assert outcomes == ["failed", "failed", "opened"]
        await transport.close()
        await phone_there.close()

    run(scenario)


def test_a_certificate_of_ours_that_cannot_be_used_costs_no_more_than_tls(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        transport = SipTransport(Log(), tls_listen=TlsListen(HERE, 0, tmp_path / "no.pem", tmp_path / "no.key"))
        await transport.open(HERE, 0)
        assert transport.tls is None
        assert transport.udp[1]
        await transport.close()

    run(scenario)
    assert "sip.tls_listen" in caplog.text


class Clock:
    """A time of day that a test sets."""

    def __init__(self, now: datetime, known: bool) -> None:
        self.now, self.known = now, known

    def client(self, **accounts: TlsSettings) -> TlsClient:
        return TlsClient(accounts, lambda: self.known, lambda: self.now.timestamp())


def test_before_the_time_is_known_dates_do_not_count_and_all_else_does(authority: Authority, pair: Pair) -> None:
    old = issue(authority, "DNS:pbx.example", begin=OLD, end=OLD + timedelta(days=1))
    settings = TlsSettings(ca=authority.ca_file)
    client = Clock(OLD, False).client(desk=settings)
    assert attempt(old, "pbx.example", settings, client=client) == ""
    assert "other.example" in attempt(old, "other.example", settings, client=client)
    assert "tls.ca" in attempt(old, "pbx.example", TlsSettings(), client=Clock(OLD, False).client())


@pytest.mark.parametrize("good", [True, False])
def test_once_the_time_is_known_live_connections_are_judged_again(
    authority: Authority, pair: Pair, good: bool, caplog: pytest.LogCaptureFixture
) -> None:
    shown = pair if good else issue(authority, "DNS:pbx.example", begin=OLD, end=OLD + timedelta(days=1))

    async def scenario() -> None:
        clock = Clock(OLD, False)
        settings = TlsSettings(ca=authority.ca_file)
        server, log = await Server().open(shown.server_context()), Log()
        transport = await phone(log, clock.client(desk=settings), desk=settings)
        transport.send(Transmit(b"x", "tls", server.address, name="pbx.example", account="desk"))
        assert (await log.events.get())[0] == "opened"
        transport.recheck()
        await asyncio.sleep(1)
        assert log.events.empty(), "as long as the time is unknown nothing is held against it"
        clock.now, clock.known = datetime.now(UTC), True
        transport.recheck()
        await asyncio.sleep(1)
        assert log.events.empty() is good
        await transport.close()
        await server.close()

    run(scenario)
    assert ("expired" in caplog.text) is not good


def test_in_an_emergency_no_certificate_stands_in_the_way(authority: Authority) -> None:
    bad = issue(authority, "DNS:elsewhere.example", begin=OLD, end=OLD + timedelta(days=1))
    settings = TlsSettings()
    client = TlsClient({"desk": settings})
    assert attempt(bad, "pbx.example", settings, client=client) != ""
    client.emergency = True
    assert attempt(bad, "pbx.example", settings, client=client) == ""
    client.emergency = False
    assert attempt(bad, "pbx.example", settings, client=client) != ""


def test_a_connection_that_an_emergency_let_in_ends_with_it(authority: Authority, pair: Pair) -> None:
    async def scenario() -> None:
        client = TlsClient()
        server, log = await Server().open(pair.server_context()), Log()
        transport = await phone(log, client)
        client.emergency = True
        transport.send(Transmit(b"x", "tls", server.address, name="pbx.example"))
        assert (await log.events.get())[0] == "opened"
        transport.recheck()
        await asyncio.sleep(1)
        assert log.events.empty()
        client.emergency = False
        transport.recheck()
        assert await log.events.get() == ("closed", "tls")
        await transport.close()
        await server.close()

    run(scenario)


def test_once_the_emergency_is_over_only_what_belongs_to_it_goes_by_the_connection_that_it_let_in(pair: Pair) -> None:
    async def scenario() -> None:
        client = TlsClient()
        server, log = await Server().open(pair.server_context()), Log()
        transport = await phone(log, client)
        client.emergency = True
        transport.send(Transmit(b"INVITE", "tls", server.address, name="pbx.example", lenient=True))
        assert (await log.events.get())[0] == "opened"
        assert await server.read.get() == b"INVITE"
        client.emergency = False
        transport.send(Transmit(b"BYE", "tls", server.address, name="pbx.example", lenient=True))
        transport.send(Transmit(b"BYE", "tls", server.address, name=HERE, lenient=True))  # by a Record-Route
        assert await server.read.get() == b"BYEBYE"
        for name in ("pbx.example", HERE):
            transport.send(Transmit(b"REGISTER with a digest", "tls", server.address, name=name))
            assert (await log.events.get())[0] == "failed"
        assert server.read.empty()
        await transport.close()
        await server.close()

    run(scenario)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"notBefore": "Jan  1 00:00:00 2020 GMT", "notAfter": "Jan  1 00:00:00 2030 GMT"}, ""),
        ({"notBefore": "Jan  1 00:00:00 2020 GMT", "notAfter": "Jan  1 00:00:00 2021 GMT"}, "expired"),
        ({"notBefore": "Jan  1 00:00:00 2029 GMT", "notAfter": "Jan  1 00:00:00 2030 GMT"}, "not valid before"),
        ({"notBefore": "rubbish"}, ""),
        ({}, ""),
    ],
)
def test_every_certificate_of_a_chain_is_judged_by_its_dates(row: Mapping[str, object], fault: str) -> None:
    client = Clock(datetime(2026, 11, 22, tzinfo=UTC), True).client()
    assert fault in client.faults([{}, row])
    assert bool(client.faults([{}, row])) is bool(fault)


def test_a_key_with_a_password_is_refused_rather_than_asked_for(authority: Authority) -> None:
    locked = lock_key(authority.key, "secret")
    client = TlsClient({"desk": TlsSettings(certificate=authority.certificate, key=locked)})
    with pytest.raises(NetworkError, match=r"tls\.key"):
        client.context(client.peer("pbx.example", "desk"))
