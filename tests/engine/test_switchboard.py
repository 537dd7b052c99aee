"""The switchboard in virtual time: each action performed, timers, reentrancy, and parts that fail."""

import asyncio
from collections.abc import Callable

import pytest

from offhook.engine.observations import LampSeen, Observation, RingerSeen, StateSeen, ToneSeen
from offhook.engine.switchboard import Switchboard, SwitchboardSettings
from offhook.phone import actions as do
from offhook.phone import events as phone
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from tests.support.engine_bench import BoardNotes, MediaNotes
from tests.support.virtual_loop import run


class Calls:
    """Ordinary and emergency calls, keys and voice: everything goes into one notebook, in order."""

    def __init__(self, notes: list[str], emergency: bool = False) -> None:
        self.notes = notes
        self.emergency = "emergency " if emergency else ""
        self.up: str | None = None
        self.style = 0
        self.on_place: Callable[[str], None] = lambda call: None
        self.on_answer: Callable[[str], None] = lambda call: None

    def place(self, call: str, number: str, by: str | None = None) -> None:
        self.notes.append(f"{self.emergency}place {call} {number}")
        self.up = call
        self.on_place(call)

    def ring(self, call: str) -> None:
        self.notes.append(f"ring {call}")

    def ring_style(self, call: str) -> int:
        return self.style

    def wait(self, call: str) -> None:
        self.notes.append(f"wait {call}")

    def hold(self, call: str) -> None:
        self.notes.append(f"hold {call}")

    def resume(self, call: str) -> None:
        self.notes.append(f"resume {call}")

    def transfer(self, call: str, number: str) -> None:
        self.notes.append(f"transfer {call} {number}")

    def join(self, call: str, other: str) -> None:
        self.notes.append(f"join {call} {other}")

    def answer(self, call: str) -> None:
        self.notes.append(f"answer {call}")
        self.on_answer(call)

    def reject(self, call: str, status: int) -> None:
        self.notes.append(f"reject {call} {status}")

    def start_dtmf(self, call: str, digit: str) -> None:
        self.notes.append(f"dtmf {call} {digit}")

    def stop_dtmf(self, call: str, digit: str) -> None:
        self.notes.append(f"dtmf {call} {digit} ends")


class Ordinary(Calls):
    def end(self, call: str) -> None:
        self.notes.append(f"end {call}")


class Emergency(Calls):
    def end(self, call: str) -> bool:
        if call != self.up:
            return False
        self.notes.append(f"emergency end {call}")
        self.up = None
        return True


class Bench:
    """A switchboard and everything around it. ``notes``: what was asked of anybody, in order."""

    def __init__(self) -> None:
        self.media, self.board = MediaNotes(), BoardNotes()
        self.notes = self.media.notes
        self.board.notes = self.notes
        self.calls, self.emergency = Ordinary(self.notes), Emergency(self.notes, emergency=True)
        self.seen: list[Observation] = []
        settings = PhoneSettings(emergency_numbers=("112",), dialplan="(1xxx|[2-9]x)", disconnect_tone=do.Tone.REORDER)
        self.switchboard = Switchboard(
            Phone(settings),
            self.board,
            self.media,
            self.calls,
            self,
            self.seen.append,
            SwitchboardSettings(ring_cadence_ms=(400, 200, 400, 2000)),
        )
        self.switchboard.connect(self.calls, self.emergency)
        self.post(phone.ServiceChanged(True))

    def __call__(self, text: str) -> None:
        self.notes.append(f"say {text}")

    def hush(self) -> None:
        self.notes.append("hush")

    def state(self) -> State:
        return self.switchboard.machine.state

    def post(self, *events: phone.Event) -> list[str]:
        """Post events; return what they made the phone do."""
        before = len(self.notes)
        for event in events:
            self.switchboard.post(event)
        return self.notes[before:]

    def dial(self, digits: str) -> list[str]:
        keys = [kind(digit) for digit in digits for kind in (phone.KeyDown, phone.KeyUp)]  # type: ignore[arg-type]
        return self.post(phone.HookLifted(), *keys)


def on_a_bench(scenario: Callable[[Bench], object]) -> None:
    async def main() -> None:
        bench = Bench()
        result = scenario(bench)
        if asyncio.iscoroutine(result):
            await result
        bench.switchboard.close()

    run(main)


