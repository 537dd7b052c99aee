"""The agent over the wire: calls answered without a hand, calls that take another's place, calls of programs."""

import asyncio
from dataclasses import replace

import pytest

from offhook.engine.leg import Leg
from offhook.engine.programs import NotDoneError
from offhook.phone.states import State
from offhook.sip import events as sip
from tests.support.handsets import Hand, Proxy, among, settle_a_moment

AUTO = (("Answer-Mode", "Auto"),)


def allow_auto_answer(hand: Hand) -> None:
    """Set ``auto_answer`` for the phone's account."""
    (account,) = hand.accounts
    hand.shell.endpoint.add_account(replace(account, auto_answer=True))


def call_asking_for_an_answer(one: Hand, user: str, headers: tuple[tuple[str, str], ...] = AUTO) -> Leg:
    """Place a call that asks to be answered at once."""
    leg = Leg("x", "x1", "out", user, "desk", False, one.agent)
    one.legs.place(leg, f"sip:{user}@pbx.test", headers=headers)
    return leg


# -- without a hand ----------------------------------------------------------------------------------------------


def test_a_call_that_asks_for_it_is_answered_after_a_beep_where_the_account_allows_it() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        allow_auto_answer(two)
        leg = call_asking_for_an_answer(one, "1002")
        await two.until(State.TALKING)
        beep, opened, closed = "tone confirm", "active True", "active False"
        assert two.notes.index(opened) < two.notes.index(beep) < two.notes.index("start 1")
        assert not any("ringer True" in note for note in two.notes)
        one.legs.end(leg)
        await two.until(State.ON_HOOK)
        assert two.notes.index(closed) > two.notes.index(beep)

    among(scenario, phones=2)


def test_where_the_account_does_not_allow_it_such_a_call_rings() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        leg = call_asking_for_an_answer(one, "1002")
        await two.rings()
        assert any("ringer True" in note for note in two.notes)
        one.legs.end(leg)

    among(scenario, phones=2)


def test_a_call_rings_in_the_cadence_that_its_alert_info_names() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        leg = call_asking_for_an_answer(one, "1002", (("Alert-Info", "<http://pbx.test/Bellcore-dr2>"),))
        await two.rings()
        assert any("ringer True (800, 400, 800, 4000)" in note for note in two.notes)
        one.legs.end(leg)

    among(scenario, phones=2)


def test_lifting_takes_such_a_call_to_the_handset_and_putting_back_ends_it() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        allow_auto_answer(two)
        call_asking_for_an_answer(one, "1002")
        await two.until(State.TALKING)
        two.lift()
        assert two.state is State.TALKING
        two.hang_up()
        assert two.state is State.ON_HOOK
        await settle_a_moment()
        assert list(one.legs) == []

    among(scenario, phones=2)


def test_during_a_call_such_a_call_waits_and_nobody_listens_in() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        allow_auto_answer(two)
        await two.talk_to(three)
        leg = call_asking_for_an_answer(one, "1002")
        await settle_a_moment()
        assert two.switchboard.machine.waiting == "i1"
        assert two.spoken_to() == {"1003"}
        one.legs.end(leg)
        two.hang_up()
        three.hang_up()

    among(scenario)


def test_a_call_that_is_to_be_answered_in_five_seconds_rings_for_four_and_beeps_for_one() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        allow_auto_answer(two)
        leg = call_asking_for_an_answer(one, "1002", (("Call-Info", "<sip:pbx.test>;answer-after=5"),))
        await two.rings()
        began = asyncio.get_running_loop().time()
        await two.until(State.TALKING, 10)
        assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=0.3)
        notes = two.notes
        ringer = [note for note in notes if note.startswith("ringer ")]
        assert len(ringer) == 2
        assert notes.index(ringer[0]) < notes.index(ringer[1]) < notes.index("active True")
        assert notes.index("active True") < notes.index("tone confirm") < notes.index("start 1")
        one.legs.end(leg)
        await two.until(State.ON_HOOK)

    among(scenario, phones=2)


def test_during_a_call_one_that_must_not_be_answered_by_hand_finds_us_busy() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        allow_auto_answer(two)
        await two.talk_to(three)
        call_asking_for_an_answer(one, "1002", (("Answer-Mode", "Auto;require"),))
        await settle_a_moment()
        assert [event.status for event in one.events if isinstance(event, sip.CallRefused)] == [486]
        assert two.switchboard.machine.waiting is None
        two.hang_up()
        three.hang_up()

    among(scenario)


# -- in another's place ------------------------------------------------------------------------------------------


def takes_the_place(one: Hand, handle: str) -> None:
    """Let the next call that comes in take the place of this one."""
    incoming = one.agent.incoming
    one.agent.incoming = lambda event: incoming(replace(event, replaces=handle))  # type: ignore[method-assign]


async def call_in_place_of(three: Hand, one: Hand, handle: str) -> int | None:
    """Let three call one in the place of another call; return the status where it was refused."""
    takes_the_place(one, handle)
    three.lift()
    three.dial(one.user)
    await settle_a_moment()
    return next((event.status for event in three.events if isinstance(event, sip.CallRefused)), None)


def test_a_call_takes_the_place_of_another_without_ringing() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        assert await call_in_place_of(three, one, one.leg("o1").handle) is None
        assert (one.state, one.switchboard.machine.call) == (State.TALKING, "o1")
        assert one.heard() == {"1003"}
        await two.until(State.REORDER)
        assert three.state is State.TALKING
        assert not any("ringer True" in note for note in one.notes)
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


