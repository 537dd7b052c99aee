"""Phones without handset and sound: real endpoint shells on loopback, and notebooks in place of board and media."""

import asyncio
import contextlib
import itertools
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from offhook.engine.agent import Agent
from offhook.engine.legs import Legs
from offhook.engine.mediarules import MediaRules
from offhook.engine.observations import CallSeen, Observation
from offhook.engine.ports import BoardListener, LampState
from offhook.engine.resolver import Resolver
from offhook.engine.rtpports import RtpPorts, RtpSockets
from offhook.engine.sessions import MediaOffer, Sessions
from offhook.engine.shell import EndpointShell
from offhook.media.settings import StreamSettings
from offhook.phone import events as phone
from offhook.power.reading import PowerReading
from offhook.sip import events as sip
from offhook.sip.events import Transport
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.virtual_loop import run

LOOPBACK = "127.0.0.1"
PORTS = itertools.cycle(range(22000, 32000, 20))  # below the kernel's own range for sockets without a port


class PortNotes(RtpPorts):
    """Keeps what it has handed out."""

    def __init__(self, first: int, pairs: int) -> None:
        super().__init__(first, first + 2 * pairs)
        self.taken: list[RtpSockets] = []

    def take(self, ip: str, beyond: bool = False) -> RtpSockets:
        """See RtpPorts."""
        self.taken.append(super().take(ip, beyond))
        return self.taken[-1]

    @property
    def open(self) -> list[int]:
        """The RTP ports that are not closed."""
        return [sockets.port for sockets in self.taken if sockets.rtp.fileno() != -1]


class MediaNotes:
    """Stands for the media process: writes down what it is told, and keeps which streams run as what."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.running: dict[int, StreamSettings] = {}
        self.ports: dict[int, int] = {}

    def start_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None:
        """See MediaClient."""
        assert stream not in self.running
        assert rtcp.getsockname()[1] == rtp.getsockname()[1] + 1
        self.running[stream] = plan
        self.ports[stream] = rtp.getsockname()[1]
        self.notes.append(f"start {stream}")

    def update_stream(self, stream: int, plan: StreamSettings) -> None:
        """See MediaClient."""
        assert stream in self.running
        self.running[stream] = plan
        self.notes.append(f"update {stream}")

    def move_stream(self, stream: int, plan: StreamSettings, rtp: socket.socket, rtcp: socket.socket) -> None:
        """See MediaClient."""
        assert stream in self.running
        self.running[stream] = plan
        self.ports[stream] = rtp.getsockname()[1]
        self.notes.append(f"move {stream}")

    def stop_stream(self, stream: int) -> None:
        """See MediaClient."""
        del self.running[stream]
        self.notes.append(f"stop {stream}")

    def start_dtmf(self, stream: int, digit: str) -> None:
        """See MediaClient."""
        self.notes.append(f"dtmf {stream} {digit}")

    def stop_dtmf(self, stream: int, digit: str) -> None:
        """See MediaClient."""
        self.notes.append(f"dtmf {stream} {digit} ends")

    def set_active(self, on: bool) -> None:
        """See MediaClient."""
        self.notes.append(f"active {on}")

    def play_tone(self, name: str) -> None:
        """See MediaClient."""
        self.notes.append(f"tone {name}")

    def stop_tone(self) -> None:
        """See MediaClient."""
        self.notes.append("quiet")

    def set_volume(self, db: float) -> None:
        """See MediaClient."""
        self.notes.append(f"volume {db:g}")

    def say(self, path: str, text: str) -> None:
        """See MediaClient."""
        self.notes.append(f"say {text}")


class BoardNotes:
    """Implements :class:`offhook.engine.ports.Board`, and writes down what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def start(self, listener: BoardListener) -> None:
        """See Board."""

    def set_ringer(self, on: bool, cadence_ms: tuple[int, ...]) -> None:
        """See Board."""
        self.notes.append(f"ringer {on} {cadence_ms}" if on else "ringer False")

    def set_lamp(self, name: str, state: LampState) -> None:
        """See Board."""
        self.notes.append(f"lamp {name} {state}")

    def read_power(self) -> PowerReading:
        """See Board."""
        return PowerReading(ac=True)

    def power_off(self) -> None:
        """See Board."""

    def close(self) -> None:
        """See Board."""