def test_a_lift_gives_dial_tone_and_the_first_digit_takes_it_away() -> None:
    def scenario(bench: Bench) -> None:
        assert bench.post(phone.HookLifted()) == ["active True", "tone dial", "lamp line on"]
        assert bench.post(phone.KeyDown("1")) == ["hush", "quiet"]
        assert [item.phone for item in bench.seen if isinstance(item, StateSeen)] == ["DIAL_TONE", "DIALLING"]
        assert any(isinstance(item, ToneSeen) and item.name == "none" for item in bench.seen)

    on_a_bench(scenario)


def test_a_call_rings_with_the_cadence_and_the_caller_hears_of_it() -> None:
    def scenario(bench: Bench) -> None:
        done = bench.post(phone.CallIncoming("i1", "Bob"))
        assert done == ["ringer True (400, 200, 400, 2000)", "ring i1", "lamp line blink"]
        assert RingerSeen(True, "400,200,400,2000") in bench.seen
        assert bench.post(phone.CallEnded("i1")) == ["ringer False", "lamp line off"]
        assert LampSeen("line", "off") in bench.seen

    on_a_bench(scenario)


@pytest.mark.parametrize(
    ("style", "cadence"),
    [(1, "400,200,400,2000"), (2, "800,400,800,4000"), (3, "400,200,400,200,800,4000"), (5, "500,4000")],
)
def test_a_call_rings_in_the_cadence_that_its_server_asks_for(style: int, cadence: str) -> None:
    def scenario(bench: Bench) -> None:
        bench.calls.style = style
        bench.post(phone.CallIncoming("i1", "Bob"))
        assert RingerSeen(True, cadence) in bench.seen
        bench.post(phone.CallEnded("i1"))
        assert RingerSeen(False) in bench.seen

    on_a_bench(scenario)


def test_a_second_call_is_refused_and_its_caller_is_not_told_that_it_rings() -> None:
    def scenario(bench: Bench) -> None:
        bench.post(phone.CallIncoming("i1", "Bob"))
        assert bench.post(phone.CallIncoming("i2", "Eve")) == ["reject i2 486"]

    on_a_bench(scenario)


def test_a_call_while_the_handset_is_off_is_refused() -> None:
    def scenario(bench: Bench) -> None:
        bench.post(phone.HookLifted())
        assert bench.post(phone.CallIncoming("i1", "Bob")) == ["reject i1 486"]

    on_a_bench(scenario)


def test_lifting_answers_and_putting_back_ends() -> None:
    def scenario(bench: Bench) -> None:
        bench.calls.on_answer = lambda call: bench.switchboard.post(phone.CallAnswered(call))
        bench.post(phone.CallIncoming("i1", "Bob"))
        assert bench.post(phone.HookLifted())[:3] == ["active True", "ringer False", "answer i1"]
        assert bench.state() is State.TALKING
        assert bench.post(phone.KeyDown("5"), phone.KeyUp("5")) == ["dtmf i1 5", "dtmf i1 5 ends"]
        assert bench.post(phone.HookReplaced()) == ["end i1", "hush", "quiet", "active False", "lamp line off"]

    on_a_bench(scenario)


def test_a_number_is_placed_and_events_posted_within_the_placing_wait_their_turn() -> None:
    def scenario(bench: Bench) -> None:
        def fail_at_once(call: str) -> None:
            bench.switchboard.post(phone.CallProceeding(call))
            bench.notes.append("placed")
            bench.switchboard.post(phone.CallFailed(call, 486))

        bench.calls.on_place = fail_at_once
        done = bench.dial("1001")
        placed = done.index("place o1 1001")
        assert [note for note in done[placed:] if not note.startswith("lamp")] == [
            "place o1 1001",
            "placed",
            "tone ringback",
            "tone busy",
        ]
        states = [item.phone for item in bench.seen if isinstance(item, StateSeen)]
        assert states[-3:] == ["CALLING", "RINGBACK", "REORDER"]

    on_a_bench(scenario)


