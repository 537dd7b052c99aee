"""Emergency calls over real shells on loopback, in virtual time, to desks that answer, refuse, ring, or say nothing."""

import asyncio
import email
import email.policy
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.emergency.callback import CallbackWindow
from offhook.emergency.location import CivicLocation, Location
from offhook.emergency.pidf import PidfIdentity
from offhook.engine import caller as caller_module
from offhook.engine.bodies import SDP, session_description
from offhook.engine.caller import GAVE_UP, EmergencyCaller, EmergencySettings
from offhook.engine.guard import EmergencyGuard
from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.engine.transport import TlsListen
from offhook.errors import OffhookError
from offhook.phone import events as phone
from offhook.sdp.description import SessionDescription
from offhook.sdp.negotiate import LocalMedia, accept_offer
from offhook.sip import events as sip
from offhook.sip.events import Address, Body
from offhook.sip.settings import EndpointSettings
from tests.support.certs import make_authority
from tests.support.engine_bench import LOOPBACK, End, no_faults, settle
from tests.support.virtual_loop import run

OSLO = Location(civic=CivicLocation(country="NO", A3="Oslo", RD="Storgata", HNO="1"))
IDENTITY = PidfIdentity(entity="pres:phone@pbx.test", device_id="urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
FIRE = "urn:service:sos.fire"

Behaviour = Callable[["Desk", sip.IncomingCall], None]


class Desk:
    """A server that does with each call what ``behave`` says."""

    def __init__(self, behave: Behaviour) -> None:
        self.shell = EndpointShell(EndpointSettings(any_user=True), os.urandom, self._take, Resolver())
        self.behave = behave
        self.calls: list[sip.IncomingCall] = []
        self.ended: list[str] = []

    async def open(self) -> Address:
        await self.shell.open(LOOPBACK, 0)
        return self.shell.transport.udp

    async def close(self) -> None:
        await self.shell.close()

    def _take(self, event: sip.Event) -> None:
        if isinstance(event, sip.IncomingCall):
            self.calls.append(event)
            self.behave(self, event)
        elif isinstance(event, sip.CallOver):
            self.ended.append(event.call)

    def say(self, status: int, call: sip.IncomingCall) -> None:
        endpoint, now = self.shell.endpoint, self.shell.now()
        if status == 180:
            endpoint.ring(call.call, now)
        elif status == 183:
            endpoint.early_media(call.call, self.answer_to(call), now)
        elif status == 200:
            endpoint.answer(call.call, self.answer_to(call), now)
        else:
            endpoint.reject(call.call, status, "", now)
        self.shell.pump()

    def later(self, seconds: float, status: int, call: sip.IncomingCall) -> None:
        asyncio.get_running_loop().call_later(seconds, self.say, status, call)

    @staticmethod
    def answer_to(call: sip.IncomingCall) -> Body:
        assert call.body is not None
        offer = SessionDescription.parse(session_description(call.body))
        return Body(SDP, bytes(accept_offer(offer, LocalMedia(LOOPBACK, 9000), 1, 1)[0]))

    def hang_up(self) -> None:
        self.shell.endpoint.hang_up(self.calls[-1].call, self.shell.now())
        self.shell.pump()

    @property
    def asked(self) -> list[tuple[str, str, bool]]:
        """What was asked for: Request-URI's scheme, transport, and whether a location came along."""
        return [
            (str(c.request.uri).split(":")[0], c.flow.transport, c.request.headers.get("Geolocation") is not None)
            for c in self.calls
        ]


class SecretDesk(Desk):
    """Takes calls over TLS, with a certificate that nobody trusts."""

    def __init__(self, behave: Behaviour, folder: Path) -> None:
        super().__init__(behave)
        shown = make_authority(folder, "DNS:elsewhere.example")
        self.shell = EndpointShell(
            EndpointSettings(any_user=True),
            os.urandom,
            self._take,
            Resolver(),
            tls_listen=TlsListen(LOOPBACK, 0, shown.certificate, shown.key),
        )

    async def open(self) -> Address:
        await super().open()
        assert self.shell.transport.tls is not None
        return self.shell.transport.tls


class Deaf:
    """Takes datagrams and connections, and says nothing for ever."""

    def __init__(self, tcp: bool = True) -> None:
        while True:
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.bind((LOOPBACK, 0))
            try:
                self._tcp = socket.create_server(self._udp.getsockname()) if tcp else None
                return
            except OSError:
                self._udp.close()  # that port is free for UDP only

    async def open(self) -> Address:
        address: Address = self._udp.getsockname()
        return address

    async def close(self) -> None:
        self._udp.close()
        if self._tcp is not None:
            self._tcp.close()


def does(*steps: tuple[float, int]) -> Behaviour:
    """Say each status at its time, in seconds from the INVITE; 100 is said anyway."""

    def behave(desk: Desk, call: sip.IncomingCall) -> None:
        for seconds, status in steps:
            if seconds:
                desk.later(seconds, status, call)
            else:
                desk.say(status, call)

    return behave


def refuses(*statuses: int) -> Behaviour:
    """Refuse the first calls with these, the last of them for ever."""
    left = list(statuses)

    def behave(desk: Desk, call: sip.IncomingCall) -> None:
        desk.say(left.pop(0) if len(left) > 1 else left[0], call)

    return behave


answers = does((0.0, 200))


class Bench:
    """The phone: an emergency caller over an :class:`End`."""

    def __init__(self, end: End, location: Location | None = OSLO) -> None:
        self.end = end
        self.said: list[str] = []
        self.window = CallbackWindow()
        self.served: set[str] = set()
        self.caller = EmergencyCaller(
            EmergencySettings({"112": "urn:service:sos", "110": FIRE}, IDENTITY, location),
            end.accounts,
            EmergencyGuard(None),
            self.window,
            end.legs,
            end.told.put_nowait,
            self.said.append,
            lambda name: name in self.served,
            os.urandom,
        )

    async def up(self, limit: float = 15.0) -> float:
        """Wait until the phone machine is told that the call is answered; return how long that took."""
        begin = asyncio.get_running_loop().time()
        async with asyncio.timeout(limit):
            while not isinstance(await self.end.told.get(), phone.CallAnswered):
                pass
        return asyncio.get_running_loop().time() - begin

    def assert_nothing_left(self) -> None:
        assert not self.caller.up
        self.end.assert_idle()


def call_desks(
    scenario: Callable[[Bench], Awaitable[None]],
    *desks: Desk | Deaf,
    location: Location | None = OSLO,
    transports: str = "",
    pairs: int = 10,
) -> None:
    """Run ``scenario`` with an account at each desk; ``transports``: a letter each, ``u``, ``t`` or ``s`` (TLS)."""

    async def main() -> None:
        end = End("1001", pairs=pairs)
        await end.open()
        bench = Bench(end, location)
        try:
            for number, desk in enumerate(desks):
                transport = {"t": "tcp", "s": "tls"}.get(transports[number : number + 1], "udp")
                end.join(await desk.open(), transport, f"desk{number}")  # type: ignore[arg-type]
                bench.served.add(f"desk{number}")
            await scenario(bench)
            bench.caller.end("o1")
            bench.assert_nothing_left()
            await settle(end, limit=80)
        finally:
            await end.shell.close()
            for desk in desks:
                await desk.close()

    run(main)


def test_the_location_goes_over_tcp_in_one_body_with_the_offer(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        assert bench.caller.up
        assert await bench.up() < 0.5
        request = desk.calls[0].request
        assert desk.asked == [("urn", "tcp", True)]
        assert str(request.uri) == "urn:service:sos"
        assert request.headers.get("Priority") == "emergency"
        head = f"Content-Type: {request.headers.get('Content-Type')}\r\n\r\n".encode()
        offer, pidf = email.message_from_bytes(head + request.body, policy=email.policy.HTTP).iter_parts()
        assert offer.get_content_type() == "application/sdp"
        assert pidf.get_content_type() == "application/pidf+xml"
        assert f"cid:{str(pidf['Content-ID']).strip('<>')}" in (request.headers.get("Geolocation") or "")
        assert "Storgata" in str(pidf.get_content(), "utf-8")
        assert list(bench.end.media.running) == [1]
        bench.caller.end("o1")
        assert bench.end.media.running == {}
        await settle(bench.end)
        assert desk.ended == ["i1"]
        assert bench.window.holds(asyncio.get_running_loop().time())

    with caplog.at_level(logging.WARNING):
        call_desks(scenario, desk)
    assert "emergency call to 112 (urn:service:sos) begins" in caplog.text
    assert "was hung up here" in caplog.text


def test_a_certificate_that_nobody_trusts_does_not_keep_help_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = SecretDesk(answers, tmp_path)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        assert await bench.up() < 0.5
        assert desk.asked == [("urn", "tls", True)]
        assert bench.end.shell.transport.security.emergency
        bench.caller.end("o1")
        assert not bench.end.shell.transport.security.emergency

    call_desks(scenario, desk, transports="s")
    assert "is not looked at" in caplog.text


def test_a_server_that_has_no_tls_any_more_is_called_in_the_clear() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        assert await bench.up() < 10
        assert desk.asked[0][1] == "tcp"

    call_desks(scenario, desk, transports="s")


def test_an_account_that_dns_led_to_tls_climbs_as_one_that_was_told_to(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        (account,) = bench.end.accounts
        bench.end.accounts[0] = replace(account, transport=None)  # `auto`, while the endpoint knows of TLS
        bench.caller.place("o1", "112")
        assert await bench.up() < 10
        assert desk.asked[0][1] == "tcp"

    with caplog.at_level(logging.WARNING):
        call_desks(scenario, desk, transports="s")
    tried = [word for line in caplog.messages if "attempt" in line for word in ("tls", "tcp") if f"over {word}" in line]
    assert tried == ["tls", "tcp"]


def test_a_number_of_its_own_service_asks_for_that_service() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "110")
        await bench.up()
        assert str(desk.calls[0].request.uri) == FIRE

    call_desks(scenario, desk)


def test_without_a_location_the_call_is_small_and_goes_over_the_accounts_own_transport() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.up()
        assert desk.asked == [("urn", "udp", False)]

    call_desks(scenario, desk, location=None)


def test_each_refusal_steps_down_until_somebody_answers() -> None:
    desk = Desk(refuses(415, 404, 200))

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.up()
        assert desk.asked == [("urn", "tcp", True), ("urn", "udp", False), ("sip", "udp", False)]
        assert str(desk.calls[-1].request.uri) == "sip:112@pbx.test"
        assert bench.end.ports.open == [bench.end.ports.taken[-1].port]

    call_desks(scenario, desk)


def test_a_silent_server_makes_way_for_the_next_after_four_seconds() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        assert await bench.up() == pytest.approx(4.0, abs=0.3)

    call_desks(scenario, Deaf(), desk)


def test_a_refusing_a_silent_and_a_dead_server_still_end_in_an_answer_within_15_seconds() -> None:
    dead, desk = Deaf(tcp=False), Desk(answers)

    async def scenario(bench: Bench) -> None:
        await dead.close()
        bench.caller.place("o1", "112")
        await bench.up(15.0)
        assert len(desk.calls) == 1

    call_desks(scenario, Desk(refuses(403)), Deaf(), dead, desk, transports="uutu")


def test_tcp_that_is_dead_is_no_reason_not_to_call_over_udp() -> None:
    udp_only = Deaf(tcp=False)

    async def scenario(bench: Bench) -> None:
        # Over TCP nobody is there; over UDP somebody is, but silent: what comes next is the desk's turn.
        bench.caller.place("o1", "112")
        assert await bench.up() < 5.0

    call_desks(scenario, udp_only, Desk(answers), transports="tu")


def test_an_account_out_of_service_is_asked_after_one_that_is_in_service() -> None:
    first, second = Desk(answers), Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.served.discard("desk0")
        bench.caller.place("o1", "112")
        await bench.up()
        assert (len(first.calls), len(second.calls)) == (0, 1)

    call_desks(scenario, first, second)


def test_an_account_that_comes_into_service_during_the_climb_is_asked_first_in_the_next_round() -> None:
    first, second = Desk(refuses(486, 486, 486, 200)), Desk(refuses(403))

    async def scenario(bench: Bench) -> None:
        bench.served.clear()
        bench.served.add("desk1")
        bench.caller.place("o1", "112")
        await asyncio.sleep(1.5)
        bench.served.add("desk0")
        bench.served.discard("desk1")
        bench.caller.accounts_changed()
        before = len(second.calls)
        await bench.up()
        assert len(second.calls) == before

    call_desks(scenario, first, second)


def test_whatever_call_there_is_else_is_ended_for_an_emergency_call() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.end.agent.place("o0", "100")
        await bench.end.expect(phone.CallAnswered)
        assert len(bench.end.media.running) == 1
        bench.caller.place("o1", "112")
        assert bench.end.media.running == {}
        await bench.up()
        await asyncio.sleep(1)
        assert desk.ended == ["i1"]

    call_desks(scenario, desk)


def test_putting_back_while_it_rings_cancels() -> None:
    desk = Desk(does((0.0, 180)))

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.end.expect(phone.CallProceeding)
        assert bench.caller.end("o1")
        assert not bench.caller.end("o1")
        await settle(bench.end)
        assert desk.ended == ["i1"]
        assert bench.end.told.empty()

    call_desks(scenario, desk)


def test_putting_back_before_any_response_leaves_nothing() -> None:
    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        bench.caller.end("o1")
        bench.assert_nothing_left()

    call_desks(scenario, Deaf())


def test_when_nobody_takes_the_call_the_person_is_told_and_it_is_tried_again() -> None:
    desk = Desk(refuses(403, 403, 403, 403, 200))

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        assert await bench.up() == pytest.approx(2.0, abs=0.5)
        assert bench.said == [GAVE_UP]

    call_desks(scenario, desk)


def test_early_media_of_an_attempt_that_is_refused_leaves_no_stream_running() -> None:
    first, second = Desk(does((0.0, 183), (1.0, 503))), Desk(does((1.0, 200)))

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.end.expect(phone.CallEarlyMedia)
        assert list(bench.end.media.running) == [1]
        await bench.up()
        assert len(bench.end.media.running) == 1
        assert bench.end.media.notes[:2] == ["start 1", "stop 1"]

    call_desks(scenario, first, second)


def test_an_attempt_that_is_answered_after_another_won_is_ended() -> None:
    slow, quick = Desk(does((6.1, 200))), Desk(does((0.1, 200)))

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.up()
        await asyncio.sleep(5)
        assert len(slow.calls) == len(quick.calls) == 1
        assert len(bench.end.media.running) == 1
        assert len(slow.ended) + len(quick.ended) == 1, "the one that came second was ended"
        assert len(list(bench.end.legs)) == 1

    call_desks(scenario, slow, quick)


def test_the_desk_that_hangs_up_ends_the_call() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.up()
        await asyncio.sleep(1)
        desk.hang_up()
        await bench.end.expect(phone.CallEnded)
        bench.assert_nothing_left()
        assert bench.window.remaining(asyncio.get_running_loop().time()) == pytest.approx(1800, abs=1)

    call_desks(scenario, desk)


def test_a_second_emergency_call_ends_the_first() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o0", "112")
        await bench.up()
        bench.caller.place("o1", "110")
        await bench.up()
        await asyncio.sleep(1)
        assert desk.ended == ["i1"]
        assert len(bench.end.media.running) == 1

    call_desks(scenario, desk)


def test_without_an_account_the_call_fails_at_once() -> None:
    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        failed = await bench.end.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert "no account" in failed.reason
        assert not bench.window.holds(asyncio.get_running_loop().time())

    call_desks(scenario)


def test_rtp_ports_that_are_used_up_do_not_stop_an_emergency_call() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        taken = bench.end.sessions.open(LOOPBACK)
        bench.caller.place("o1", "112")
        await bench.up()
        taken.close()

    call_desks(scenario, desk, pairs=1)


@pytest.mark.parametrize("error", [OffhookError("no such place"), RuntimeError("on purpose")])
def test_a_location_that_cannot_be_written_is_left_out(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(answers)

    def fail(*arguments: object, **options: object) -> bytes:
        raise error

    monkeypatch.setattr(caller_module, "pidf_lo", fail)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        assert await bench.up() < 1.0
        assert desk.asked == [("urn", "udp", False)]

    call_desks(scenario, desk)


def test_a_desk_that_puts_the_call_on_hold_is_told_as_such() -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await bench.up()
        await asyncio.sleep(1)
        hold = bytes(desk.answer_to(desk.calls[0]).data).replace(b"a=sendrecv", b"a=sendonly")
        desk.shell.endpoint.reinvite("i1", Body(SDP, hold), desk.shell.now())
        desk.shell.pump()
        await bench.end.expect(phone.CallHeld)

    call_desks(scenario, desk)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.3, 2.0, 6.0, 9.0]), st.sampled_from([180, 183, 200, 302, 403, 415, 486, 503, 603])
    ),
    max_size=3,
)


@settings(max_examples=25)
@given(st.lists(STEPS, min_size=1, max_size=3), st.floats(0.0, 40.0), st.text("ut", min_size=3, max_size=3))
def test_putting_back_always_leaves_no_leg_no_stream_and_no_socket(
    behaviours: list[list[tuple[float, int]]], seconds: float, transports: str
) -> None:
    desks = [Desk(does(*sorted(steps))) for steps in behaviours]

    async def scenario(bench: Bench) -> None:
        bench.caller.place("o1", "112")
        await asyncio.sleep(seconds)
        bench.caller.end("o1")
        bench.assert_nothing_left()
        await settle(bench.end, limit=80)
        await asyncio.sleep(40)
        bench.assert_nothing_left()

    with no_faults():
        call_desks(scenario, *desks, transports=transports)


def test_closing_ends_the_climb_and_nothing_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(answers)

    async def scenario(bench: Bench) -> None:
        bench.caller.close()
        bench.caller.place("o1", "112")
        await asyncio.sleep(1)
        bench.caller.close()
        await asyncio.sleep(30)
        bench.assert_nothing_left()
        assert desk.calls == []

    call_desks(scenario, Deaf(), desk)
    assert "because the phone stops" in caplog.text
