"""A phone, a name server and registrars on loopback: who is asked, and who is asked next. Time is virtual."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from offhook.engine.dns_client import DnsClient
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.sip import events as ev
from offhook.sip.events import Event
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.dns_server import DnsServer, dns_server
from tests.support.virtual_loop import run

DOMAIN = "pbx.example"


class Registrar:
    """Answers REGISTER with 200, or with ``status``."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.requests = 0
        settings = EndpointSettings(any_user=True, deliver=frozenset({"REGISTER"}))
        self.shell = EndpointShell(settings, os.urandom, self._take, Resolver())

    def _take(self, event: Event) -> None:
        if isinstance(event, ev.RequestReceived):
            self.requests += 1
            contact = event.request.headers.get("Contact") or ""
            headers = (("Contact", f"{contact.split(',')[0]};expires=600"),) if self.status == 200 else ()
            self.shell.endpoint.respond(event.key, self.status, "", self.shell.now(), headers=headers)
            self.shell.pump()

    @property
    def port(self) -> int:
        return self.shell.transport.udp[1]


async def nothing_else(name: str) -> list[str]:
    """The system knows no names of its own."""
    raise socket.gaierror(-2, f"{name}: Name or service not known")


class Phone:
    """One account at :data:`DOMAIN`, found by the name server at ``port``."""

    def __init__(self, port: int) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        resolver = Resolver(DnsClient(["127.0.0.1"], port), nothing_else)
        self.shell = EndpointShell(EndpointSettings(), os.urandom, self.events.put_nowait, resolver)

    def register(self) -> None:
        account = AccountSettings("desk", f"sip:1001@{DOMAIN}", "1001", "secret", DOMAIN, None)
        self.shell.endpoint.register(account, self.shell.now())
        self.shell.pump()

    async def heard(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(200):
            while not isinstance(event := await self.events.get(), kind):
                pass
        return event


@asynccontextmanager
async def scene(*registrars: Registrar) -> AsyncIterator[tuple[Phone, DnsServer]]:
    """Open everything; the zone is still empty."""
    async with dns_server({}, ttl=30) as names:
        phone = Phone(names.port)
        shells = [phone.shell, *(registrar.shell for registrar in registrars)]
        for shell in shells:
            await shell.open("127.0.0.1", 0)
        try:
            yield phone, names
        finally:
            for shell in shells:
                await shell.close()


def srv(*ports: int) -> dict[tuple[str, str], list[str]]:
    """A zone whose UDP service is at these ports, best first."""
    rows = [f"{place} 1 {port} host.{DOMAIN}." for place, port in enumerate(ports)]
    return {(f"_sip._udp.{DOMAIN}", "SRV"): rows, (f"host.{DOMAIN}", "A"): ["127.0.0.1"], (DOMAIN, "A"): ["127.0.0.9"]}


def test_a_silent_first_server_costs_six_seconds() -> None:
    async def scenario() -> tuple[float, int]:
        second = Registrar()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            async with scene(second) as (phone, names):
                names.zone = srv(silent.getsockname()[1], second.port)
                begin = phone.shell.now()
                phone.register()
                await phone.heard(ev.Registered)
                return phone.shell.now() - begin, second.requests

    waited, requests = run(scenario)
    assert 6.0 <= waited < 6.5
    assert requests == 1


def test_a_first_server_whose_port_is_closed_costs_nothing() -> None:
    async def scenario() -> float:
        second = Registrar()
        async with scene(second) as (phone, names):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
                closed.bind(("127.0.0.1", 0))
                port = closed.getsockname()[1]
            names.zone = srv(port, second.port)
            begin = phone.shell.now()
            phone.register()
            await phone.heard(ev.Registered)
            return phone.shell.now() - begin

    assert run(scenario) < 0.6


def test_when_all_servers_fail_the_cause_names_each() -> None:
    async def scenario() -> Event:
        first, second = Registrar(503), Registrar(503)
        async with scene(first, second) as (phone, names):
            names.zone = srv(first.port, second.port)
            phone.register()
            return await phone.heard(ev.RegistrationFailed)

    failed = run(scenario)
    assert isinstance(failed, ev.RegistrationFailed)
    assert failed.status == 503
    assert failed.reason.count("503 Service Unavailable") == 2


def test_a_name_server_that_falls_silent_does_not_take_the_phone_along() -> None:
    async def scenario() -> int:
        registrar = Registrar()
        async with scene(registrar) as (phone, names):
            names.zone = srv(registrar.port)
            phone.register()
            await phone.heard(ev.Registered)
            names.silent = True
            phone.shell.endpoint.refresh_registration("desk", phone.shell.now())
            phone.shell.pump()
            await phone.heard(ev.Registered)
            return registrar.requests

    assert run(scenario) == 2


def test_a_domain_that_nobody_knows_is_said_to_be_unknown_and_asked_about_again() -> None:
    async def scenario() -> tuple[str, int]:
        registrar = Registrar()
        async with scene(registrar) as (phone, names):
            phone.register()
            failed = await phone.heard(ev.RegistrationFailed)
            assert isinstance(failed, ev.RegistrationFailed)
            names.zone = srv(registrar.port)
            await phone.heard(ev.Registered)
            return failed.reason, registrar.requests

    reason, requests = run(scenario)
    assert "check `server`" in reason
    assert requests == 1
