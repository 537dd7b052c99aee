"""What can happen to the phone: the input alphabet of :class:`offhook.phone.machine.Phone`.

Every event is a frozen value. A ``call`` is a handle: ``"i1"``, ``"i2"`` ... for calls that came in (given by the
engine), ``"o1"``, ``"o2"`` ... for calls that the machine placed (given by the machine in :class:`PlaceCall`), and
``"p1"``, ``"p2"`` ... for calls that a program asked for. What a program asks for (``...Requested``) is done, or
answered by :class:`offhook.phone.actions.Refuse`.
"""

from typing import Literal

from msgspec import Struct

Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", "A", "B", "C", "D"]


class HookLifted(Struct, frozen=True):
    """The handset left the cradle, debounced."""


class HookReplaced(Struct, frozen=True):
    """The handset was put back, longer than the national flash window."""


class HookFlash(Struct, frozen=True):
    """The hook was pressed for a moment within the national flash window."""


class KeyDown(Struct, frozen=True):
    """A key closed, or a rotary digit completed."""

    key: Key


class KeyUp(Struct, frozen=True):
    """A key opened."""

    key: Key


class TimerFired(Struct, frozen=True):
    """A timer set by :class:`offhook.phone.actions.SetTimer` ran out."""

    name: str


class CallIncoming(Struct, frozen=True):
    """A call came in. ``peer`` is what a display would show.

    ``auto``: it may be answered without anybody's hand, ``after`` so many seconds. ``urgent``: it may be the emergency
    desk calling back, and rings even where the person has just got rid of a call.
    """

    call: str
    peer: str
    auto: bool = False
    urgent: bool = False
    after: float = 0.0


class CallProceeding(Struct, frozen=True):
    """The other end rings (180) and has sent no media of its own; where it has, CallEarlyMedia is repeated."""

    call: str


class CallEarlyMedia(Struct, frozen=True):
    """The network sends sound before the answer (183 with SDP): ringback and announcements come from there."""

    call: str


class CallAnswered(Struct, frozen=True):
    """The call is up: an outgoing call was answered, or our answer was acknowledged as accepted by the engine."""

    call: str


class CallFailed(Struct, frozen=True):
    """An outgoing call got a final failure. ``status`` is the SIP status, 0 where nothing answered at all."""

    call: str
    status: int
    reason: str = ""


class CallEnded(Struct, frozen=True):
    """A call that rang or was up is over, ended by the other side or the network (``elsewhere``: answered there)."""

    call: str
    elsewhere: bool = False


class CallHeld(Struct, frozen=True):
    """The other side put the call on hold: it hears nothing of us."""

    call: str


class CallResumed(Struct, frozen=True):
    """The other side took the call back from hold."""

    call: str


class CallHoldFailed(Struct, frozen=True):
    """The other side did not agree to be put on hold (488, or no answer)."""

    call: str


class CallTransferred(Struct, frozen=True):
    """The other side of this call now talks to whom it was transferred to: nothing is left to do with it."""

    call: str


class CallNotTransferred(Struct, frozen=True):
    """The other side of this call did not get through to whom it was transferred to, and is with us as before."""

    call: str
    status: int = 0


class CallRequested(Struct, frozen=True):
    """A program asks for a call; ``call`` is its handle (``"p1"`` ...), ``account`` the one to place it by."""

    call: str
    number: str
    account: str | None = None


class AnswerRequested(Struct, frozen=True):
    """A program takes the call that rings or waits; without a handle whichever it is."""

    call: str = ""


class EndRequested(Struct, frozen=True):
    """A program ends or refuses a call; without a handle the one in the ear, or the one that rings."""

    call: str = ""


class HoldRequested(Struct, frozen=True):
    """A program puts a call on hold."""

    call: str


class ResumeRequested(Struct, frozen=True):
    """A program takes a call back from hold."""

    call: str


class TransferRequested(Struct, frozen=True):
    """A program hands the other side of a call over to a number."""

    call: str
    number: str


class ServiceChanged(Struct, frozen=True):
    """Whether at least one account can place calls now."""

    available: bool


class MessagesWaiting(Struct, frozen=True):
    """Voice mail waits (stutter dial tone, message lamp)."""

    waiting: bool


class NoticeRaised(Struct, frozen=True):
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
    | CallHoldFailed
    | CallTransferred
    | CallNotTransferred
    | CallRequested
    | AnswerRequested
    | EndRequested
    | HoldRequested
    | ResumeRequested
    | TransferRequested
    | ServiceChanged
    | MessagesWaiting
    | NoticeRaised
)
