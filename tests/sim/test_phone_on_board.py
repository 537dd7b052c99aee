"""From the pin to what is asked of the line: real adapters, real switchboard, real phone machine, on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from offhook.engine.observations import Observation
from offhook.engine.switchboard import Switchboard, SwitchboardSettings
from offhook.hardware.settings import KeypadKind
from offhook.phone.events import CallAnswered, CallIncoming, ServiceChanged
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.sim.board import SimulatedBoard
from tests.support.listener import simulated
from tests.support.virtual_loop import run


class Line:
    """Everything that the switchboard talks to but the board: it writes down what it is asked, and when."""

    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []

    def _note(self, *words: object) -> None:
        self.said.append((asyncio.get_running_loop().time(), " ".join(map(str, words))))

    def place(self, call: str, number: str) -> None:
        self._note("place", call, number)

    def ring(self, call: str) -> None:
        self._note("ring", call)

    def ring_style(self, call: str) -> int:
        return 0

    def answer(self, call: str) -> None:
        self._note("answer", call)

    def reject(self, call: str, status: int) -> None:
        self._note("reject", call, status)

    def end(self, call: str) -> None:
        self._note("end", call)

    def set_active(self, on: bool) -> None:
        self._note("ear", on)

    def play_tone(self, name: str) -> None:
        self._note("tone", name)

    def stop_tone(self) -> None:
        self._note("quiet")

    def set_volume(self, db: float) -> None:
        self._note("volume", db)

    def start_dtmf(self, call: str, digit: str) -> None:
        self._note("dtmf", digit)

    def stop_dtmf(self, call: str, digit: str) -> None:
        self._note("dtmf ends", digit)

    def __call__(self, text: str) -> None:
        self._note("say", text)

    def hush(self) -> None:
        """Nothing is being rendered here."""

    def observe(self, observation: Observation) -> None:
        """Nothing to write down."""


class Emergency:
    """The emergency desk's door."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def place(self, call: str, number: str) -> None:
        self._line._note("emergency", call, number)

    def end(self, call: str) -> bool:
        return False


Scenario = Callable[[SimulatedBoard, Switchboard, Line], Awaitable[None]]


def on_a_phone(scenario: Scenario, keypad: KeypadKind = "4x4") -> None:
    async def body() -> None:
        board, line = simulated(keypad), Line()
        machine = Phone(PhoneSettings(emergency_numbers=("112",)))
        switchboard = Switchboard(machine, board, line, line, line, line.observe, SwitchboardSettings())
        switchboard.connect(line, Emergency(line))
        board.start(switchboard)
        switchboard.post(ServiceChanged(True))
        await scenario(board, switchboard, line)
        switchboard.close()
        board.close()

    run(body)


def test_dial_tone_is_asked_for_five_milliseconds_after_the_contact() -> None:
    async def scenario(board: SimulatedBoard, switchboard: Switchboard, line: Line) -> None:
        begin = asyncio.get_running_loop().time()
        await board.lift()
        await asyncio.sleep(1)
        assert [words for _, words in line.said] == ["ear True", "tone dial"]
        assert line.said[-1][0] - begin == pytest.approx(0.005)

    on_a_phone(scenario)


@pytest.mark.parametrize("keypad", ["4x4", "4x3", "direct", "rotary"])
def test_emergency_digits_on_every_keypad_place_an_emergency_call(keypad: KeypadKind) -> None:
    async def scenario(board: SimulatedBoard, switchboard: Switchboard, line: Line) -> None:
        await board.lift()
        await asyncio.sleep(1)
        if keypad == "rotary":
            for digit in (1, 1, 2):
                await board.rotary(digit)
        else:
            await board.dial("112", 0.07, 0.07)
        await asyncio.sleep(2.1)
        assert line.said[-1][1] == "emergency o1 112"

    on_a_phone(scenario, keypad)


def test_a_call_is_answered_by_lifting_and_ended_by_putting_back() -> None:
    async def scenario(board: SimulatedBoard, switchboard: Switchboard, line: Line) -> None:
        bell = board.pins.pin(board.settings.ringer.pin.bcm)  # type: ignore[union-attr]
        switchboard.post(CallIncoming("i1", "Bob"))
        await asyncio.sleep(0.5)
        assert bell.state
        await asyncio.sleep(2)
        assert not bell.state, "the cadence's gap"
        await board.lift(0.012)
        await asyncio.sleep(0.1)
        switchboard.post(CallAnswered("i1"))
        await asyncio.sleep(9)
        assert not bell.state
        await board.press("5", 0.1)
        await board.flash(0.5)
        await board.hang_up(0.03)
        await asyncio.sleep(1.1)
        words = [words for _, words in line.said]
        assert words == ["ring i1", "ear True", "answer i1", "dtmf 5", "dtmf ends 5", "end i1", "quiet", "ear False"]
        assert switchboard.machine.state is State.ON_HOOK

    on_a_phone(scenario)


def test_a_knock_on_the_ringing_phone_does_not_answer() -> None:
    async def scenario(board: SimulatedBoard, switchboard: Switchboard, line: Line) -> None:
        switchboard.post(CallIncoming("i1", "Bob"))
        hook = board.settings.hook
        assert hook is not None
        for _ in range(20):
            board.pins.ground(hook.pin.bcm, True)
            await asyncio.sleep(0.003)
            board.pins.ground(hook.pin.bcm, False)
            await asyncio.sleep(0.1)
        assert switchboard.machine.state is State.RINGING

    on_a_phone(scenario)


def test_volume_buttons_reach_the_ear() -> None:
    async def scenario(board: SimulatedBoard, switchboard: Switchboard, line: Line) -> None:
        await board.press_button("volume_up", 0.08)
        assert line.said[-1][1] == "volume 3.0"

    on_a_phone(scenario)
