"""Calls in which both sides do anything at any moment, on a link that loses, doubles and reorders.

Whatever they do: no exception; when they rest, both sides of a call that is up have agreed on the same session; and
when both have hung up nothing is left.
"""

from random import Random

import pytest

from offhook.sip import events as ev
from offhook.sip.calls.info import Dtmf
from offhook.sip.calls.offeranswer import Phase
from offhook.sip.calls.session import Session, Stage
from offhook.sip.events import Body, Event
from tests.support.sip_calls import OFFER
from tests.support.sip_pair import A, B, Link, Pair, Peer

OFFERS = (ev.ReofferAccepted, ev.ReofferRefused)


class Walk:
    """Two phones whose people act at random."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        rough = self.random.random() < 0.7
        link = Link(loss=0.2, duplicate=0.2, delay=0.02, jitter=0.4) if rough else Link()
        self.pair = Pair(seed=seed, link=link)
        modes = ("off", "supported", "supported", "required")
        expires = (None, 90, 1800)
        for peer, user, server in ((self.pair.a, "1001", B), (self.pair.b, "1002", A)):
            mode = self.random.choice(modes if user == "1001" else modes[:3])
            interval = self.random.choice(expires)
            self.pair.account(peer, user, server, reliable=mode, session_expires=interval)
            peer.on_event = lambda event, peer=peer: self._hear(peer, event)  # type: ignore[misc]
        self.owed: list[tuple[Peer, str]] = []
        self.calls: dict[str, set[str]] = {"a": set(), "b": set()}
        self.ended: dict[str, set[str]] = {"a": set(), "b": set()}
        self.count = 0

    def body(self) -> Body:
        self.count += 1
        return Body("application/sdp", f"v=0 {self.count}\r\n".encode())

    def _hear(self, peer: Peer, event: Event) -> None:
        if isinstance(event, ev.IncomingCall):
            self.calls[peer.name].add(event.call)
        elif isinstance(event, ev.CallReoffer):
            assert event.call not in self.ended[peer.name]
            self.owed.append((peer, event.call))
        elif isinstance(event, ev.CallRefused | ev.CallOver):
            assert event.call not in self.ended[peer.name]
            self.ended[peer.name].add(event.call)
            self.calls[peer.name].discard(event.call)

    def step(self) -> None:
        """Let one of them do something."""
        now, random = self.pair.now, self.random
        if self.owed and random.random() < 0.8:
            peer, call = self.owed.pop(random.randrange(len(self.owed)))
            if random.random() < 0.8:
                peer.endpoint.accept_reoffer(call, self.body(), now)
            else:
                peer.endpoint.reject_reoffer(call, 488, now)
            return
        peer = random.choice((self.pair.a, self.pair.b))
        calls = sorted(self.calls[peer.name])
        if not calls:
            return
        call, endpoint = random.choice(calls), peer.endpoint
        action = random.choice(
            ("ring", "early", "early", "answer", "update", "update", "reinvite", "info", "bare", "end")
        )
        if action == "ring":
            endpoint.ring(call, now)
        elif action == "early":
            endpoint.early_media(call, self.body(), now)
        elif action == "answer":
            endpoint.answer(call, self.body(), now)
        elif action == "update":
            endpoint.update(call, self.body(), now)
        elif action == "reinvite":
            endpoint.reinvite(call, self.body(), now)
        elif action == "bare":
            endpoint.reinvite(call, None, now)
        elif action == "info":
            endpoint.info(call, Dtmf("5").body(), now)
        elif random.random() < 0.2:
            self.hang_up(peer, call)

    def hang_up(self, peer: Peer, call: str) -> None:
        peer.endpoint.hang_up(call, self.pair.now)
        self.calls[peer.name].discard(call)
        self.ended[peer.name].add(call)

    def run(self) -> None:
        pair = self.pair
        for number in range(2):
            handle = f"o{number}"
            self.calls["a"].add(handle)
            body = OFFER if self.random.random() < 0.8 else None
            pair.a.endpoint.call(handle, "1001", "sip:1002@pbx.test", body, pair.now)
        for _ in range(60):
            pair.run(self.random.choice((0.0, 0.05, 0.3, 1.0, 4.0)))
            self.step()
        self.rest()
        self.compare()
        for peer in (pair.a, pair.b):
            for call in sorted(self.calls[peer.name]):
                self.hang_up(peer, call)
        self.owed.clear()
        pair.run(250)

    def rest(self) -> None:
        """Let them answer what they are asked, and do nothing else."""
        for _ in range(8):
            while self.owed:
                peer, call = self.owed.pop()
                peer.endpoint.accept_reoffer(call, self.body(), self.pair.now)
            self.pair.run(15)

    def compare(self) -> None:
        """Each call that is up is up on both sides, and what one calls local the other calls remote."""
        ours, theirs = self.sessions(self.pair.a), self.sessions(self.pair.b)
        assert ours.keys() == theirs.keys()
        for call_id, session in ours.items():
            one, two = session.offers, theirs[call_id].offers
            assert (one.phase, two.phase) == (Phase.IDLE, Phase.IDLE)
            assert (one.local, one.remote) == (two.remote, two.local)

    @staticmethod
    def sessions(peer: Peer) -> dict[str, Session]:
        """Return the dialogs of calls that are up, by Call-ID."""
        sides = peer.endpoint._calls.values()
        up = [side.session for side in sides if side.session is not None and side.session.stage is Stage.UP]
        return {session.dialog.id.call_id: session for session in up}


@pytest.mark.parametrize("seed", range(60))
def test_whatever_both_sides_do_nothing_is_left_of_their_calls(seed: int) -> None:
    walk = Walk(seed)
    walk.run()
    for peer in (walk.pair.a, walk.pair.b):
        assert peer.endpoint.settled
        assert peer.endpoint.deadline() is None
        per_call: dict[str, int] = {}
        for event in peer.events:
            if isinstance(event, ev.CallAccepted):
                per_call[event.call] = per_call.get(event.call, 0) + 1
        assert all(count == 1 for count in per_call.values())
