"""What the phone machine asks for: the output alphabet of :meth:`offhook.phone.machine.Phone.handle`.

The switchboard performs actions in order. None of them can fail from the machine's point of view: what goes wrong
comes back as an event (:class:`offhook.phone.events.CallFailed`).
"""

from dataclasses import dataclass
from enum import Enum


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


@dataclass(frozen=True, slots=True)
class PlayTone:
    """Play ``tone`` in the ear until stopped or replaced; WAITING is mixed over the conversation."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class StopTone:
    """Silence whatever tone plays and whatever prompt speaks; a call's audio goes on."""


@dataclass(frozen=True, slots=True)
class Say:
    """Speak ``text`` in the ear, over silence or tone."""

    text: str


@dataclass(frozen=True, slots=True)
class StartRinging:
    """Start the ringer with the national cadence."""


@dataclass(frozen=True, slots=True)
class StopRinging:
    """Stop the ringer."""


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Place an outgoing call to ``number`` as the dial plan left it."""

    call: str
    number: str


@dataclass(frozen=True, slots=True)
class PlaceEmergencyCall:
    """Place an emergency call; ``number`` are the digits as dialled (112, 911 ...)."""

    call: str
    number: str


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """Answer the ringing call."""

    call: str


@dataclass(frozen=True, slots=True)
class RejectCall:
    """Refuse a call that came in with this SIP status (486 when busy)."""

    call: str
    status: int


@dataclass(frozen=True, slots=True)
class EndCall:
    """End a call in whatever state it is (CANCEL, BYE); its media stops at once, without waiting for an answer."""

    call: str


@dataclass(frozen=True, slots=True)
class StartDtmf:
    """Start sending a DTMF event in the call (:rfc:`4733`)."""

    call: str
    key: str


@dataclass(frozen=True, slots=True)
class StopDtmf:
    """End the DTMF event that is being sent."""

    call: str
    key: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Post :class:`offhook.phone.events.TimerFired` after ``seconds``; setting a running timer restarts it."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
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
    | StartDtmf
    | StopDtmf
    | SetTimer
    | CancelTimer
)
