"""The ladder over the real SIP endpoint, in virtual time: what servers do wrong, and what reaches the desk."""

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from offhook.emergency.attempts import CancelAttempt, GiveUpForNow, LadderAccount, LadderAction, StartAttempt
from offhook.emergency.invite import EmergencyInvite, invite_with_location, invite_without_location
from offhook.emergency.ladder import Ladder
from offhook.emergency.location import CivicLocation, Location
from offhook.emergency.pidf import PidfIdentity, pidf_lo
from offhook.sip import events as ev
from offhook.sip.events import Address, Body
from offhook.sip.messages.message import Request
from offhook.sip.settings import EndpointSettings
from tests.support.sip_pair import Pair, Peer

URN = "urn:service:sos"
OFFER = b"v=0 offer\r\n"
ANSWER = Body("application/sdp", b"v=0 answer\r\n")
OSLO = Location(civic=CivicLocation(country="NO", A3="Oslo", RD="Storgata", HNO="1", FLR="3"))
IDENTITY = PidfIdentity(entity="pres:phone@pbx.test", device_id="urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
PIDF = pidf_lo(OSLO, IDENTITY, datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
SERVERS: tuple[Address, ...] = (("10.0.1.1", 5060), ("10.0.1.2", 5060), ("10.0.1.3", 5060))
ANYBODY = EndpointSettings(any_user=True)
OnInvite = Callable[[Peer, ev.IncomingCall, float], None]


class Deaf:
    """An endpoint that takes connections and messages and says nothing, for ever."""

    def receive(self, *_: object) -> None: ...
    def flow_opened(self, *_: object) -> None: ...
    def tick(self, *_: object) -> None: ...
    def deadline(self) -> None: ...
    def next_event(self) -> None: ...

    def to_send(self, _now: float) -> list[ev.Transmit]:
        return []


class Phone:
    """A ladder and an endpoint, joined as the engine joins them, with three accounts."""

    def __init__(self, transport: str = "udp") -> None:
        self.pair = Pair()
        self.pair.peers.pop(self.pair.b.address)
        self.endpoint = self.pair.a.endpoint
        rows = []
        for name, server in zip("xyz", SERVERS, strict=True):
            self.pair.account(self.pair.a, name, server, transport=transport)
            rows.append(LadderAccount(name, "pbx.test", transport, True))  # type: ignore[arg-type]
        self.ladder = Ladder(rows, "112", URN, True)
        self.began = self.pair.now
        self.answered_after: float | None = None
        self.attempts: list[StartAttempt] = []
        self.gave_up: list[GiveUpForNow] = []
        self.pair.a.on_event = self.take

    def serve(self, server: int, on_invite: OnInvite) -> Peer:
        peer = self.pair.add(f"server{server}", SERVERS[server], ANYBODY, seed=50 + server)

        def take(event: ev.Event) -> None:
            if isinstance(event, ev.IncomingCall):
                on_invite(peer, event, self.pair.now)

        peer.on_event = take
        return peer

    def deafen(self, server: int) -> None:
        self.pair.add(f"deaf{server}", SERVERS[server]).endpoint = Deaf()  # type: ignore[assignment]

    def call(self, seconds: float = 30.0) -> None:
        self.perform(self.ladder.start(self.pair.now))
        end = self.pair.now + seconds
        while self.pair.now < end and self.answered_after is None:
            deadline = self.ladder.deadline()
            step = 0.05 if deadline is None else max(0.0, min(0.05, deadline - self.pair.now))
            self.pair.run(step)
            if deadline is not None and deadline <= self.pair.now:
                self.perform(self.ladder.tick(self.pair.now))
                self.pair.run(0.0)

    def take(self, event: ev.Event) -> None:
        now = self.pair.now
        if getattr(event, "call", None) == "before":
            return
        match event:
            case ev.CallTrying(call):
                self.perform(self.ladder.on_trying(int(call), now))
            case ev.CallProgress(call):
                self.perform(self.ladder.on_progress(int(call), now))
            case ev.CallAccepted(call):
                self.perform(self.ladder.on_answered(int(call), now))
                self.answered_after = now - self.began
            case ev.CallRefused(call, 0):
                self.perform(self.ladder.on_failed(int(call), now))
            case ev.CallRefused(call, status):
                self.perform(self.ladder.on_refused(int(call), status, now))
            case ev.CallOver(call):
                self.perform(self.ladder.on_ended(int(call), now))

    def perform(self, actions: list[LadderAction]) -> None:
        for action in actions:
            match action:
                case StartAttempt():
                    self.attempts.append(action)
                    invite = self.invite(action)
                    self.endpoint.call(
                        str(action.attempt),
                        action.account,
                        action.target,
                        Body(invite.content_type, invite.body),
                        self.pair.now,
                        headers=invite.headers,
                        transport=action.transport,
                    )
                case CancelAttempt(attempt):
                    self.endpoint.hang_up(str(attempt), self.pair.now)
                case GiveUpForNow():
                    self.gave_up.append(action)

    @staticmethod
    def invite(action: StartAttempt) -> EmergencyInvite:
        if not action.with_location:
            return invite_without_location(OFFER)
        return invite_with_location(OFFER, PIDF, f"loc.{action.attempt}@phone.test", f"b{action.attempt}")


def answer(peer: Peer, call: ev.IncomingCall, now: float) -> None:
    peer.endpoint.answer(call.call, ANSWER, now)


def refuse(status: int) -> OnInvite:
    return lambda peer, call, now: peer.endpoint.reject(call.call, status, "", now)


def silent(peer: Peer, call: ev.IncomingCall, now: float) -> None:
    """Leave it at the 100 that the endpoint sent."""


def only(accept: Callable[[Request], bool], status: int) -> OnInvite:
    """Answer what ``accept`` likes and refuse the rest."""

    def decide(peer: Peer, call: ev.IncomingCall, now: float) -> None:
        (answer if accept(call.request) else refuse(status))(peer, call, now)

    return decide


def has_location(request: Request) -> bool:
    return request.headers.get("Geolocation") is not None


def is_urn(request: Request) -> bool:
    return str(request.uri) == URN


def test_the_desk_gets_the_urn_the_session_and_the_location_over_tcp() -> None:
    phone = Phone()
    desk = phone.serve(0, answer)
    phone.call()
    assert phone.answered_after is not None
    assert phone.answered_after < 0.2
    (incoming,) = desk.of_type(ev.IncomingCall)
    assert isinstance(incoming, ev.IncomingCall)
    request = incoming.request
    assert incoming.flow.transport == "tcp"
    assert str(request.uri) == URN
    assert str(request.to.uri) == URN
    assert request.headers.get("Geolocation") == "<cid:loc.1@phone.test>"
    assert request.headers.get("Geolocation-Routing") == "yes"
    assert request.headers.get("Priority") == "emergency"
    head = f"Content-Type: {request.headers.get('Content-Type')}\r\n\r\n".encode()
    session, location = email.message_from_bytes(head + request.body, policy=email.policy.HTTP).iter_parts()
    assert session.get_payload(decode=True) == OFFER
    assert location["Content-ID"] == "<loc.1@phone.test>"
    assert location.get_payload(decode=True) == PIDF.removesuffix(b"\r\n") + b"\r\n"


@pytest.mark.parametrize("status", [400, 415, 424, 488, 500])
def test_a_desk_that_refuses_the_location_is_called_without_it(status: int) -> None:
    phone = Phone()
    phone.serve(0, only(lambda request: not has_location(request), status))
    phone.call()
    assert [(a.target, a.with_location) for a in phone.attempts] == [(URN, True), (URN, False)]
    assert phone.answered_after is not None
    assert phone.answered_after < 1.0


def test_a_server_that_does_not_know_the_urn_gets_the_number_and_the_location() -> None:
    phone = Phone()
    desk = phone.serve(0, only(lambda request: not is_urn(request), 404))
    phone.call()
    last = desk.of_type(ev.IncomingCall)[-1]
    assert isinstance(last, ev.IncomingCall)
    assert str(last.request.uri) == "sip:112@pbx.test"
    assert has_location(last.request)
    assert phone.answered_after is not None
    assert phone.answered_after < 1.0


def test_a_server_that_knows_neither_urn_nor_location_gets_a_plain_call() -> None:
    phone = Phone()
    phone.serve(0, only(lambda request: not is_urn(request) and not has_location(request), 404))
    phone.call()
    assert phone.answered_after is not None
    assert phone.answered_after < 1.0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("first", ["refusing", "silent", "dead", "stalled"])
@pytest.mark.parametrize("second", ["refusing", "silent", "dead", "stalled"])
def test_two_bad_servers_in_any_order_still_end_in_a_call_within_15_seconds(
    transport: str, first: str, second: str
) -> None:
    phone = Phone(transport)
    for number, kind in enumerate((first, second)):
        match kind:
            case "refusing":
                phone.serve(number, refuse(403))
            case "silent":
                phone.deafen(number)
            case "stalled":
                phone.serve(number, silent)
    phone.serve(2, answer)
    phone.call()
    assert phone.answered_after is not None
    assert phone.answered_after <= 15.0
    assert phone.attempts[-1].account == "z"
    assert not phone.gave_up


def test_one_server_that_takes_no_tcp_still_gets_the_location() -> None:
    phone = Phone()
    phone.pair.link.tcp = False
    desk = phone.serve(0, answer)
    phone.call()
    incoming = desk.of_type(ev.IncomingCall)[0]
    assert isinstance(incoming, ev.IncomingCall)
    assert incoming.flow.transport == "udp"
    assert has_location(incoming.request)


def test_a_slow_server_that_answers_after_all_wins_and_the_other_call_is_cancelled() -> None:
    phone = Phone()
    slow: list[ev.IncomingCall] = []
    first = phone.serve(0, lambda peer, call, now: slow.append(call))
    second = phone.serve(1, silent)
    phone.call(8.0)
    assert [a.account for a in phone.attempts] == ["x", "y"]
    first.endpoint.answer(slow[0].call, ANSWER, phone.pair.now)
    phone.pair.run(1.0)
    assert phone.ladder.answered == 1
    assert second.of_type(ev.CallOver)


def test_a_stream_that_died_unheard_costs_seconds_and_not_the_location() -> None:
    phone = Phone("tcp")
    desk = phone.serve(0, answer)
    phone.endpoint.call("before", "x", "sip:bob@pbx.test", ANSWER, phone.pair.now)
    phone.pair.run(60.0)
    phone.endpoint.hang_up("before", phone.pair.now)
    phone.pair.run(1.0)
    phone.pair.link.dead_streams.add(1)
    phone.began = phone.pair.now
    phone.answered_after = None
    phone.call()
    last = desk.of_type(ev.IncomingCall)[-1]
    assert isinstance(last, ev.IncomingCall)
    assert has_location(last.request)
    assert phone.answered_after is not None
    assert phone.answered_after < 2.5


def test_when_every_server_is_dead_the_ladder_goes_on_trying() -> None:
    phone = Phone()
    phone.call(60.0)
    assert phone.answered_after is None
    assert len(phone.gave_up) >= 1
    assert {a.account for a in phone.attempts} == {"x", "y", "z"}
    phone.serve(1, answer)
    phone.began = phone.pair.now
    end = phone.pair.now + 40.0
    while phone.answered_after is None and phone.pair.now < end:
        phone.pair.run(0.05)
        phone.perform(phone.ladder.tick(phone.pair.now))
    assert phone.answered_after is not None