def test_an_emergency_call_goes_to_the_emergency_caller_and_its_end_too() -> None:
    async def scenario(bench: Bench) -> None:
        bench.dial("112")
        await asyncio.sleep(2.1)  # 112 could be the beginning of 1xxx
        assert "emergency place o1 112" in bench.notes
        assert bench.post(phone.HookReplaced())[0] == "emergency end o1"
        assert "end o1" not in bench.notes

    on_a_bench(scenario)


def test_timers_fire_are_set_anew_and_are_cancelled() -> None:
    async def scenario(bench: Bench) -> None:
        bench.post(phone.HookLifted())
        await asyncio.sleep(19.9)
        assert bench.state() is State.DIAL_TONE
        await asyncio.sleep(0.2)
        assert bench.state() is State.REORDER
        await asyncio.sleep(30)
        assert bench.state() is State.HOWLER
        bench.post(phone.HookReplaced())
        await asyncio.sleep(100)
        assert bench.state() is State.ON_HOOK
        bench.dial("1")
        await asyncio.sleep(9)
        bench.post(phone.KeyDown("0"))
        await asyncio.sleep(9)
        assert bench.state() is State.DIALLING
        await asyncio.sleep(1.1)
        assert bench.state() is State.REORDER

    on_a_bench(scenario)


def test_closing_stops_timers_and_ringer() -> None:
    async def scenario(bench: Bench) -> None:
        bench.post(phone.CallIncoming("i1", "Bob"))
        bench.switchboard.close()
        assert bench.notes[-1] == "ringer False"
        await asyncio.sleep(500)
        assert bench.state() is State.RINGING

    on_a_bench(scenario)


def test_notices_are_spoken_at_the_lift_and_hushed_by_the_first_digit() -> None:
    def scenario(bench: Bench) -> None:
        bench.post(phone.NoticeRaised("power", "The power is out."))
        assert bench.post(phone.HookLifted())[:3] == ["active True", "tone dial", "say The power is out."]
        assert bench.post(phone.KeyDown("2"))[0] == "hush"

    on_a_bench(scenario)


def test_words_are_hushed_when_a_call_is_answered_even_where_no_tone_plays() -> None:
    def scenario(bench: Bench) -> None:
        bench.dial("1001")
        bench.switchboard.post(phone.CallEarlyMedia("o1"))
        assert bench.post(phone.CallAnswered("o1"))[:2] == ["hush", "quiet"]

    on_a_bench(scenario)


def test_the_volume_buttons_work_in_every_state_within_bounds() -> None:
    def scenario(bench: Bench) -> None:
        bench.switchboard.button("volume_up", 0.0)
        bench.switchboard.button("nothing", 0.0)
        for _ in range(20):
            bench.switchboard.button("volume_down", 0.0)
        assert bench.notes[0] == "volume 3"
        assert bench.notes[-1] == "volume -18"
        for _ in range(20):
            bench.switchboard.button("volume_up", 0.0)
        assert bench.notes[-1] == "volume 12"

    on_a_bench(scenario)


def broken(*arguments: object) -> None:
    raise RuntimeError("on purpose")


def test_a_lamp_and_an_ear_that_break_do_not_keep_an_emergency_call_from_being_placed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(bench: Bench) -> None:
        bench.board.set_lamp = broken  # type: ignore[method-assign, assignment]
        bench.media.stop_tone = broken  # type: ignore[method-assign]
        bench.media.set_active = broken  # type: ignore[method-assign, assignment]
        bench.dial("112")
        await asyncio.sleep(2.1)
        assert "emergency place o1 112" in bench.notes
        bench.post(phone.HookReplaced())
        assert "emergency end o1" in bench.notes
        assert bench.state() is State.ON_HOOK

    on_a_bench(scenario)
    assert "on purpose" in caplog.text
    assert "112" not in caplog.text.replace("test_switchboard", "")


