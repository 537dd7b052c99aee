"""A program's hand on the line: which call is meant, what is asked of the machine, what becomes of a call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from offhook.engine.leg import Leg, LegListener
from offhook.engine.observations import CallSeen
from offhook.engine.programs import NotDoneError, Outcome, Programs
from offhook.phone import events as phone
from tests.support.virtual_loop import run


class Bench:
    """A line with legs made by hand; ``asked`` is what the machine was asked, ``refusal`` what it says to that."""

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        self.asked: list[phone.Event] = []
        self.keys: list[tuple[str, str, str]] = []
        self.refusal = ""
        self.emergency = False
        self.programs = Programs(("desk", "spare"), self.legs, self, self.request, lambda: self.emergency)

    def request(self, event: phone.Event) -> str:
        self.asked.append(event)
        return self.refusal

    def start_dtmf(self, call: str, digit: str) -> None:
        self.keys.append(("start", call, digit))

    def stop_dtmf(self, call: str, digit: str) -> None:
        self.keys.append(("stop", call, digit))

    def leg(self, call: str, state: str, direction: str = "in", account: str = "desk", held: bool = False) -> Leg:
        made = Leg(call, call, direction, "1002", account, False, cast(LegListener, None), state)  # type: ignore[arg-type]
        made.answered = state in ("talking", "held")
        made.held_here = held
        self.legs.append(made)
        return made


def on_bench(scenario: Callable[[Bench], Awaitable[None]]) -> None:
    async def body() -> None:
        await scenario(Bench())

    run(body)


def test_a_call_is_asked_for_and_its_outcome_is_its_answer() -> None:
    async def scenario(bench: Bench) -> None:
        call = bench.programs.call("1002", "spare")
        assert bench.asked == [phone.CallRequested("p1", "1002", "spare")]
        waiting = asyncio.ensure_future(bench.programs.outcome(call))
        bench.programs.follow(phone.CallProceeding(call))
        await asyncio.sleep(5)
        assert not waiting.done()
        bench.programs.follow(phone.CallAnswered(call))
        assert await waiting == Outcome(True, 200, "OK")
        bench.programs.follow(phone.CallEnded(call))
        assert (await bench.programs.outcome(call)).answered
        assert bench.programs.call("1003") == "p2"

    on_bench(scenario)


def test_a_refused_call_tells_status_and_reason() -> None:
    async def scenario(bench: Bench) -> None:
        call = bench.programs.call("1002")
        bench.programs.note(CallSeen("failed", "1002", "out", False, 486, "Busy Here", call))
        bench.programs.follow(phone.CallFailed(call, 486, "Busy Here"))
        assert await bench.programs.outcome(call) == Outcome(False, 486, "Busy Here")

    on_bench(scenario)


def test_a_call_that_is_hung_up_here_is_over_for_who_waits() -> None:
    async def scenario(bench: Bench) -> None:
        call = bench.programs.call("1002")
        bench.programs.note(CallSeen("ended", "1002", "out", False, call=call))
        assert await bench.programs.outcome(call) == Outcome(False, 0, "the call was ended here")

    on_bench(scenario)


def test_an_emergency_call_is_not_over_while_it_is_tried_again() -> None:
    async def scenario(bench: Bench) -> None:
        call = bench.programs.call("112")
        bench.emergency = True
        bench.programs.note(CallSeen("failed", "112", "out", True, 503, "no", call))
        waiting = asyncio.ensure_future(bench.programs.outcome(call))
        await asyncio.sleep(60)
        assert not waiting.done()
        bench.emergency = False
        bench.programs.note(CallSeen("ended", "112", "out", True, call=call))
        assert not (await waiting).answered

    on_bench(scenario)


def test_what_the_machine_refuses_is_told_and_leaves_nothing_behind() -> None:
    async def scenario(bench: Bench) -> None:
        bench.refusal = "the phone is in use: try again when it rests"
        with pytest.raises(NotDoneError, match="the phone is in use"):
            bench.programs.call("1002")
        with pytest.raises(NotDoneError, match="no program placed a call p1"):
            await bench.programs.outcome("p1")

    on_bench(scenario)


def test_an_account_that_is_unknown_is_refused() -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(NotDoneError, match="no account named nobody: there is desk, spare"):
            bench.programs.call("1002", "nobody")
        with pytest.raises(NotDoneError, match="no account named nobody"):
            bench.programs.hang_up(account="nobody")
        assert bench.asked == []

    on_bench(scenario)


def test_a_call_that_is_not_named_is_the_one_that_is_meant() -> None:
    async def scenario(bench: Bench) -> None:
        programs = bench.programs
        for ask, problem in (
            (programs.answer, "no call rings"),
            (programs.hang_up, "there is no call"),
            (programs.hold, "no call is up"),
            (programs.resume, "no call is on hold"),
        ):
            with pytest.raises(NotDoneError, match=problem):
                ask()
        bench.leg("i1", "held", held=True)
        bench.leg("o1", "talking", "out")
        bench.leg("i2", "ringing", account="spare")
        assert (programs.answer(), programs.hang_up(), programs.hold(), programs.resume()) == ("i2", "o1", "o1", "i1")
        assert programs.hang_up(account="spare") == "i2"
        assert programs.hang_up("i1") == "i1"
        with pytest.raises(NotDoneError, match="there is no call i1"):
            programs.hang_up("i1", "spare")
        assert bench.asked == [
            phone.AnswerRequested("i2"),
            phone.EndRequested("o1"),
            phone.HoldRequested("o1"),
            phone.ResumeRequested("i1"),
            phone.EndRequested("i2"),
            phone.EndRequested("i1"),
        ]

    on_bench(scenario)


@pytest.mark.parametrize(
    ("event", "failure"),
    [
        (phone.CallTransferred("o1"), ""),
        (phone.CallEnded("o1"), ""),
        (phone.CallNotTransferred("o1", 486), "not taken over: 486; the call is yours"),
        (phone.CallNotTransferred("o1"), "not taken over; the call is yours"),
    ],
)
def test_a_transfer_is_done_when_the_other_side_says_so(event: phone.Event, failure: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.leg("o1", "talking", "out")
        asked = asyncio.ensure_future(bench.programs.transfer("1005"))
        await asyncio.sleep(20)
        assert not asked.done()
        assert bench.asked == [phone.TransferRequested("o1", "1005")]
        with pytest.raises(NotDoneError, match="already"):
            await bench.programs.transfer("1006")
        bench.programs.follow(event)
        if failure:
            with pytest.raises(NotDoneError, match=failure):
                await asked
        else:
            assert await asked == "o1"
        bench.refusal = "no"
        with pytest.raises(NotDoneError, match="no"):
            await bench.programs.transfer("1005")

    on_bench(scenario)


def test_digits_are_sent_one_after_the_other() -> None:
    async def scenario(bench: Bench) -> None:
        bench.leg("o1", "talking", "out")
        assert await bench.programs.dtmf("1#") == "o1"
        assert bench.keys == [("start", "o1", "1"), ("stop", "o1", "1"), ("start", "o1", "#"), ("stop", "o1", "#")]
        for wrong in ("", "12x", "1" * 65):
            with pytest.raises(NotDoneError, match="digits are 1 to 64"):
                await bench.programs.dtmf(wrong)

    on_bench(scenario)


def test_digits_end_with_the_call() -> None:
    async def scenario(bench: Bench) -> None:
        leg = bench.leg("o1", "talking", "out")
        asyncio.get_running_loop().call_later(0.12, lambda: setattr(leg, "state", "ending"))
        with pytest.raises(NotDoneError, match="the call ended"):
            await bench.programs.dtmf("123456")
        assert len(bench.keys) == 2

    on_bench(scenario)


def test_calls_of_long_ago_are_forgotten_and_a_stop_leaves_nobody_waiting() -> None:
    async def scenario(bench: Bench) -> None:
        first = asyncio.ensure_future(bench.programs.outcome(bench.programs.call("1")))
        await asyncio.sleep(0)
        calls = [bench.programs.call("1") for _ in range(64)]
        assert not (await first).answered
        last = asyncio.ensure_future(bench.programs.outcome(calls[-1]))
        await asyncio.sleep(0)
        bench.programs.close()
        assert await last == Outcome(False, 0, "the phone stops")

    on_bench(scenario)
