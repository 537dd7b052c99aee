"""The phone machine: events in, actions out, no clock and no I/O of its own.

::

    phone = Phone(PhoneSettings(emergency_numbers=("112",)))
    phone.handle(HookLifted(), now)   # [PlayTone(Tone.DIAL), SetTimer("dial", 20.0)]
"""

from offhook.phone import events as on
from offhook.phone.actions import Action
from offhook.phone.collector import Verdict
from offhook.phone.context import Call, Context
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.phone.transitions import ASIDE, TRANSITIONS, Row

_OF_A_CALL = (
    on.CallProceeding,
    on.CallEarlyMedia,
    on.CallAnswered,
    on.CallFailed,
    on.CallEnded,
    on.CallHeld,
    on.CallResumed,
    on.CallHoldFailed,
    on.CallTransferred,
    on.CallNotTransferred,
)


class Phone:
    """One handset and what it means to the line; see :mod:`offhook.phone.transitions` for the table."""

    def __init__(self, settings: PhoneSettings) -> None:
        """Make a phone that rests on hook, without service. Raises DialPlanError."""
        self._context = Context(settings)
        self._state = State.ON_HOOK
        self._since = 0.0

    @property
    def state(self) -> State:
        """Where the phone is."""
        return self._state

    @property
    def since(self) -> float:
        """When that state was entered (the ``now`` of the event; 0 at the start)."""
        return self._since

    @property
    def call(self) -> str | None:
        """The handle of the call in the ear, or that rings, or is on its way."""
        return _handle(self._context.call)

    @property
    def waiting(self) -> str | None:
        """The handle of the call that waits."""
        return _handle(self._context.waiting)

    @property
    def held(self) -> tuple[str, ...]:
        """The handles of the calls on hold, the one held last last."""
        return tuple(call.handle for call in self._context.held)

    @property
    def leaving(self) -> tuple[str, ...]:
        """The handles of the calls that were handed over and whose end is not known yet."""
        return tuple(call.handle for calls in self._context.leaving for call in calls)

    @property
    def in_emergency(self) -> bool:
        """Whether the call in the ear is an emergency call."""
        return self._context.call is not None and self._context.call.emergency

    def judge(self, number: str) -> Verdict:
        """Say what the dial plan makes of a number, or a SIP URI, that nobody dialled here."""
        return self._context.collector.whole(number)

    def handle(self, event: on.Event, now: float) -> list[Action]:
        """Take an event that happened at ``now``; return what is to be done, in order. Never raises."""
        context = self._context
        context.now = now
        if isinstance(event, on.HookLifted):
            context.lifted, context.ear_open = True, False
        elif isinstance(event, on.HookReplaced | on.HookFlash) and not context.lifted:
            return []  # a call without a hand goes on: nothing was put back
        elif isinstance(event, on.HookReplaced):
            context.lifted = False
        row = self._row(event)
        if row is None or row.move is None:
            return []
        state = row.move(context, self._state, event)
        if state is not self._state:
            self._state, self._since = state, now
        return context.drain()

    def _row(self, event: on.Event) -> Row | None:
        """Return the row for an event; None: it is old news, of a call or a timer that is gone."""
        context = self._context
        if isinstance(event, _OF_A_CALL) and event.call != self.call:
            return None if context.find(event.call) is None else ASIDE[self._state][type(event)]
        if isinstance(event, on.TimerFired):
            if event.name == "waiting":
                return None if context.waiting is None else ASIDE[self._state][type(event)]
            if event.name != context.timer:
                return None
            context.timer = None
        return TRANSITIONS[self._state][type(event)]


def _handle(call: Call | None) -> str | None:
    return None if call is None else call.handle
