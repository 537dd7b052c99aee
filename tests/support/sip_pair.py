"""Two endpoints shaken against each other in virtual time over a link that loses, doubles, delays and reorders."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from offhook.sip.endpoint import Endpoint
from offhook.sip.events import Address, CloseFlow, Event, Flow, Transmit
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.settings import AccountSettings, EndpointSettings
from offhook.sip.transactions.stun import is_stun

A: Address = ("10.0.0.1", 5060)
B: Address = ("10.0.0.2", 5060)


@dataclass
class Link:
    """What the network does to datagrams; streams are only delayed. ``drop`` is asked first.

    ``dead_streams`` are the numbers of streams that swallow what is written to them and tell nobody.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.01
    jitter: float = 0.0
    tcp: bool = True
    dead_streams: set[int] = field(default_factory=set)
    drop: Callable[[bytes], bool] = field(default=lambda data: False)


class Peer:
    """One endpoint with its address and everything that it said to its application."""

    def __init__(self, name: str, address: Address, settings: EndpointSettings, seed: int) -> None:
        self.name = name
        self.address = address
        source = Random(seed)
        self.endpoint = Endpoint(settings, source.randbytes, lambda transport, remote_ip: address)
        self.events: list[Event] = []
        self.sent: list[Transmit] = []
        self.on_event: Callable[[Event], None] = lambda event: None

    def of_type(self, kind: type[Event]) -> list[Event]:
        """Return the events of one type, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]


class Pair:
    """A network with two or more endpoints. :meth:`run` moves time on."""

    def __init__(self, seed: int = 1, link: Link | None = None, settings: EndpointSettings | None = None) -> None:
        settings = settings or EndpointSettings()
        self.now = 100.0
        self.link = link or Link()
        self.random = Random(seed)
        self.a = Peer("a", A, settings, seed * 2 + 1)
        self.b = Peer("b", B, settings, seed * 2 + 2)
        self.peers = {A: self.a, B: self.b}
        self._wire: list[tuple[float, int, Address, bytes, Flow]] = []
        self._order = 0
        self._streams: dict[frozenset[Address], int] = {}
        self._stream_count = 0
        self._stream_clock: dict[tuple[int, Address], float] = {}
        self.log: list[tuple[float, Address, Address, bytes]] = []

    def add(self, name: str, address: Address, settings: EndpointSettings | None = None, seed: int = 99) -> Peer:
        """Join a further endpoint to the network."""
        peer = self.peers[address] = Peer(name, address, settings or EndpointSettings(), seed)
        return peer

    def account(self, peer: Peer, user: str, server: Address, **more: object) -> AccountSettings:
        """Give ``peer`` an account whose server is at ``server``, without registering it."""
        fields: dict[str, object] = {
            "name": user,
            "uri": f"sip:{user}@pbx.test",
            "user": user,
            "password": f"secret{user}",
            "server": f"{server[0]}:{server[1]}",
            "transport": "udp",
            "register": False,
        }
        account = AccountSettings(**(fields | more))  # type: ignore[arg-type]
        peer.endpoint.register(account, self.now)
        return account

    def run(self, seconds: float) -> None:
        """Let the time pass, delivering what is on the way and running timers as they fall due."""
        end = self.now + seconds
        self._pump()
        while True:
            due = [peer.endpoint.deadline() for peer in self.peers.values()]
            times = [at for at in due if at is not None] + ([self._wire[0][0]] if self._wire else [])
            if not times or min(times) > end:
                break
            self.now = max(self.now, min(times))
            self._step()
        self.now = end

    def _step(self) -> None:
        while self._wire and self._wire[0][0] <= self.now:
            _, _, to, data, flow = heappop(self._wire)
            if to in self.peers:
                self.peers[to].endpoint.receive(data, flow, self.now)
                self._pump()
        for peer in list(self.peers.values()):
            deadline = peer.endpoint.deadline()
            if deadline is not None and deadline <= self.now:
                peer.endpoint.tick(self.now)
        self._pump()

    def _pump(self) -> None:
        """Take what the endpoints want to send and say, until they want no more."""
        busy = True
        while busy:
            busy = False
            for peer in list(self.peers.values()):
                for transmit in peer.endpoint.to_send(self.now):
                    peer.sent.append(transmit)
                    self._send(peer, transmit)
                    busy = True
                while (event := peer.endpoint.next_event()) is not None:
                    peer.events.append(event)
                    if isinstance(event, CloseFlow):
                        self._close_stream(event.flow)
                    peer.on_event(event)
                    busy = True

    def _send(self, sender: Peer, transmit: Transmit) -> None:
        self.log.append((self.now, sender.address, transmit.remote, transmit.data))
        if transmit.transport != "udp":
            self._send_stream(sender, transmit)
            return
        if self.link.drop(transmit.data) or self.random.random() < self.link.loss:
            return
        copies = 2 if self.random.random() < self.link.duplicate else 1
        for _ in range(copies):
            at = self.now + self.link.delay + self.random.random() * self.link.jitter
            self._queue(at, transmit.remote, transmit.data, Flow("udp", transmit.remote, sender.address))

    def _send_stream(self, sender: Peer, transmit: Transmit) -> None:
        if not self.link.tcp or transmit.remote not in self.peers:
            sender.endpoint.send_failed(transmit.transport, transmit.remote, "refused", self.now)
            return
        ends = frozenset((sender.address, transmit.remote))
        number = self._streams.get(ends)
        if number is None:
            self._stream_count += 1
            number = self._streams[ends] = self._stream_count
        sender.endpoint.flow_opened(Flow(transmit.transport, sender.address, transmit.remote, number), self.now)
        flow = Flow(transmit.transport, transmit.remote, sender.address, number)
        self.peers[transmit.remote].endpoint.flow_opened(flow, self.now)
        if number in self.link.dead_streams:
            return
        at = max(self.now + self.link.delay, self._stream_clock.get((number, transmit.remote), 0.0))
        self._stream_clock[number, transmit.remote] = at
        self._queue(at, transmit.remote, transmit.data, flow)

    def _close_stream(self, flow: Flow) -> None:
        """Close a stream for both ends; the far end of a dead one does not hear of it."""
        if self._streams.pop(frozenset((flow.local, flow.remote)), None) is None:
            return
        self.peers[flow.local].endpoint.flow_closed(flow, self.now)
        if flow.number not in self.link.dead_streams:
            far = Flow(flow.transport, flow.remote, flow.local, flow.number)
            self.peers[flow.remote].endpoint.flow_closed(far, self.now)

    def _queue(self, at: float, to: Address, data: bytes, flow: Flow) -> None:
        self._order += 1
        heappush(self._wire, (at, self._order, to, data, flow))

    def messages(self, sender: Peer | None = None) -> Iterator[Request | Response]:
        """Yield what was sent, parsed, retransmissions and lost ones included, keep-alives left out."""
        for _, source, _, data in self.log:
            if data.strip() and not is_stun(data) and (sender is None or sender.address == source):
                yield parse_datagram(data)

    def requests(self, method: str, sender: Peer | None = None) -> list[Request]:
        """Return the requests of one method that were sent."""
        return [m for m in self.messages(sender) if isinstance(m, Request) and m.method == method]

    def statuses(self, sender: Peer | None = None) -> list[int]:
        """Return the statuses of the responses that were sent."""
        return [m.status for m in self.messages(sender) if isinstance(m, Response)]
