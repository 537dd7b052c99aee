"""The shell around the endpoint: nothing stays unsent, and no fault at one message stops the others."""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.resolver import Resolver
from offhook.engine.shell import EndpointShell
from offhook.errors import NetworkError
from offhook.phone import events as phone
from offhook.sip import events as sip
from offhook.sip.endpoint import Endpoint
from offhook.sip.events import Event, Flow, Registered, Transmit
from offhook.sip.settings import AccountSettings, EndpointSettings
from tests.support.engine_bench import End, between_two
from tests.support.virtual_loop import run

Scenario = Callable[[EndpointShell], None]


class Script:
    """An endpoint that only hands out what tests and handlers put in."""

    def __init__(self) -> None:
        self.outbox: list[Transmit] = []
        self.events: deque[Event] = deque()
        self.at: float | None = None

    def to_send(self, now: float) -> list[Transmit]:
        out, self.outbox = self.outbox, []
        return out

    def next_event(self) -> Event | None:
        return self.events.popleft() if self.events else None

    def deadline(self) -> float | None:
        return self.at


class Wire:
    """A transport that fails in the middle of sending where a test wants it to, as a UDP socket does."""

    def __init__(self, on_send: Callable[[Transmit], None]) -> None:
        self.sent: list[bytes] = []
        self.on_send = on_send

    def send(self, item: Transmit) -> None:
        self.sent.append(item.data)
        self.on_send(item)

    async def close(self) -> None:
        """Nothing to release."""


def scripted(on_event: Callable[[Event], None]) -> tuple[EndpointShell, Script]:
    shell = EndpointShell(EndpointSettings(), os.urandom, on_event, Resolver())
    script = Script()
    shell.endpoint = cast(Endpoint, script)
    return shell, script


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()), max_size=12))
def test_whatever_handlers_do_nothing_is_left_unsent_unheard_or_unarmed(
    plan: list[tuple[int, int, bool, bool]],
) -> None:
    """Each event's handler sends, causes further events, pumps within the pump, and may raise in the end."""

    async def scenario() -> None:
        heard: list[Event] = []
        steps = list(plan)
        caused = ["first"]
        wanted: list[bytes] = []

        def handle(event: Event) -> None:
            heard.append(event)
            if not steps:
                return
            sends, events, pumps, raises = steps.pop(0)
            for _ in range(sends):
                wanted.append(b"%d" % len(wanted))
                script.outbox.append(Transmit(wanted[-1], "udp", ("127.0.0.1", 9)))
            if pumps:
                shell.pump()
            for _ in range(events):
                caused.append("more")
                script.events.append(Registered("desk", 60))
            script.at = asyncio.get_running_loop().time() + sends
            if pumps:
                shell.pump()
            if raises:
                raise ValueError("on purpose")

        shell, script = scripted(handle)
        wire = Wire(lambda item: shell.pump())
        shell.transport = wire  # type: ignore[assignment]
        script.events.append(Registered("desk", 60))
        shell.pump()
        assert wire.sent == wanted
        assert len(heard) == len(caused)
        assert not script.outbox
        assert not script.events
        timer = shell._timer
        assert (timer.when() if timer else None) == script.at
        await shell.close()

    run(scenario)


def test_a_handler_that_answers_within_an_event_leaves_nothing_behind() -> None:
    async def scenario(one: End, two: End) -> None:
        def at_once(event: Event) -> None:
            if isinstance(event, sip.IncomingCall):
                two.shell.endpoint.ring(event.call, two.shell.now())
                two.shell.pump()
                two.shell.endpoint.reject(event.call, 486, "", two.shell.now())
                two.shell.pump()
                two.shell.endpoint.hang_up(event.call, two.shell.now())

        two.shell._on_event = at_once
        one.agent.place("o1", "1002")
        await one.expect(phone.CallProceeding, phone.CallFailed)
        assert two.shell.endpoint.to_send(two.shell.now()) == []
        assert two.shell.endpoint.next_event() is None

    between_two(scenario)


def test_an_incoming_call_that_the_phone_fails_at_is_refused_and_the_next_one_rings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(one: End, two: End) -> None:
        take = two.shell._on_event

        def fail(event: Event) -> None:
            raise RuntimeError("on purpose")

        two.shell._on_event = fail
        one.agent.place("o1", "1002")
        failed = await one.expect(phone.CallFailed)
        assert isinstance(failed, phone.CallFailed)
        assert failed.status == 500
        two.shell._on_event = take
        one.agent.place("o2", "1002")
        await two.expect(phone.CallIncoming)
        one.agent.end("o2")
        await two.expect(phone.CallEnded)

    between_two(scenario)
    assert "IncomingCall" in caplog.text
    assert "on purpose" in caplog.text


