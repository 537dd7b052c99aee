"""What can happen to the phone: the input alphabet of :class:`offhook.phone.machine.Phone`.

Every event is a frozen value. A ``call`` is a handle: ``"i1"``, ``"i2"`` ... for calls that came in (given by the
engine), ``"o1"``, ``"o2"`` ... for calls that the machine placed (given by the machine in :class:`PlaceCall`).
"""

from dataclasses import dataclass
from typing import Literal

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]


@dataclass(frozen=True, slots=True)
class HookLifted:
    """The handset left the cradle, debounced."""


@dataclass(frozen=True, slots=True)
class HookReplaced:
    """The handset was put back, longer than the national flash window."""


@dataclass(frozen=True, slots=True)
class HookFlash:
    """The hook was pressed for a moment within the national flash window."""


@dataclass(frozen=True, slots=True)
class KeyDown:
    """A key closed, or a rotary digit completed."""

    key: Key


@dataclass(frozen=True, slots=True)
class KeyUp:
    """A key opened."""

    key: Key


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer set by :class:`offhook.phone.actions.SetTimer` ran out."""

    name: str


@dataclass(frozen=True, slots=True)
class CallIncoming:
    """A call rings here. ``peer`` is what a display would show."""

    call: str
    peer: str


@dataclass(frozen=True, slots=True)
class CallProceeding:
    """The other end rings (180) and has sent no media of its own; where it has, CallEarlyMedia is repeated."""

    call: str


@dataclass(frozen=True, slots=True)
class CallEarlyMedia:
    """The network sends sound before the answer (183 with SDP): ringback and announcements come from there."""

    call: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The call is up: an outgoing call was answered, or our answer was acknowledged as accepted by the engine."""

    call: str


@dataclass(frozen=True, slots=True)
class CallFailed:
    """An outgoing call got a final failure. ``status`` is the SIP status, 0 where nothing answered at all."""

    call: str
    status: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call that rang or was up is over, ended by the other side or the network (``elsewhere``: answered there)."""

    call: str
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class CallHeld:
    """The other side put the call on hold: it hears nothing of us."""

    call: str


@dataclass(frozen=True, slots=True)
class CallResumed:
    """The other side took the call back from hold."""

    call: str


@dataclass(frozen=True, slots=True)
class ServiceChanged:
    """Whether at least one account can place calls now."""

    available: bool


@dataclass(frozen=True, slots=True)
class MessagesWaiting:
    """Voice mail waits (stutter dial tone, message lamp)."""

    waiting: bool


@dataclass(frozen=True, slots=True)
class NoticeRaised:
    """Something to be spoken at the next lift, before or over dial tone (a power cut, say); empty text clears it."""

    topic: str
    text: str


Event = (
    HookLifted
    | HookReplaced
    | HookFlash
    | KeyDown
    | KeyUp
    | TimerFired
    | CallIncoming
    | CallProceeding
    | CallEarlyMedia
    | CallAnswered
    | CallFailed
    | CallEnded
    | CallHeld
    | CallResumed
    | ServiceChanged
    | MessagesWaiting
    | NoticeRaised
)