@dataclass
class End:
    """One phone: shell, legs and agent; what its phone machine is told arrives in :attr:`told`."""

    user: str
    media: MediaNotes = field(default_factory=MediaNotes)
    seen: list[Observation] = field(default_factory=list)
    events: list[sip.Event] = field(default_factory=list)
    told: "asyncio.Queue[phone.Event]" = field(default_factory=asyncio.Queue)
    accounts: list[AccountSettings] = field(default_factory=list)
    first_port: int = field(default_factory=lambda: next(PORTS))
    pairs: int = 10
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    rules: MediaRules = field(default_factory=MediaRules)

    def __post_init__(self) -> None:
        self.shell = EndpointShell(EndpointSettings(), os.urandom, self._take, Resolver())
        self.ports = PortNotes(self.first_port, self.pairs)
        self.sessions = Sessions(
            self.media,
            self.ports,
            MediaOffer(codecs=self.codecs),
            lambda: 7,
            "test",
            {"desk": self.rules},
        )
        self.legs = Legs(self.shell, self.sessions, lambda account: LOOPBACK, self.seen.append)
        self.agent = Agent(self.accounts, self.legs, self.told.put_nowait, lambda name: True, lambda *_: False)

    def _take(self, event: sip.Event) -> None:
        self.events.append(event)
        if isinstance(event, sip.IncomingCall):
            self.agent.incoming(event)
        else:
            self.legs.take(event)

    async def open(self) -> None:
        """Bind."""
        await self.shell.open(LOOPBACK, 0)

    def join(self, server: tuple[str, int], transport: Transport = "udp", name: str = "desk") -> AccountSettings:
        """Make an account at a server known, without registration."""
        account = AccountSettings(
            name, f"sip:{self.user}@pbx.test", self.user, "", f"{server[0]}:{server[1]}", transport, False
        )
        self.accounts.append(account)
        self.shell.endpoint.register(account, self.shell.now())
        return account

    async def expect(self, *kinds: type[phone.Event]) -> phone.Event:
        """Return the last of the next events, which must be of these kinds."""
        event: phone.Event | None = None
        for kind in kinds:
            event = await self.told.get()
            assert isinstance(event, kind), event
        assert event is not None
        return event

    def states(self) -> list[str]:
        """The states of calls that watchers were told, in order."""
        return [item.state for item in self.seen if isinstance(item, CallSeen)]

    def assert_idle(self) -> None:
        """No leg, no stream, no RTP port."""
        assert list(self.legs) == []
        assert self.media.running == {}
        assert self.ports.open == []


class _Faults(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.seen.append(logging.Formatter().format(record))


@contextlib.contextmanager
def no_faults() -> Iterator[None]:
    """Fail where the phone logs an exception of its own: the shell would go on with the next call."""
    faults, log = _Faults(), logging.getLogger("offhook")
    log.addHandler(faults)
    try:
        yield
    finally:
        log.removeHandler(faults)
    assert not faults.seen, faults.seen[0]


async def settle(*ends: End, limit: float = 40.0) -> None:
    """Wait until every call, CANCEL and BYE is over on the wire too."""
    async with asyncio.timeout(limit):
        while not all(end.shell.endpoint.settled for end in ends):
            await asyncio.sleep(0.05)


def between_two(
    scenario: Callable[[End, End], Awaitable[None]],
    transport: Transport = "udp",
    one_rules: MediaRules | None = None,
    **second: object,
) -> None:
    """Run ``scenario`` with two phones that know each other, 1001 and 1002; both must be idle at its end."""

    async def main() -> None:
        one, two = End("1001", rules=one_rules or MediaRules()), End("1002", **second)  # type: ignore[arg-type]
        for end in (one, two):
            await end.open()
        one.join(two.shell.transport.udp, transport)
        two.join(one.shell.transport.udp, transport)
        try:
            await scenario(one, two)
            await settle(one, two)
            one.assert_idle()
            two.assert_idle()
        finally:
            await one.shell.close()
            await two.shell.close()

    run(main)