@pytest.mark.parametrize("digits", ["1001", "112"])
def test_a_call_that_cannot_be_placed_has_failed(digits: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.calls.on_place = bench.emergency.on_place = broken
        bench.dial(digits)
        await asyncio.sleep(2.1)
        assert bench.state() is State.REORDER
        assert "tone reorder" in bench.notes

    on_a_bench(scenario)


def test_a_call_that_cannot_be_answered_has_ended() -> None:
    def scenario(bench: Bench) -> None:
        bench.calls.on_answer = broken
        bench.post(phone.CallIncoming("i1", "Bob"), phone.HookLifted())
        assert bench.state() is State.REORDER

    on_a_bench(scenario)


def before_the_calls(scenario: Callable[[Bench], object]) -> None:
    """Run on a switchboard whose calls are not there yet."""

    async def main() -> None:
        bench = Bench()
        settings = PhoneSettings(emergency_numbers=("112",), dialplan="([2-9]xxx)")
        bench.switchboard = Switchboard(
            Phone(settings), bench.board, bench.media, bench.calls, bench, bench.seen.append, SwitchboardSettings()
        )
        scenario(bench)
        bench.switchboard.close()

    run(main)


def test_a_lift_before_there_are_calls_has_its_tone() -> None:
    def scenario(bench: Bench) -> None:
        assert bench.post(phone.HookLifted()) == ["active True", "tone no_service", "lamp line on"]
        assert bench.post(phone.HookReplaced())[-2:] == ["active False", "lamp line off"]

    before_the_calls(scenario)


def test_an_emergency_number_that_is_dialled_before_there_are_calls_is_placed_when_they_are_there() -> None:
    def scenario(bench: Bench) -> None:
        bench.dial("112")
        assert bench.state() is State.CALLING
        before = len(bench.notes)
        bench.switchboard.connect(bench.calls, bench.emergency)
        assert bench.notes[before:] == []
        bench.switchboard.place_kept()
        bench.switchboard.place_kept()
        (placed,) = bench.notes[before:]
        assert (placed.startswith("emergency place"), placed.endswith(" 112")) == (True, True)
        assert any(note.startswith("emergency end") for note in bench.post(phone.HookReplaced()))

    before_the_calls(scenario)


def test_a_call_that_was_given_up_before_it_could_be_placed_is_not_placed() -> None:
    def scenario(bench: Bench) -> None:
        bench.dial("112")
        bench.post(phone.HookReplaced())
        bench.dial("112")
        bench.switchboard.connect(bench.calls, bench.emergency)
        bench.post(phone.HookReplaced())
        bench.switchboard.place_kept()
        assert not [note for note in bench.notes if "place" in note]

    before_the_calls(scenario)


@pytest.mark.parametrize("number", ["112", "2345"])
def test_what_is_dialled_between_the_calls_and_the_sockets_waits_for_the_sockets(number: str) -> None:
    def scenario(bench: Bench) -> None:
        bench.switchboard.expect_network()
        bench.switchboard.connect(bench.calls, bench.emergency)
        bench.post(phone.ServiceChanged(True))
        bench.dial(number)
        assert bench.state() is State.CALLING
        assert not [note for note in bench.notes if "place" in note]
        bench.switchboard.place_kept()
        assert len([note for note in bench.notes if "place" in note]) == 1

    before_the_calls(scenario)


def test_a_kept_call_that_cannot_be_placed_has_failed() -> None:
    def scenario(bench: Bench) -> None:
        bench.dial("112")
        bench.emergency.on_place = broken
        bench.switchboard.connect(bench.calls, bench.emergency)
        bench.switchboard.place_kept()
        assert bench.state() is State.REORDER

    before_the_calls(scenario)


@pytest.mark.parametrize("available", [True, False])
def test_a_number_that_is_dialled_while_nobody_knows_of_service_is_placed_or_has_failed_once_it_is_known(
    available: bool,
) -> None:
    def scenario(bench: Bench) -> None:
        bench.switchboard.expect_service()
        assert bench.dial("2345")[:2] == ["active True", "tone dial"]
        bench.switchboard.connect(bench.calls, bench.emergency)
        bench.switchboard.place_kept()
        assert not [note for note in bench.notes if "place" in note]
        bench.switchboard.service_known(available)
        assert len([note for note in bench.notes if note.startswith("place")]) == int(available)
        assert bench.state() is (State.CALLING if available else State.REORDER)

    before_the_calls(scenario)


def test_an_emergency_number_does_not_wait_for_service_to_be_known() -> None:
    def scenario(bench: Bench) -> None:
        bench.switchboard.expect_service()
        bench.dial("112")
        bench.switchboard.connect(bench.calls, bench.emergency)
        bench.switchboard.place_kept()
        assert [note for note in bench.notes if note.startswith("emergency place")]

    before_the_calls(scenario)
