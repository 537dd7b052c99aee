"""What the four transaction machines of :rfc:`3261#section-17` have in common: tables, timers, and how a row is run.

A machine is data: ``rows[state, input] -> Row(next state, actions)``. Every pair is there; a pair at which nothing
happens says :data:`IGNORE`. Changing state stops each timer that does not belong to the new state
(:data:`TIMER_STATES`), so rows only say which timers start.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from offhook.sip.transactions.timers import Timer, TimerQueue, TimerValues


class State(Enum):
    """States of all four machines; ACCEPTED is from :rfc:`6026`."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Input(Enum):
    """What can happen to a transaction: messages from the wire, words from its user, timers, the transport."""

    REQUEST = "request"
    ACK = "ack"
    PROVISIONAL = "provisional"
    SUCCESS = "success"
    FAILURE = "failure"
    SEND_FAILED = "send failed"
    CONNECTION_LOST = "connection lost"
    TIMER_A = "A"
    TIMER_B = "B"
    TIMER_D = "D"
    TIMER_E = "E"
    TIMER_F = "F"
    TIMER_G = "G"
    TIMER_H = "H"
    TIMER_I = "I"
    TIMER_J = "J"
    TIMER_K = "K"
    TIMER_L = "L"
    TIMER_M = "M"


class Do(Enum):
    """What a row asks for."""

    SEND = "send the request, or the last response, again"
    SEND_ACK = "acknowledge a failure"
    DELIVER = "pass the message to the user"
    REPORT_TIMEOUT = "tell the user that nothing came"
    REPORT_TRANSPORT = "tell the user that the message cannot be sent"
    START_A = "A"
    START_B = "B"
    START_D = "D"
    START_E = "E"
    SLOW_E = "E at T2"
    START_F = "F"
    START_G = "G"
    START_H = "H"
    START_I = "I"
    START_J = "J"
    START_K = "K"
    START_L = "L"
    START_M = "M"


TIMER_STATES: Mapping[Input, frozenset[State]] = {
    Input.TIMER_A: frozenset({State.CALLING}),
    Input.TIMER_B: frozenset({State.CALLING}),
    Input.TIMER_D: frozenset({State.COMPLETED}),
    Input.TIMER_E: frozenset({State.TRYING, State.PROCEEDING}),
    Input.TIMER_F: frozenset({State.TRYING, State.PROCEEDING}),
    Input.TIMER_G: frozenset({State.COMPLETED}),
    Input.TIMER_H: frozenset({State.COMPLETED}),
    Input.TIMER_I: frozenset({State.CONFIRMED}),
    Input.TIMER_J: frozenset({State.COMPLETED}),
    Input.TIMER_K: frozenset({State.COMPLETED}),
    Input.TIMER_L: frozenset({State.ACCEPTED}),
    Input.TIMER_M: frozenset({State.ACCEPTED}),
}


@dataclass(frozen=True, slots=True)
class Row:
    """Where a state goes at an input and what is done on the way; ``state`` None: stay."""

    state: State | None
    actions: tuple[Do, ...] = ()


def stay(*actions: Do) -> Row:
    """Return the row that does something without leaving the state."""
    return Row(None, actions)


def go(state: State, *actions: Do) -> Row:
    """Return the row that enters ``state``, then does ``actions``."""
    return Row(state, actions)


IGNORE = Row(None)


@dataclass(frozen=True, slots=True)
class Machine:
    """One of the four machines. ``start`` lists what is done on creation, in the initial state."""

    name: str
    initial: State
    start: tuple[Do, ...]
    rows: Mapping[tuple[State, Input], Row]


def table(rows: Mapping[State, Mapping[Input, Row]]) -> dict[tuple[State, Input], Row]:
    """Flatten ``rows[state][input]``, the form in which a machine is written down."""
    return {(state, event): row for state, line in rows.items() for event, row in line.items()}


# Which timers double, and up to what; the others run once.
_ONCE = {Do.START_B: Input.TIMER_B, Do.START_F: Input.TIMER_F, Do.START_H: Input.TIMER_H}
_ONCE |= {Do.START_L: Input.TIMER_L, Do.START_M: Input.TIMER_M}
_LINGER = {Do.START_D: Input.TIMER_D, Do.START_I: Input.TIMER_I, Do.START_J: Input.TIMER_J, Do.START_K: Input.TIMER_K}
_REPEAT = {Do.START_A: Input.TIMER_A, Do.START_E: Input.TIMER_E, Do.START_G: Input.TIMER_G}


class Transaction:
    """Runs one machine. Children say what sending and delivering mean."""

    def __init__(self, machine: Machine, values: TimerValues, queue: TimerQueue, reliable: bool) -> None:
        self.state = machine.initial
        self.reliable = reliable
        self.on_end: Callable[[], None] | None = None
        self._machine = machine
        self._values = values
        self._queue = queue
        self._timers: dict[Input, Timer] = {}
        self._interval = 0.0

    def _begin(self, now: float) -> None:
        self._run(self._machine.start, now)

    def take(self, event: Input, now: float) -> None:
        """Run the table's row for ``event``."""
        if self.state is State.TERMINATED:
            return
        row = self._machine.rows[self.state, event]
        if row.state is not None and row.state is not self.state:
            self.state = row.state
            for timer in [t for t in self._timers if row.state not in TIMER_STATES[t]]:
                self._timers.pop(timer).cancel()
        self._run(row.actions, now)
        if self.state is State.TERMINATED and self.on_end is not None:
            ended, self.on_end = self.on_end, None
            ended()

    def abandon(self, now: float) -> None:
        """Forget the transaction without telling its user."""
        self.state = State.TERMINATED
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self.on_end is not None:
            ended, self.on_end = self.on_end, None
            ended()

    def _run(self, actions: tuple[Do, ...], now: float) -> None:
        for action in actions:
            if action in _ONCE:
                self._arm(_ONCE[action], self._values.give_up, now)
            elif action in _LINGER:
                self._linger(_LINGER[action], now)
            elif action in _REPEAT:
                self._repeat(_REPEAT[action], now)
            elif action is Do.SLOW_E:
                self._interval = self._values.t2
                self._repeat(Input.TIMER_E, now)
            else:
                self._perform(action, now)

    def _arm(self, timer: Input, delay: float, now: float) -> None:
        previous = self._timers.pop(timer, None)
        if previous is not None:
            previous.cancel()
        self._timers[timer] = self._queue.start(now + delay, lambda t: self.take(timer, t))

    def _repeat(self, timer: Input, now: float) -> None:
        """Arm a retransmission timer: T1 first, doubled each time; A without limit, E and G up to T2."""
        if self.reliable:
            return
        limit = self._values.give_up if timer is Input.TIMER_A else self._values.t2
        self._interval = min(self._interval * 2, limit) if self._interval else self._values.t1
        self._arm(timer, self._interval, now)

    def _linger(self, timer: Input, now: float) -> None:
        """Arm a timer that only absorbs retransmissions: no wait where the transport makes none."""
        if self.reliable:
            self.take(timer, now)
            return
        waits = {Input.TIMER_D: self._values.d, Input.TIMER_J: self._values.give_up}
        self._arm(timer, waits.get(timer, self._values.t4), now)

    def _perform(self, action: Do, now: float) -> None:
        raise NotImplementedError