def test_a_call_takes_the_place_of_one_that_is_held_and_is_held() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.flash()
        await settle_a_moment()
        assert await call_in_place_of(three, one, one.leg("o1").handle) is None
        await settle_a_moment()
        assert three.state is State.HELD
        assert one.spoken_to() == set()
        one.flash()
        await settle_a_moment()
        assert one.heard() == {"1003"}
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


def test_a_call_takes_the_place_of_one_that_we_place_and_it_is_answered_by_that() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        one.lift()
        one.dial("1002")
        await two.rings()
        assert await call_in_place_of(three, one, one.leg("o1").handle) is None
        assert (one.state, one.heard()) == (State.TALKING, {"1003"})
        assert two.state is State.ON_HOOK
        one.hang_up()
        three.hang_up()

    among(scenario)


def test_nothing_takes_the_place_of_an_emergency_call() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        proxy.users["service:sos"] = proxy.users["sos"] = two.shell.transport.udp
        one.lift()
        one.dial("112")
        await asyncio.sleep(2.5)  # it could be the beginning of 1xxx
        leg = next(iter(one.legs))
        assert leg.emergency
        assert await call_in_place_of(three, one, leg.handle) == 486
        assert one.switchboard.machine.in_emergency
        one.legs.hold(leg)  # whoever asks for it
        assert not leg.held_here
        one.hang_up()
        three.hang_up()

    among(scenario, idle=False)


def test_a_call_that_is_gone_or_rings_here_is_not_replaced() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        assert await call_in_place_of(three, one, "gone") == 481
        three.hang_up()
        two.lift()
        two.dial("1001")
        await settle_a_moment()  # which would take the place of a call that is gone, too: refused
        assert two.state is State.REORDER
        two.hang_up()

    among(scenario)


# -- programs ----------------------------------------------------------------------------------------------------


def test_a_program_places_a_call_with_the_handset_down_and_the_hand_takes_it_over() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        call = one.programs.call("1002")
        assert call == "p1"
        assert (one.state, one.notes[-1]) == (State.CALLING, "lamp line on")
        assert "active True" in one.notes
        await two.rings()
        two.lift()
        outcome = await one.programs.outcome(call)
        assert outcome.answered
        one.lift()
        assert one.state is State.TALKING
        one.hang_up()
        await two.until(State.REORDER)
        two.hang_up()

    among(scenario, phones=2)


def test_a_call_of_a_program_that_is_busy_ends_on_the_hook_without_a_tone() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        two.lift()
        call = one.programs.call("1002")
        outcome = await one.programs.outcome(call)
        assert (outcome.answered, outcome.status) == (False, 486)
        assert one.state is State.ON_HOOK
        assert one.notes.count("active False") == 1
        assert not any(note.startswith("tone") for note in one.notes)
        two.hang_up()

    among(scenario, phones=2)


def test_a_program_holds_resumes_and_transfers_the_call_in_the_ear() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        one.programs.hold("o1")
        await settle_a_moment()
        assert (one.state, two.state) == (State.HELD, State.HELD)
        one.flash()
        await settle_a_moment()
        assert (one.state, two.state) == (State.TALKING, State.TALKING)
        one.programs.hold("o1")
        one.programs.resume("o1")
        await settle_a_moment()
        assert one.heard() == {"1002"}
        transfer = asyncio.create_task(one.programs.transfer("1003", "o1"))
        await three.rings()
        three.lift()
        await transfer
        await one.until(State.REORDER)
        assert two.heard() == {"1003"}
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


def test_a_transfer_by_a_program_that_fails_leaves_the_call_in_the_ear() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand, three: Hand) -> None:
        await one.talk_to(two)
        three.lift()
        with pytest.raises(NotDoneError):
            await one.programs.transfer("1003", "o1")
        assert (one.state, one.heard()) == (State.TALKING, {"1002"})
        for hand in (one, two, three):
            hand.hang_up()

    among(scenario)


@pytest.mark.parametrize("number", ["112", "9", "sip:112@pbx.test"])
def test_nobody_is_transferred_to_an_emergency_number_or_past_the_dial_plan(number: str) -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        await one.talk_to(two)
        with pytest.raises(NotDoneError, match=r"emergency|dial plan"):
            await one.programs.transfer(number, "o1")
        one.hang_up()
        two.hang_up()

    among(scenario, phones=2)


def test_programs_keep_out_of_an_emergency_call() -> None:
    async def scenario(proxy: Proxy, one: Hand, two: Hand) -> None:
        one.lift()
        one.dial("112")
        await asyncio.sleep(2.5)
        for request in (one.programs.hang_up, one.programs.hold, one.programs.resume):
            with pytest.raises(NotDoneError):
                request("o1")
        with pytest.raises(NotDoneError):
            await one.programs.transfer("1002", "o1")
        assert one.switchboard.machine.in_emergency
        one.hang_up()

    among(scenario, phones=2, idle=False)


def test_an_emergency_number_of_a_program_places_an_emergency_call() -> None:
    async def scenario(proxy: Proxy, one: Hand) -> None:
        one.programs.call("112")
        assert one.switchboard.machine.in_emergency
        assert one.caller.up
        one.lift()
        one.hang_up()
        assert not one.caller.up

    among(scenario, phones=1, idle=False)
