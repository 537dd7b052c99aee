"""The life of a config from afar, as one table.

A file that was fetched and verified waits for the phone to be idle, is tried, and is kept once the phone is in service
with it. Where that does not happen within the window, the phone goes back to the last good config as soon as it is
idle; one that comes into service while waiting for that is kept after all::

             FETCHED            IDLE              IN_SERVICE
    STEADY ----------> WAITING ------> TRYING ----------------> STEADY (kept)
                                         | WINDOW_OVER            ^
                                         v                        | IN_SERVICE
                       STEADY <------ RETURNING ------------------+
                    (undone)     IDLE

Time is an argument; what is to be done comes back as steps.
"""

from enum import Enum


class Phase(Enum):
    """Where the candidate is; STEADY: there is none."""

    STEADY = "steady"
    WAITING = "waiting"
    TRYING = "trying"
    RETURNING = "returning"


class Happening(Enum):
    """What can happen to a candidate."""

    FETCHED = "a new file without faults was fetched and stored"
    IDLE = "the phone is on hook without a call"
    IN_SERVICE = "the phone is in service with the config that it runs on"
    WINDOW_OVER = "the time to come into service is over"
    SWITCH_FAILED = "the phone could not be started on the candidate"


class Step(Enum):
    """What is to be done, in this order."""

    APPLY = "run on the candidate; the window opens"
    KEEP = "make the candidate the last good config"
    UNDO = "run on the last good config again and refuse the candidate"
    RETURN_SOON = "note that the candidate failed; go back when the phone is idle"


_P, _H, _S = Phase, Happening, Step

TRANSITIONS: dict[tuple[Phase, Happening], tuple[Phase, tuple[Step, ...]]] = {
    (_P.STEADY, _H.FETCHED): (_P.WAITING, ()),
    (_P.STEADY, _H.IDLE): (_P.STEADY, ()),
    (_P.STEADY, _H.IN_SERVICE): (_P.STEADY, ()),
    (_P.STEADY, _H.WINDOW_OVER): (_P.STEADY, ()),
    (_P.STEADY, _H.SWITCH_FAILED): (_P.STEADY, ()),
    (_P.WAITING, _H.FETCHED): (_P.WAITING, ()),
    (_P.WAITING, _H.IDLE): (_P.TRYING, (_S.APPLY,)),
    (_P.WAITING, _H.IN_SERVICE): (_P.WAITING, ()),
    (_P.WAITING, _H.WINDOW_OVER): (_P.WAITING, ()),
    (_P.WAITING, _H.SWITCH_FAILED): (_P.WAITING, ()),
    (_P.TRYING, _H.FETCHED): (_P.TRYING, ()),
    (_P.TRYING, _H.IDLE): (_P.TRYING, ()),
    (_P.TRYING, _H.IN_SERVICE): (_P.STEADY, (_S.KEEP,)),
    (_P.TRYING, _H.WINDOW_OVER): (_P.RETURNING, (_S.RETURN_SOON,)),
    (_P.TRYING, _H.SWITCH_FAILED): (_P.RETURNING, (_S.RETURN_SOON,)),
    (_P.RETURNING, _H.FETCHED): (_P.RETURNING, ()),
    (_P.RETURNING, _H.IDLE): (_P.STEADY, (_S.UNDO,)),
    (_P.RETURNING, _H.IN_SERVICE): (_P.STEADY, (_S.KEEP,)),
    (_P.RETURNING, _H.WINDOW_OVER): (_P.RETURNING, ()),
    (_P.RETURNING, _H.SWITCH_FAILED): (_P.RETURNING, ()),
}


class Trial:
    """The table at work, with the window's clock."""

    def __init__(self, window_s: float, phase: Phase = Phase.STEADY, now: float = 0.0) -> None:
        """Begin in ``phase`` (a phone that starts on a candidate begins in TRYING: its window opens ``now``)."""
        self.window_s = window_s
        self.phase = phase
        self._window_ends = now + window_s if phase is Phase.TRYING else None

    def handle(self, happening: Happening, now: float) -> tuple[Step, ...]:
        """Take what happened; return what is to be done."""
        self.phase, steps = TRANSITIONS[self.phase, happening]
        if Step.APPLY in steps:
            self._window_ends = now + self.window_s
        elif self.phase is not Phase.TRYING:
            self._window_ends = None
        return steps

    def tick(self, now: float) -> tuple[Step, ...]:
        """Close the window when its time has come."""
        if self._window_ends is None or now < self._window_ends:
            return ()
        return self.handle(Happening.WINDOW_OVER, now)

    def begun(self, now: float) -> None:
        """Open the window: the phone runs on the candidate only ``now``, for it had to be idle first."""
        if self._window_ends is not None:
            self._window_ends = now + self.window_s

    def deadline(self) -> float | None:
        """Return when :meth:`tick` is due."""
        return self._window_ends
