"""What the phone machine asks for: the output alphabet of :meth:`offhook.phone.machine.Phone.handle`.

The switchboard performs actions in order. None of them can fail from the machine's point of view: what goes wrong
comes back as an event (:class:`offhook.phone.events.CallFailed`).
"""

from enum import Enum

from msgspec import Struct


class Tone(Enum):
    """Call-progress tones by their place in a call; the national plan says how each sounds (ITU-T E.180)."""

    DIAL = "dial"
    STUTTER = "stutter"
    NO_SERVICE = "no_service"
    RINGBACK = "ringback"
    BUSY = "busy"
    REORDER = "reorder"
    INFO = "info"
    WAITING = "waiting"
    CONFIRM = "confirm"
    HOWLER = "howler"


class PlayTone(Struct, frozen=True):
    """Play ``tone`` in the ear until stopped or replaced; WAITING is mixed over the conversation."""

    tone: Tone


class StopTone(Struct, frozen=True):
    """Silence whatever tone plays and whatever prompt speaks; a call's audio goes on."""


class Say(Struct, frozen=True):
    """Speak ``text`` in the ear, over silence or tone."""

    text: str


class StartRinging(Struct, frozen=True):
    """Start the ringer with the national cadence."""


class StopRinging(Struct, frozen=True):
    """Stop the ringer."""


class PlaceCall(Struct, frozen=True):
    """Place an outgoing call to ``number`` as the dial plan left it; ``account`` None: by whichever serves."""

    call: str
    number: str
    account: str | None = None


class PlaceEmergencyCall(Struct, frozen=True):
    """Place an emergency call; ``number`` are the digits as dialled (112, 911 ...)."""

    call: str
    number: str


class AnswerCall(Struct, frozen=True):
    """Answer the ringing call."""

    call: str


class RejectCall(Struct, frozen=True):
    """Refuse a call that came in with this SIP status (486 when busy)."""

    call: str
    status: int


class EndCall(Struct, frozen=True):
    """End a call in whatever state it is (CANCEL, BYE); its media stops at once, without waiting for an answer."""

    call: str


class HoldCall(Struct, frozen=True):
    """Put a call on hold: it is neither heard nor spoken to from now on, and the other side is told."""

    call: str


class ResumeCall(Struct, frozen=True):
    """Take a call back from hold."""

    call: str


class TransferCall(Struct, frozen=True):
    """Ask the other side of ``call`` to call ``number`` in our place (REFER, :rfc:`5589#section-6`)."""

    call: str
    number: str


class JoinCalls(Struct, frozen=True):
    """Ask the other side of ``call`` to talk to that of ``other`` in our place (:rfc:`5589#section-7`)."""

    call: str
    other: str


class OpenEar(Struct, frozen=True):
    """Make ear and mouth live though the handset is down: the call is answered or placed without a hand."""


class CloseEar(Struct, frozen=True):
    """Make them dead again."""


class Refuse(Struct, frozen=True):
    """What a program asked for is not done; ``reason`` is a line for whoever asked."""

    reason: str


class StartDtmf(Struct, frozen=True):
    """Start sending a DTMF event in the call (:rfc:`4733`)."""

    call: str
    key: str


class StopDtmf(Struct, frozen=True):
    """End the DTMF event that is being sent."""

    call: str
    key: str


class SetTimer(Struct, frozen=True):
    """Post :class:`offhook.phone.events.TimerFired` after ``seconds``; setting a running timer restarts it."""

    name: str
    seconds: float


class CancelTimer(Struct, frozen=True):
    """Forget a timer; cancelling one that does not run is no fault."""

    name: str


Action = (
    PlayTone
    | StopTone
    | Say
    | StartRinging
    | StopRinging
    | PlaceCall
    | PlaceEmergencyCall
    | AnswerCall
    | RejectCall
    | EndCall
    | HoldCall
    | ResumeCall
    | TransferCall
    | JoinCalls
    | OpenEar
    | CloseEar
    | Refuse
    | StartDtmf
    | StopDtmf
    | SetTimer
    | CancelTimer
)
