"""Three phones that know each other, for transfers: each takes calls, and does what a REFER asks."""

from offhook.sip import events as ev
from offhook.sip.events import Address, Event
from offhook.sip.settings import EndpointSettings
from tests.support.sip_calls import ANSWER, OFFER
from tests.support.sip_pair import Link, Pair, Peer

C: Address = ("10.0.0.3", 5060)
USERS = {"a": "1001", "b": "1002", "c": "1003"}


class Three(Pair):
    """Peers a, b and c with the users 1001, 1002 and 1003; account ``to-b`` of a has b as its server, and so on.

    Each rings and answers at once while its name is in ``answering``, takes over with Replaces, and calls whom a REFER
    names while its name is in ``obeying``: the first new call's handle is ``new``, then ``new2`` ... A refusal
    is said with ``refusing``.
    """

    def __init__(self, seed: int = 1, link: Link | None = None, settings: EndpointSettings | None = None) -> None:
        super().__init__(seed, link, settings)
        self.c = self.add("c", C, settings, seed * 2 + 3)
        self.answering = {"a", "b", "c"}
        self.obeying = {"a", "b", "c"}
        self.refusing: dict[str, int] = {}
        self.ringing: dict[str, str] = {}
        self._placed = 0
        self.taken_over: list[tuple[str, str]] = []
        for peer in self.all:
            for other in self.all:
                if other is not peer:
                    user = USERS[peer.name]
                    self.account(peer, user, other.address, name=f"to-{other.name}", password="secret")
            peer.on_event = lambda event, peer=peer: self._take(peer, event)

    @property
    def all(self) -> tuple[Peer, Peer, Peer]:
        """The three peers."""
        return self.a, self.b, self.c

    def connect(self, caller: Peer, called: Peer, handle: str) -> str:
        """Have one call the other, until the call is up; return the handle at the called side."""
        before = len(called.of_type(ev.IncomingCall))
        caller.endpoint.call(handle, f"to-{called.name}", f"sip:{USERS[called.name]}@pbx.test", OFFER, self.now)
        self.run(30)
        incoming = called.of_type(ev.IncomingCall)[before]
        assert isinstance(incoming, ev.IncomingCall)
        assert any(isinstance(e, ev.CallAccepted) and e.call == handle for e in caller.events)
        return incoming.call

    def _take(self, peer: Peer, event: Event) -> None:
        if isinstance(event, ev.IncomingCall):
            self._incoming(peer, event)
        elif isinstance(event, ev.TransferRequested):
            self._requested(peer, event)

    def _incoming(self, peer: Peer, event: ev.IncomingCall) -> None:
        endpoint = peer.endpoint
        if peer.name in self.refusing:
            endpoint.reject(event.call, self.refusing[peer.name], "", self.now)
        elif event.replaces is not None:
            self.taken_over.append((peer.name, event.replaces))
            endpoint.answer(event.call, ANSWER, self.now)
            endpoint.hang_up(event.replaces, self.now)
        else:
            endpoint.ring(event.call, self.now)
            self.ringing[peer.name] = event.call
            if peer.name in self.answering:
                endpoint.answer(event.call, ANSWER, self.now)

    def _requested(self, peer: Peer, event: ev.TransferRequested) -> None:
        if peer.name not in self.obeying:
            return
        name = next(name for name, user in USERS.items() if user in event.target)
        self._placed += 1
        handle = "new" if self._placed == 1 else f"new{self._placed}"
        peer.endpoint.accept_transfer(event.key, handle, self.now)
        peer.endpoint.call(handle, f"to-{name}", event.target, OFFER, self.now, headers=event.headers)


def progress(peer: Peer) -> list[tuple[int, bool]]:
    """Return what a peer heard of its transfers, as status and whether it was the last word."""
    return [(event.status, event.final) for event in peer.events if isinstance(event, ev.TransferProgress)]
