"""Random hands on three phones: whatever they do to each other, no call is lost and none is left."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.phone import events as phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.sip.events import Transmit
from tests.support.engine_bench import no_faults
from tests.support.handsets import Hand, Proxy, among

WHO = st.integers(0, 2)
IN_USE = ("flash", "flash", "wait", "hang up", "hold", "resume", "transfer", "5")
MOVES: dict[State, tuple[str, ...]] = {
    State.ON_HOOK: ("ring 1001", "ring 1002", "ring 1003", "ring 1002", "lift", "call", "long"),
    State.RINGING: ("answer", "answer", "answer", "lift", "take", "wait"),
    State.DIAL_TONE: ("ring 1001", "ring 1002", "ring 1003", "flash", "5", "hang up"),
    State.DIALLING: ("flash", "hang up", "wait", "long"),
    State.CALLING: ("flash", "hang up", "wait"),
    State.RINGBACK: ("flash", "hang up", "wait", "wait"),
    State.TALKING: IN_USE,
    State.HELD: IN_USE,
}


def may_do(hand: Hand) -> st.SearchStrategy[str]:
    """What makes sense in this state, and now and then what does not."""
    return st.sampled_from((*MOVES.get(hand.state, ("flash", "hang up", "wait")), "take", "resume"))


def check(hand: Hand) -> None:
    """What the machine knows is what the engine has, and only the call in the ear is spoken to."""
    machine = hand.switchboard.machine
    known = {call for call in (machine.call, machine.waiting, *machine.held, *machine.leaving) if call is not None}
    calls = {leg.call for leg in hand.legs if not leg.call.endswith("-left")}  # which only waits to be thanked
    assert calls == known, f"{hand.user}: {machine.state}"
    for leg in hand.legs:
        if leg.call in machine.held and leg.answered:  # a leg on its way is where the other side hands us to
            assert leg.held_here
            assert leg.peer not in hand.spoken_to() or any(
                other.peer == leg.peer for other in hand.legs if other != leg
            )
    if machine.state is State.TALKING and machine.call is not None:
        assert not hand.leg(machine.call).held_here


async def move(hand: Hand, what: str) -> None:
    match what:
        case "lift" if hand.state in (State.ON_HOOK, State.RINGING):
            hand.lift()
        case "answer" if hand.state is State.RINGING:
            hand.lift()
            await asyncio.sleep(0.3)
        case "ring 1001" | "ring 1002" | "ring 1003":
            if hand.state is State.ON_HOOK:
                hand.lift()
            hand.dial(what[-4:])
            await asyncio.sleep(0.3)
        case "hang up":
            hand.hang_up()
        case "flash":
            hand.flash()
        case "wait":
            await asyncio.sleep(0.3)
        case "long":
            await asyncio.sleep(7)
        case "call":
            hand.switchboard.request(phone.CallRequested(f"p{len(hand.seen)}", "1002"))
        case "take":
            hand.switchboard.request(phone.AnswerRequested())
        case "hold" if hand.switchboard.machine.call is not None:
            hand.switchboard.request(phone.HoldRequested(hand.switchboard.machine.call))
        case "resume" if hand.switchboard.machine.held:
            hand.switchboard.request(phone.ResumeRequested(hand.switchboard.machine.held[0]))
        case "transfer" if hand.switchboard.machine.call is not None:
            hand.switchboard.request(phone.TransferRequested(hand.switchboard.machine.call, "1003"))
        case digits if digits.isdigit():
            hand.dial(digits)
        case _:
            pass


def roughen(hand: Hand, seed: int) -> None:
    """Lose a tenth of what a phone sends, and send another tenth twice."""
    chance, send = random.Random(seed), hand.shell.transport.send

    def roughly(item: Transmit) -> None:
        fate = chance.random()
        for _ in range(0 if fate < 0.1 else 2 if fate > 0.9 else 1):
            send(item)

    hand.shell.transport.send = roughly  # type: ignore[method-assign]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(5, 25), st.booleans(), st.none() | st.integers(0, 99))
def test_no_call_is_lost_and_none_is_left(data: st.DataObject, steps: int, joins: bool, rough: int | None) -> None:
    async def scenario(proxy: Proxy, *hands: Hand) -> None:
        for hand in hands if rough is not None else ():
            roughen(hand, rough)
        for _ in range(steps):
            hand = hands[data.draw(WHO)]
            await move(hand, data.draw(may_do(hand)))
            for each in hands:
                check(each)
        await asyncio.sleep(5)
        for _ in range(8):
            for hand in hands:
                hand.lift()
                hand.hang_up()
                check(hand)
            await asyncio.sleep(1)
        await asyncio.sleep(80)
        for hand in hands:
            check(hand)
            assert hand.state is State.ON_HOOK
            assert not hand.switchboard.machine.leaving

    options = PhoneSettings(dialplan="1xxx", emergency_numbers=("112",), transfer_on_hangup=joins)
    with no_faults():
        among(scenario, options=options, limit=600.0)  # news of a transfer may be waited for that long
