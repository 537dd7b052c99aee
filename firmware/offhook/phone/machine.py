"""The phone machine: events in, actions out, no clock and no I/O of its own.

::

    phone = Phone(PhoneSettings(emergency_numbers=("112",)))
    phone.handle(HookLifted(), now)   # [PlayTone(Tone.DIAL), SetTimer("dial", 20.0)]
"""

from offhook.phone import events as on
from offhook.phone.actions import Action
from offhook.phone.context import Context
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.phone.transitions import TRANSITIONS

_OF_A_CALL = (
    on.CallProceeding,
    on.CallEarlyMedia,
    on.CallAnswered,
    on.CallFailed,
    on.CallEnded,
    on.CallHeld,
    on.CallResumed,
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
        """The handle of the phone's call."""
        return None if self._context.call is None else self._context.call.handle

    @property
    def in_emergency(self) -> bool:
        """Whether that call is an emergency call."""
        return self._context.call is not None and self._context.call.emergency

    def handle(self, event: on.Event, now: float) -> list[Action]:
        """Take an event that happened at ``now``; return what is to be done, in order. Never raises."""
        context = self._context
        if isinstance(event, _OF_A_CALL) and event.call != self.call:
            return []  # news of a call that was ended here while it was on its way
        if isinstance(event, on.TimerFired):
            if event.name != context.timer:
                return []
            context.timer = None
        row = TRANSITIONS[self._state][type(event)]
        if row.move is None:
            return []
        state = row.move(context, self._state, event)
        if state is not self._state:
            self._state, self._since = state, now
        return context.drain()
