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
    """Place an outgoing call to ``number`` as the dial plan left it; ``account`` None: by whichever serves."""

    call: str
    number: str
    account: str | None = None


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
class HoldCall:
    """Put a call on hold: it is neither heard nor spoken to from now on, and the other side is told."""

    call: str


@dataclass(frozen=True, slots=True)
class ResumeCall:
    """Take a call back from hold."""

    call: str


@dataclass(frozen=True, slots=True)
class TransferCall:
    """Ask the other side of ``call`` to call ``number`` in our place (REFER, :rfc:`5589#section-6`)."""

    call: str
    number: str


@dataclass(frozen=True, slots=True)
class JoinCalls:
    """Ask the other side of ``call`` to talk to that of ``other`` in our place (:rfc:`5589#section-7`)."""

    call: str
    other: str


@dataclass(frozen=True, slots=True)
class OpenEar:
    """Make ear and mouth live though the handset is down: the call is answered or placed without a hand."""


@dataclass(frozen=True, slots=True)
class CloseEar:
    """Make them dead again."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """What a program asked for is not done; ``reason`` is a line for whoever asked."""

    reason: str


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
