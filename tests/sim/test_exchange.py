"""The built-in exchange, called by a bare endpoint over loopback in virtual time."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from offhook.emergency.invite import invite_with_location
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.rtp.packet import RtpPacket
from offhook.sdp.description import SessionDescription
from offhook.sdp.negotiate import LocalMedia, accept_answer, make_offer
from offhook.sim.exchange import Exchange
from offhook.sip import events as sip
from offhook.sip.events import Body
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.virtual_loop import run


async def no_words(text: str) -> Path | None:
    return None


class Caller:
    """A phone without a person: an endpoint, an RTP socket and the events so far."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.events: asyncio.Queue[sip.Event] = asyncio.Queue()
        self.shell = EndpointShell(EndpointSettings(), os.urandom, self.events.put_nowait, Resolver())
        self.account = AccountSettings("a", f"sip:1001@{server[0]}", "1001", "", f"{server[0]}:{server[1]}", "udp")
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.setblocking(False)
        self.rtp.bind(("127.0.0.1", 0))
        self.media = LocalMedia("127.0.0.1", self.rtp.getsockname()[1])
        self.offer = make_offer(self.media, 1, 1)

    async def open(self) -> None:
        await self.shell.open("127.0.0.1", 0)
        self.shell.endpoint.register(self.account, self.shell.now())
        self.shell.pump()
        assert isinstance(await self.next(), sip.Registered)

    async def next(self) -> sip.Event:
        return await self.events.get()

    async def until(self, kind: type[sip.Event]) -> sip.Event:
        while not isinstance(event := await self.next(), kind):
            pass
        return event

    def call(self, target: str, body: Body | None = None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        offer = body or Body("application/sdp", bytes(self.offer))
        self.shell.endpoint.call("c", "a", target, offer, self.shell.now(), headers=headers)
        self.shell.pump()

    async def close(self) -> None:
        self.rtp.close()
        await self.shell.close()


def with_exchange(scenario: Callable[[Caller], Awaitable[None]]) -> None:
    async def main() -> None:
        exchange = Exchange(no_words)
        caller = Caller(await exchange.open())
        await caller.open()
        try:
            await scenario(caller)
        finally:
            await caller.close()
            await exchange.close()

    run(main)


def test_100_echoes_what_it_hears() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:100@offhook.invalid")
        assert isinstance(await caller.until(sip.CallProgress), sip.CallProgress)
        accepted = await caller.until(sip.CallAccepted)
        assert isinstance(accepted, sip.CallAccepted)
        assert accepted.body is not None
        plan = accept_answer(caller.offer, SessionDescription.parse(accepted.body.data), caller.media)
        assert plan.remote is not None
        loop = asyncio.get_running_loop()
        heard: list[bytes] = []
        for number in range(40):
            payload = bytes([number]) * 160
            caller.rtp.sendto(RtpPacket(0, number, number * 160, 7, payload).serialize(), plan.remote)
            await asyncio.sleep(0.02)
        while len(heard) < 15:
            heard.append(bytes(RtpPacket.parse(await loop.sock_recv(caller.rtp, 2048)).payload))
        assert heard[:15] == [bytes([number]) * 160 for number in range(15)]

    with_exchange(scenario)


def test_101_is_busy() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:101@offhook.invalid")
        refused = await caller.until(sip.CallRefused)
        assert isinstance(refused, sip.CallRefused)
        assert refused.status == 486

    with_exchange(scenario)


def test_102_rings_until_the_caller_gives_up() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:102@offhook.invalid")
        await caller.until(sip.CallProgress)
        await asyncio.sleep(60)
        assert caller.events.empty()
        caller.shell.endpoint.hang_up("c", caller.shell.now())
        caller.shell.pump()

    with_exchange(scenario)


def test_103_hangs_up_and_calls_back() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:103@offhook.invalid")
        await caller.until(sip.CallAccepted)
        await caller.until(sip.CallOver)
        incoming = await caller.until(sip.IncomingCall)
        assert isinstance(incoming, sip.IncomingCall)
        assert "103" in str(incoming.peer.uri)

    with_exchange(scenario)


def test_an_unknown_number_is_not_found() -> None:
    async def scenario(caller: Caller) -> None:
        caller.call("sip:999999@offhook.invalid")
        refused = await caller.until(sip.CallRefused)
        assert isinstance(refused, sip.CallRefused)
        assert refused.status == 404

    with_exchange(scenario)


@pytest.mark.parametrize("target", ["urn:service:sos", "urn:service:sos.police"])
def test_the_stub_desk_takes_an_emergency_call_with_location(target: str) -> None:
    async def scenario(caller: Caller) -> None:
        invite = invite_with_location(bytes(caller.offer), b"<presence/>", "loc.1@offhook.invalid", "frontier")
        caller.call(target, Body(invite.content_type, invite.body), invite.headers)
        assert isinstance(await caller.until(sip.CallAccepted), sip.CallAccepted)

    with_exchange(scenario)
