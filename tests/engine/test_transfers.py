"""Three phones over loopback in virtual time: the one in the middle is referred by the first to the third."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from offhook.engine.transfers import Transfers
from offhook.phone import events as phone
from offhook.phone.collector import DigitCollector
from offhook.phone.settings import PhoneSettings
from offhook.sip import events as sip
from offhook.sip.settings import AccountSettings
from tests.support.engine_bench import End, settle
from tests.support.virtual_loop import run

PLAN = PhoneSettings(dialplan="(1xxx|2xxx!|<9:>3xxx)", emergency_numbers=("112",), outside_prefix="9")


@dataclass
class Mover(End):
    """A phone that does what a REFER asks, as far as its dial plan lets it."""

    bars: set[str] = field(default_factory=set)
    asked: list[phone.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.transfers = Transfers(
            self.shell,
            self.accounts,
            self.legs,
            self.agent,
            DigitCollector(PLAN).whole,
            lambda number, account: number in self.bars,
            self.told.put_nowait,
            self._request,
            self.media,
        )

    def _request(self, event: phone.Event) -> str:
        self.asked.append(event)
        assert isinstance(event, phone.CallRequested)
        self.agent.place(event.call, event.number, event.account)
        return ""

    def _take(self, event: sip.Event) -> None:
        if isinstance(event, sip.TransferRequested):
            self.events.append(event)
            self.transfers.requested(event)
        else:
            super()._take(event)

    def tones(self) -> list[str]:
        return [note for note in self.media.notes if note.startswith("tone") or note == "quiet"]


def of_three(scenario: Callable[[End, Mover, End], Awaitable[None]], **middle: object) -> None:
    """Run with phones a, b and c; what b places goes to c. All must be idle at the end."""

    async def main() -> None:
        a, b, c = End("1001"), Mover("1002", **middle), End("1003")  # type: ignore[arg-type]
        for end in (a, b, c):
            await end.open()
        a.join(b.shell.transport.udp)
        b.join(c.shell.transport.udp)
        c.join(b.shell.transport.udp)
        try:
            async with asyncio.timeout(60):
                await scenario(a, b, c)
            await settle(a, b, c)
            for end in (a, b, c):
                end.assert_idle()
        finally:
            for end in (a, b, c):
                await end.shell.close()

    run(main)


async def talk(a: End, b: End) -> str:
    """a calls b, until both talk; return b's handle."""
    a.agent.place("o1", "1002")
    incoming = await b.expect(phone.CallIncoming)
    assert isinstance(incoming, phone.CallIncoming)
    b.agent.answer(incoming.call)
    await b.expect(phone.CallAnswered)
    await a.expect(phone.CallAnswered)
    return incoming.call


def early_media(c: End) -> None:
    """Let c send sound before it answers."""
    incoming = next(event for event in reversed(c.events) if isinstance(event, sip.IncomingCall))
    assert incoming.body is not None
    session = c.sessions.open("127.0.0.1")
    c.shell.endpoint.early_media(incoming.call, session.answer_to(incoming.body), c.shell.now())
    c.shell.pump()
    session.close()


async def rings_at(c: End) -> str:
    incoming = await c.expect(phone.CallIncoming)
    assert isinstance(incoming, phone.CallIncoming)
    c.agent.ring(incoming.call)
    return incoming.call


def test_the_person_in_the_middle_talks_on_with_somebody_else() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        at_c = await rings_at(c)
        c.agent.answer(at_c)
        await c.expect(phone.CallAnswered)
        await b.expect(phone.CallResumed)
        await a.expect(phone.CallTransferred)
        leg = b.legs.by_call(call)
        assert leg is not None
        assert (leg.call, leg.direction, leg.peer) == (call, "out", "1003")
        assert [plan.send for plan in b.media.running.values()].count(True) == 1  # a is not heard with c
        a.agent.end("o1")
        await asyncio.sleep(1)
        assert len(b.media.running) == 1
        assert b.tones() == []  # a was there until c was
        b.agent.end(call)
        await c.expect(phone.CallEnded)

    of_three(scenario)


