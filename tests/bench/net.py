"""``./dev bench net``: how long the phone needs to be back when the network lets it down.

Real phones in a namespace with a cable that is pulled, a registrar that dies, a NAT that forgets; the servers are
those of ``tests/support/registrar.py``. Every figure is in seconds.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from offhook.engine.dns_client import DnsClient
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.dns_server import dns_server
from tests.support.netns import OUTSIDE_IP, SERVER_IP, Room
from tests.support.phone import Phone, account, config
from tests.support.registrar import Nat, Registrar

CHANGED_IP = "10.77.1.77"


@dataclass(frozen=True)
class Flap:
    """After a link came back with another address: until registered from it, until sound came from it."""

    registered: float
    sound: float


def phone_in(room: Room, folder: Path, server: str, listen: str = "0.0.0.0:5060", more: tuple[str, ...] = ()) -> Phone:
    """A phone in a room, registered at ``server``."""
    text = config(account(server, more=more), listen=listen)
    phone = Phone(folder, text, prefix=room.prefix)
    phone.wait_registered()
    return phone


def until_registered_again(folder: Path, outage: float) -> float:
    """From the return of a registrar that was away for ``outage`` seconds to the REGISTER that it answers."""
    with Room(folder / "room") as room:
        registrar = Registrar(OUTSIDE_IP)
        port = registrar.port
        with phone_in(room, folder / "phone", registrar.address):
            registrar.stop()
            time.sleep(outage)
            begin = time.monotonic()
            with Registrar(OUTSIDE_IP, port) as back:
                return back.wait_for("REGISTER", begin, 130).t - begin


def after_flap(folder: Path, away: float = 2.0) -> Flap:
    """Pull the cable in a call, put it in again with another address."""
    with (
        Room(folder / "room") as room,
        Registrar(OUTSIDE_IP) as registrar,
        phone_in(room, folder / "phone", registrar.address) as phone,
    ):
        phone.call("1002")
        phone.wait_state("TALKING")
        wait(lambda: len(registrar.rtp) > 20, "sound", 10)
        room.pull()
        time.sleep(away)
        room.change_address(CHANGED_IP)
        begin = time.monotonic()
        room.plug()
        registered = wait(lambda: first_from(registrar, "REGISTER", CHANGED_IP), "REGISTER from there", 30)
        sound = wait(lambda: next((t for t, (ip, _) in registrar.rtp if ip == CHANGED_IP), 0.0), "sound", 30)
        assert f"IP4 {CHANGED_IP}" in registrar.wait_for("INVITE", begin, 10).text
        assert phone.status()["phone"] == "TALKING"
        return Flap(registered - begin, sound - begin)


def after_rebinding(folder: Path) -> float:
    """From a NAT's forgetting to an OPTIONS of the registrar that the phone answers."""
    with (
        Room(folder / "room") as room,
        Registrar(SERVER_IP) as registrar,
        Nat(OUTSIDE_IP, (SERVER_IP, registrar.port)) as nat,
        phone_in(room, folder / "phone", f"{OUTSIDE_IP}:{nat.port}"),
    ):
        time.sleep(1)
        nat.forget()
        begin = time.monotonic()
        while time.monotonic() < begin + 60:
            last = [message for message in registrar.heard if message.method == "REGISTER"][-1]
            registrar.options_to("sip:1001@phone", last.source)
            time.sleep(0.25)
            if answers := [row.t for row in registrar.heard if row.method == "SIP/2.0" and row.t > begin]:
                return answers[0] - begin
    raise AssertionError("the phone is not reachable within 60 s")


async def until_next_target() -> float:
    """From a REGISTER to a first SRV target that is silent to the one to the second."""
    with Registrar("127.0.0.1", mute=True) as dead, Registrar("127.0.0.1") as alive:
        zone = {
            ("_sip._udp.pbx.test", "SRV"): (f"10 0 {dead.port} one.pbx.test.", f"20 0 {alive.port} two.pbx.test."),
            ("one.pbx.test", "A"): ("127.0.0.1",),
            ("two.pbx.test", "A"): ("127.0.0.1",),
        }
        async with dns_server(zone) as names:
            resolver = Resolver(DnsClient(["127.0.0.1"], names.port))
            shell = EndpointShell(EndpointSettings(), os.urandom, lambda event: None, resolver)
            await shell.open("127.0.0.1", 0)
            shell.endpoint.register(AccountSettings("a", "sip:1@pbx.test", "1", "", "pbx.test", "udp"), shell.now())
            shell.pump()
            while not (found := [row.t for row in alive.heard if row.method == "REGISTER"]):
                await asyncio.sleep(0.02)
            await shell.close()
            return found[0] - dead.heard[0].t


def first_from(registrar: Registrar, method: str, ip: str) -> float:
    """When the first request of this method came from an address, 0: not yet."""
    return next((row.t for row in registrar.heard if row.method == method and row.source[0] == ip), 0.0)


def wait(found: Callable[[], float | bool], what: str, timeout: float) -> float:
    """Wait until ``found()`` is true, and return it."""
    end = time.monotonic() + timeout
    while not (value := found()):
        if time.monotonic() > end:
            raise AssertionError(f"no {what} within {timeout:g} s")
        time.sleep(0.02)
    return float(value)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="offhook-net-") as name:
        folder = Path(name)

        def row(what: str, seconds: float, aim: str) -> None:
            print(f"| {what} | {seconds:.1f} s | {aim} | {os.getloadavg()[0]:.1f} |", flush=True)

        print("| figure | offhook | aim | load |\n|---|---|---|---|")
        flap = after_flap(folder / "flap")
        row("link back with another address: registered from it", flap.registered, "<= 5 s")
        row("the same, in a call: sound from it", flap.sound, "<= 5 s")
        row("first SRV target silent: the next one is asked", asyncio.run(until_next_target()), "<= 6 s")
        row("NAT binding changed: reachable again", after_rebinding(folder / "nat"), "<= 30 s")
        row("registrar away for 30 s: registered again", until_registered_again(folder / "short", 30), "<= 35 s")
        row("registrar away for 200 s: registered again", until_registered_again(folder / "long", 200), "<= 120 s")
