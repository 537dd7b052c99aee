"""Phones with a hand on them, joined by a small proxy: all but board, media process and card is real, in virtual time.

::

    async def scenario(one: Hand, two: Hand, three: Hand) -> None:
        one.lift()
        one.dial("1002")
        await two.rings()
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from offhook.emergency.callback import CallbackWindow
from offhook.emergency.pidf import PidfIdentity
from offhook.engine.agent import Agent
from offhook.engine.caller import EmergencyCaller, EmergencySettings
from offhook.engine.guard import EmergencyGuard
from offhook.engine.leg import Leg
from offhook.engine.observations import CallSeen
from offhook.engine.programs import Programs
from offhook.engine.switchboard import Switchboard, SwitchboardSettings
from offhook.engine.transfers import Transfers
from offhook.phone import events as phone
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.sip import events as sip
from offhook.sip.events import Transport
from offhook.sip.settings import AccountSettings
from tests.support.engine_bench import LOOPBACK, BoardNotes, End, settle
from tests.support.virtual_loop import run

DOMAIN = "pbx.test"
SETTINGS = PhoneSettings(dialplan="1xxx", emergency_numbers=("112",))
_VIA = re.compile(rb"\r\n(?:Via|v):[^\r]*", re.IGNORECASE)
_SENT_BY = re.compile(rb"SIP/2.0/UDP ([0-9.]+):([0-9]+)")
_IDENTITY = PidfIdentity(entity="pres:phone@pbx.test", device_id="urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")


class Proxy(asyncio.DatagramProtocol):
    """A stateless proxy: a user of the domain is where :attr:`users` says, anything else where its URI does."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport
        self.users: dict[str, tuple[str, int]] = {}
        self.refuse: Callable[[bytes], bool] = lambda data: False
        self.seen: list[bytes] = []

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        address: tuple[str, int] = self.transport.get_extra_info("sockname")
        return address

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Pass a message on: a request by its URI, a response by its Via."""
        self.seen.append(data)
        via = _VIA.search(data)
        if via is None or self.refuse(data):
            return
        if data.startswith(b"SIP/2.0"):
            name, _, values = via[0].partition(b": ")
            below = values.partition(b", ")[2]  # several in one line, or one in each
            data = data[: via.start()] + (name + b": " + below if below else b"") + data[via.end() :]
            sent_by = _SENT_BY.search(data)
            assert sent_by is not None
            self.transport.sendto(data, (sent_by[1].decode(), int(sent_by[2])))
            return
        uri = data.split(b" ", 2)[1].decode()
        user, _, host = uri.removeprefix("sip:").split(";")[0].rpartition("@")
        known = host == DOMAIN or uri.startswith("urn:")
        there = self.users.get(user) if known else (host.split(":")[0], int(host.split(":")[1]))
        branch = re.search(rb"branch=([^;\s]+)", via[0])
        assert branch is not None
        if there is None:
            return
        ours = f"\r\nVia: SIP/2.0/UDP {LOOPBACK}:{self.address[1]};branch=".encode() + branch[1] + b"p"
        self.transport.sendto(data[: via.start()] + ours + data[via.start() :], there)

    def close(self) -> None:
        """Release the socket."""
        self.transport.close()


@dataclass
class Hand(End):
    """One phone and the hand on it. :attr:`notes` is what its ear and bell did, in order."""

    options: PhoneSettings = SETTINGS

    def __post_init__(self) -> None:
        super().__post_init__()
        self.notes = self.media.notes
        self.board = BoardNotes()
        self.board.notes = self.notes
        self.switchboard = Switchboard(
            Phone(self.options), self.board, self.media, self, self, self.seen.append, SwitchboardSettings()
        )
        post = self.switchboard.post
        self.window = CallbackWindow()
        guard = EmergencyGuard(None)
        self.agent = Agent(self.accounts, self.legs, post, lambda name: True, lambda *_: False)
        self.caller = EmergencyCaller(
            EmergencySettings({"112": "urn:service:sos"}, _IDENTITY),
            self.accounts,
            guard,
            self.window,
            self.legs,
            post,
            self,
            lambda name: True,
            lambda n: bytes(n),
        )
        request = self.switchboard.request
        self.programs = Programs(["desk"], self.legs, self, request, lambda: self.caller.up)
        self.switchboard.connect(self.agent, self.caller, self.programs.follow)

    def join(self, server: tuple[str, int], transport: Transport = "udp", name: str = "desk") -> AccountSettings:
        """See End; who moves calls has to know the accounts."""
        account = super().join(server, transport, name)
        self.transfers = Transfers(
            self.shell,
            self.accounts,
            self.legs,
            self.agent,
            self.switchboard.machine.judge,
            lambda *_: False,
            self.switchboard.post,
            self.switchboard.request,
            self.media,
        )
        return account

    def _take(self, event: sip.Event) -> None:
        self.events.append(event)
        if isinstance(event, sip.IncomingCall):
            self.agent.incoming(event)
        elif isinstance(event, sip.TransferRequested):
            self.transfers.requested(event)
        else:
            self.legs.take(event)

    # -- what the switchboard needs beside ---------------------------------------------------------------------------

    def __call__(self, text: str) -> None:
        """Speak."""
        self.notes.append(f"say {text}")

    def hush(self) -> None:
        """See Speaker."""

    def start_dtmf(self, call: str, digit: str) -> None:
        """See Keys."""
        if leg := self.legs.by_call(call):
            self.legs.press(leg, digit)

    def stop_dtmf(self, call: str, digit: str) -> None:
        """See Keys."""
        if leg := self.legs.by_call(call):
            self.legs.release(leg, digit)

    # -- what the hand does ------------------------------------------------------------------------------------------

    def lift(self) -> None:
        """Lift the handset."""
        self.switchboard.post(phone.HookLifted())

    def hang_up(self) -> None:
        """Put it back."""
        self.switchboard.post(phone.HookReplaced())

    def flash(self) -> None:
        """Tap the hook."""
        self.switchboard.post(phone.HookFlash())

    def dial(self, digits: str) -> None:
        """Press keys."""
        for digit in digits:
            self.switchboard.post(phone.KeyDown(digit))  # type: ignore[arg-type]
            self.switchboard.post(phone.KeyUp(digit))  # type: ignore[arg-type]

    # -- what can be seen of it --------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the machine is."""
        return self.switchboard.machine.state

    async def until(self, state: State, limit: float = 40.0) -> None:
        """Wait for a state of the machine."""
        try:
            async with asyncio.timeout(limit):
                while self.state is not state:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{self.user} is {self.state}, not {state}, after {limit:g} s") from None

    async def rings(self) -> None:
        """Wait for the bell."""
        await self.until(State.RINGING)

    def leg(self, call: str) -> Leg:
        """The leg of a call."""
        leg = self.legs.by_call(call)
        assert leg is not None, f"{self.user} has no call {call}"
        return leg

    def heard(self) -> set[str]:
        """Who is in the ear: the peers of the streams that play."""
        return {leg.peer for leg in self.legs if self._flows(leg, "receive")}

    def spoken_to(self) -> set[str]:
        """Who hears this phone: the peers of the streams that send."""
        return {leg.peer for leg in self.legs if self._flows(leg, "send")}

    def _flows(self, leg: Leg, way: str) -> bool:
        plan = self.media.running.get(leg.session.stream) if leg.session is not None else None
        return plan is not None and bool(getattr(plan, way))

    def call_states(self) -> list[str]:
        """States of calls that watchers were told, in order."""
        return [item.state for item in self.seen if isinstance(item, CallSeen)]

    async def talk_to(self, other: "Hand") -> None:
        """Lift, call another phone, and wait until both talk."""
        self.lift()
        self.dial(other.user)
        await other.rings()
        other.lift()
        await self.until(State.TALKING)
        await settle_a_moment()


async def settle_a_moment() -> None:
    """Let what is on the wire arrive."""
    await asyncio.sleep(0.5)


def among(
    scenario: Callable[..., Awaitable[None]],
    phones: int = 3,
    options: PhoneSettings = SETTINGS,
    idle: bool = True,
    limit: float = 40.0,
) -> None:
    """Run ``scenario(proxy, *phones)``; where ``idle``, nothing may be left of any call ``limit`` seconds later."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, proxy = await loop.create_datagram_endpoint(Proxy, local_addr=(LOOPBACK, 0))
        proxy.transport = transport
        hands = [Hand(f"{1001 + n}", options=options) for n in range(phones)]
        try:
            for hand in hands:
                await hand.open()
                proxy.users[hand.user] = hand.shell.transport.udp
                hand.join(proxy.address)
                hand.switchboard.post(phone.ServiceChanged(True))
            await scenario(proxy, *hands)
            if idle:
                await settle(*hands, limit=limit)
                for hand in hands:
                    hand.assert_idle()
        finally:
            for hand in hands:
                hand.caller.close()
                for leg in hand.legs:
                    hand.legs.end(leg)
                hand.switchboard.close()
                await hand.shell.close()
            proxy.close()

    run(main)