def test_who_referred_us_and_does_not_leave_is_left() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        c.agent.answer(await rings_at(c))
        await a.expect(phone.CallTransferred, phone.CallEnded)
        assert [leg.call for leg in b.legs] == [call]
        b.agent.end(call)

    of_three(scenario)


def test_ringback_is_played_once_who_referred_us_has_left() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        at_c = await rings_at(c)
        a.agent.end("o1")
        await asyncio.sleep(1)
        assert b.tones() == ["tone ringback"]
        assert b.told.empty()
        c.agent.answer(at_c)
        await b.expect(phone.CallResumed)
        assert b.tones()[-1] == "quiet"
        b.agent.end(call)

    of_three(scenario)


def test_a_target_that_refuses_leaves_the_call_as_it_was() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        c.agent.reject(await rings_at(c), 486)
        failed = await a.expect(phone.CallNotTransferred)
        assert failed == phone.CallNotTransferred("o1", 486)
        assert b.told.empty()
        assert [leg.peer for leg in b.legs if leg.call == call] != []
        a.agent.end("o1")
        await b.expect(phone.CallEnded)

    of_three(scenario)


def test_a_target_that_refuses_when_nobody_else_is_left_ends_the_call() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        at_c = await rings_at(c)
        a.agent.end("o1")
        await asyncio.sleep(1)
        c.agent.reject(at_c, 486)
        assert await b.expect(phone.CallEnded) == phone.CallEnded(call)
        assert b.tones()[-1] == "quiet"

    of_three(scenario)


def test_hanging_up_meanwhile_ends_both_legs() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        await rings_at(c)
        b.agent.end(call)
        await c.expect(phone.CallEnded)
        await a.expect(phone.CallEnded)

    of_three(scenario)


@pytest.mark.parametrize(
    "target",
    [
        *("112", "9112", "tel:112", "sip:112@pbx.test", "sip:1%312@pbx.test", "sip:1-1-2@pbx.test"),
        *("sip:112%23@pbx.test", "sip:112%20@pbx.test", "sip:112!@pbx.test", "sip:1_1_2@pbx.test"),
        *("sip:+112@pbx.test", "sip:112", "sip:sos@pbx.test"),
    ],
)
def test_nobody_is_moved_to_an_emergency_number(target: str) -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        await talk(a, b)
        a.agent.transfer("o1", target)
        assert await a.expect(phone.CallNotTransferred) == phone.CallNotTransferred("o1", 403)
        a.agent.end("o1")
        await b.expect(phone.CallEnded)
        assert c.told.empty()

    of_three(scenario)


@pytest.mark.parametrize("target", ["2000", "12345", "sip:2000@pbx.test", "sip:20.00@pbx.test", "tel:+2000"])
def test_the_locks_of_the_dial_plan_hold_for_transfers(target: str) -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        await talk(a, b)
        a.agent.transfer("o1", target)
        assert await a.expect(phone.CallNotTransferred) == phone.CallNotTransferred("o1", 403)
        a.agent.end("o1")
        await b.expect(phone.CallEnded)

    of_three(scenario)


@pytest.mark.parametrize(
    ("target", "may"),
    [
        *(("sip:1003@pbx.test", True), ("sip:voicemail@pbx.test", True), ("tel:1003", True)),
        *(("sip:112@pbx.test", False), ("tel:112", False), ("sip:2000@pbx.test", False), ("sip:1007@pbx.test", False)),
    ],
)
def test_a_redirection_leads_only_where_a_transfer_may(target: str, may: bool) -> None:
    mover = Mover("1002", bars={"sip:1007@pbx.test"})
    mover.accounts.append(AccountSettings("desk", "sip:1002@pbx.test", "1002", "", "127.0.0.1:9", "udp", False))
    assert mover.transfers.may_redirect(target, "desk") is may
    assert not mover.transfers.may_redirect(target, "nobody")


