"""The states of the phone machine."""

from enum import Enum, auto


class State(Enum):
    """Where the person is in the course of a call. The names are those that ``offhook status`` shows."""

    ON_HOOK = auto()
    RINGING = auto()
    DIAL_TONE = auto()
    DIALLING = auto()
    CALLING = auto()
    RINGBACK = auto()
    TALKING = auto()
    HELD = auto()
    REORDER = auto()
    HOWLER = auto()
    SILENT = auto()


OFF_HOOK = frozenset(State) - {State.ON_HOOK, State.RINGING}
"""The states in which the handset is lifted."""