def test_an_answered_call_that_the_phone_fails_at_is_ended_on_both_sides() -> None:
    async def scenario(one: End, two: End) -> None:
        def fail(stream: object, *rest: object) -> None:
            raise RuntimeError("on purpose")

        one.media.start_stream = fail  # type: ignore[method-assign, assignment]
        one.media.stop_stream = lambda stream: None  # type: ignore[method-assign]
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        two.agent.answer("i1")
        await two.expect(phone.CallAnswered)
        await one.expect(phone.CallEnded)
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_a_call_stands_where_the_phone_fails_at_a_re_invite() -> None:
    async def scenario(one: End, two: End) -> None:
        one.agent.place("o1", "1002")
        await two.expect(phone.CallIncoming)
        two.agent.answer("i1")
        await two.expect(phone.CallAnswered)
        await one.expect(phone.CallAnswered)
        await asyncio.sleep(1)
        take = two.shell._on_event

        def fail(event: Event) -> None:
            raise RuntimeError("on purpose")

        two.shell._on_event = fail
        one.shell.endpoint.reinvite("a1", None, one.shell.now())
        one.shell.pump()
        await asyncio.sleep(1)
        two.shell._on_event = take
        assert [event.status for event in one.events if isinstance(event, sip.ReofferRefused)] == [500]
        one.agent.end("o1")
        await two.expect(phone.CallEnded)

    between_two(scenario)


def test_timers_run_on_after_a_fault_in_one(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        told: list[float] = []
        shell = EndpointShell(EndpointSettings(), os.urandom, lambda event: None, Resolver())
        await shell.open("127.0.0.1", 0)

        def fail(now: float) -> None:
            raise RuntimeError("on purpose")

        timers = shell.endpoint._core.timers
        begin = shell.now()
        timers.start(begin + 1, fail)
        timers.start(begin + 1, told.append)
        timers.start(begin + 2, told.append)
        shell.pump()
        await asyncio.sleep(3)
        assert told == pytest.approx([begin + 1, begin + 2])
        await shell.close()

    run(scenario)
    assert "on purpose" in caplog.text


class BrokenNames(Resolver):
    """A name server client with a fault of its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def resolve(self, host: str, port: int | None, transport: sip.Transport) -> list[sip.Target]:
        raise self._error


@pytest.mark.parametrize("error", [NetworkError("cannot find it"), RuntimeError("on purpose")])
def test_a_name_that_cannot_be_looked_up_fails_the_call_at_once(error: Exception) -> None:
    async def scenario() -> None:
        events: asyncio.Queue[Event] = asyncio.Queue()
        shell = EndpointShell(EndpointSettings(), os.urandom, events.put_nowait, BrokenNames(error))
        await shell.open("127.0.0.1", 0)
        account = AccountSettings("desk", "sip:1001@pbx.test", "1001", "", "pbx.test", "udp", False)
        shell.endpoint.register(account, shell.now())
        begin = shell.now()
        shell.endpoint.call("c", "desk", "1002", None, begin)
        shell.pump()
        refused = await events.get()
        assert isinstance(refused, sip.CallRefused)
        assert refused.status == 0
        assert shell.now() == pytest.approx(begin, abs=0.1)
        await shell.close()

    run(scenario)


def test_a_flood_of_junk_leaves_room_for_timers() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        shell = EndpointShell(EndpointSettings(), os.urandom, lambda event: None, Resolver())
        await shell.open("127.0.0.1", 0)
        handled = 0
        receive = shell.endpoint.receive

        def count(data: bytes, flow: Flow, now: float) -> None:
            nonlocal handled
            handled += 1
            receive(data, flow, now)

        shell.endpoint.receive = count  # type: ignore[method-assign]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.bind(("127.0.0.1", 0))
            flood.connect(shell.transport.udp)
            for number in range(150):
                flood.send(
                    [b"junk", b"INVITE sip:x SIP/2.0\r\n\r\n", b"\0" * 900, b"SIP/2.0 200 OK\r\n\r\n"][number % 4]
                )
            at_timer: list[int] = []
            for _ in range(3):
                fired = loop.create_future()
                loop.call_later(0, fired.set_result, None)
                await fired
                at_timer.append(handled)
            while handled < 150:
                await asyncio.sleep(0)
        # A timer waits for one batch of the socket at most, however much has arrived.
        assert all(later - earlier <= 64 for earlier, later in zip([0, *at_timer], at_timer, strict=False))
        assert at_timer[0] < 150
        await shell.close()

    run(scenario)


def test_a_closed_shell_takes_no_further_notice() -> None:
    async def scenario() -> None:
        shell, script = scripted(lambda event: pytest.fail("nobody listens any more"))
        shell.transport = Wire(lambda item: None)  # type: ignore[assignment]
        await shell.close()
        script.events.append(Registered("desk", 60))
        script.at = shell.now() + 1
        shell.pump()
        await asyncio.sleep(5)
        assert shell._timer is None

    run(scenario)