def test_what_the_guard_bars_is_not_called() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        await talk(a, b)
        a.agent.transfer("o1", "1003")
        assert await a.expect(phone.CallNotTransferred) == phone.CallNotTransferred("o1", 403)
        a.agent.end("o1")
        await b.expect(phone.CallEnded)

    of_three(scenario, bars={"1003"})


def test_one_transfer_at_a_time() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        await rings_at(c)
        a.agent.transfer("o1", "1004")
        assert await a.expect(phone.CallNotTransferred) == phone.CallNotTransferred("o1", 486)
        b.agent.end(call)
        await c.expect(phone.CallEnded)

    of_three(scenario)


def test_a_call_on_hold_here_is_on_hold_with_its_next_party_too() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        b.agent.hold(call)
        await a.expect(phone.CallHeld)
        a.agent.transfer("o1", "1003")
        c.agent.answer(await rings_at(c))
        await c.expect(phone.CallAnswered)
        await c.expect(phone.CallHeld)
        leg = b.legs.by_call(call)
        assert leg is not None
        assert leg.held_here
        b.agent.end(call)

    of_three(scenario)


def test_the_next_party_of_a_call_on_hold_here_is_not_heard_before_it_answers() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        b.agent.hold(call)
        await a.expect(phone.CallHeld)
        a.agent.transfer("o1", "1003")
        await c.expect(phone.CallIncoming)
        early_media(c)
        await asyncio.sleep(0.2)
        assert not any(plan.send or plan.receive for plan in b.media.running.values())
        b.agent.resume(call)
        await asyncio.sleep(0.2)
        assert all(plan.send and plan.receive for plan in b.media.running.values())
        b.agent.end(call)

    of_three(scenario)


@pytest.mark.parametrize("which", ["old", "new"])
def test_who_takes_the_place_of_a_call_that_is_being_moved_is_alone_in_the_ear(which: str) -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        call = await talk(a, b)
        a.agent.transfer("o1", "1003")
        await rings_at(c)
        await asyncio.sleep(0.2)
        old, new = sorted((leg for leg in b.legs if leg.call == call), key=lambda leg: not leg.answered)
        incoming = b.agent.incoming
        replaced = (old if which == "old" else new).handle
        b.agent.incoming = lambda event: incoming(replace(event, replaces=replaced))  # type: ignore[method-assign]
        c.agent.place("o9", "1002")
        await asyncio.sleep(1)
        (leg,) = b.legs
        assert (leg.call, leg.direction) == (call, "in")
        assert len(b.media.running) == 1
        assert b.tones() == []
        b.agent.end(call)

    of_three(scenario)


# -- outside any call ------------------------------------------------------------------------------------------------


def click(b: Mover, target: str, **more: object) -> int:
    """The server of b's account asks for a call; return the status that b refuses with, 0: it calls."""
    refused: list[int] = []
    endpoint = b.shell.endpoint
    endpoint.refuse_transfer = lambda key, status, now: refused.append(status)  # type: ignore[method-assign]
    account = AccountSettings("desk", "sip:1002@pbx.test", "1002", "", "127.0.0.1:1", "udp", False, **more)  # type: ignore[arg-type]
    b.accounts[:] = [account]
    b.transfers.requested(sip.TransferRequested("t1", None, "desk", target, (), None))
    return refused[0] if refused else 0


def test_the_server_may_have_the_phone_call_where_it_may_have_it_answer() -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        assert click(b, "sip:1003@pbx.test", auto_answer=True) == 0
        await rings_at(c)
        (asked,) = b.asked
        assert isinstance(asked, phone.CallRequested)
        b.agent.end(asked.call)
        await c.expect(phone.CallEnded)

    of_three(scenario)


@pytest.mark.parametrize(
    ("target", "allowed", "status"), [("1003", False, 603), ("112", True, 403), ("2000", True, 403)]
)
def test_otherwise_the_server_may_not(target: str, allowed: bool, status: int) -> None:
    async def scenario(a: End, b: Mover, c: End) -> None:
        assert click(b, f"sip:{target}@pbx.test", auto_answer=allowed) == status
        assert b.asked == []

    of_three(scenario)
