"""The life of an update, as one table.

::

    IDLE --REQUESTED--> FETCHING --FETCHED--> VERIFIED --INSTALLED--> INSTALLED --TRIAL_STARTED--> TRYING
                           |  |                  |                                                 |  |
                   REFUSED |  | GAVE_UP  REFUSED |                           HEALTHY --> COMMITTED <   |
                           v  v                  v                                                     |
                       FAILED IDLE            FAILED <----- UNHEALTHY, and NORMAL_START: it fell back --+

A power cut leads to NORMAL_START. What was being fetched or installed then is forgotten (the slot that runs was never
touched) and may be asked for again; what was installed waits for its trial; a trial that ends in a normal start has
failed, whatever became of it. A person who restarts into the other slot by hand tries it: TRIAL_STARTED is welcome in
every phase.
"""

from enum import Enum


class Phase(Enum):
    """Where an update is. IDLE, COMMITTED and FAILED are at rest; the last two tell of the last one."""

    IDLE = "idle"
    FETCHING = "fetching"
    VERIFIED = "verified"
    INSTALLED = "installed"
    TRYING = "trying"
    COMMITTED = "committed"
    FAILED = "failed"


class Happening(Enum):
    """What can happen to an update."""

    REQUESTED = "somebody asks for an update"
    FETCHED = "the bundle is here, whole, and its signature and machine are right"
    REFUSED = "the bundle is not for this machine, not signed, or cannot be installed"
    GAVE_UP = "the bundle could not be fetched, through no fault of its own"
    INSTALLED = "the other slot holds the update, and would be tried"
    TRIAL_STARTED = "the machine started as a trial"
    HEALTHY = "the phone of the trial is healthy"
    UNHEALTHY = "the phone of the trial is not healthy in time"
    NORMAL_START = "the machine started, and not as a trial"


class Step(Enum):
    """What is to be done, in this order."""

    DISARM = "see to it that the other slot is not tried"
    COMMIT = "make the slot that runs the primary one"
    RESTART = "restart: the firmware goes back to the primary slot"
    BLAME = "say which stage the trial reached"
    RESUME = "wait for a good moment and restart into the other slot"


_P, _H, _S = Phase, Happening, Step
_AT_REST = (_P.IDLE, _P.COMMITTED, _P.FAILED)


def _table() -> dict[tuple[Phase, Happening], tuple[Phase, tuple[Step, ...]]]:
    """Return the whole table: what is not drawn above changes nothing."""
    table: dict[tuple[Phase, Happening], tuple[Phase, tuple[Step, ...]]] = {
        (phase, happening): (phase, ()) for phase in Phase for happening in Happening
    }
    for phase in Phase:
        table[phase, _H.TRIAL_STARTED] = (_P.TRYING, ())
    for phase in (*_AT_REST, _P.INSTALLED):  # a newer one may take the place of one that waits
        table[phase, _H.REQUESTED] = (_P.FETCHING, (_S.DISARM,))
    table |= {
        (_P.FETCHING, _H.FETCHED): (_P.VERIFIED, ()),
        (_P.FETCHING, _H.REFUSED): (_P.FAILED, ()),
        (_P.FETCHING, _H.GAVE_UP): (_P.IDLE, ()),
        (_P.FETCHING, _H.NORMAL_START): (_P.IDLE, ()),
        (_P.VERIFIED, _H.INSTALLED): (_P.INSTALLED, ()),
        (_P.VERIFIED, _H.REFUSED): (_P.FAILED, (_S.DISARM,)),
        (_P.VERIFIED, _H.GAVE_UP): (_P.IDLE, (_S.DISARM,)),
        (_P.VERIFIED, _H.NORMAL_START): (_P.IDLE, (_S.DISARM,)),
        (_P.INSTALLED, _H.REFUSED): (_P.FAILED, (_S.DISARM,)),
        (_P.INSTALLED, _H.NORMAL_START): (_P.INSTALLED, (_S.RESUME,)),
        (_P.TRYING, _H.HEALTHY): (_P.COMMITTED, (_S.COMMIT,)),
        (_P.TRYING, _H.UNHEALTHY): (_P.FAILED, (_S.DISARM, _S.RESTART)),
        (_P.TRYING, _H.NORMAL_START): (_P.FAILED, (_S.DISARM, _S.BLAME)),
    }
    return table


TRANSITIONS = _table()


def at_rest(phase: Phase) -> bool:
    """Return whether nothing is under way."""
    return phase in _AT_REST
