"""What the phone machine remembers between events, and the actions that it gathers during one.

The setters compare with what is so already: they ask for nothing that is not needed, and the machine cannot forget to
stop what it started. Every call that the machine knows is in one place: in the ear, held, waiting, or leaving.
"""

import itertools
import math
from typing import Literal

from msgspec import Struct

from offhook.phone import actions as do
from offhook.phone.actions import Action, Tone
from offhook.phone.collector import DigitCollector
from offhook.phone.events import CallIncoming, Key
from offhook.phone.settings import PhoneSettings

TimerName = Literal["ring", "dial", "reorder", "howler", "beep"]


class Call(Struct):
    """One call of the phone.

    Attributes:
        emergency: never held, swapped, joined or transferred.
        incoming: it came in.
        auto: it is to be answered by itself once it has rung.
        number: what was dialled for it.
        over: the handle of the call that was on hold when this one was dialled.
        up: it was answered.
        early_media: the network sends the ringback.
        held_there: the other side put us on hold.
        parked: a program put it on hold.
        sending: the DTMF key held.
    """

    handle: str
    emergency: bool = False
    incoming: bool = False
    auto: bool = False
    number: str = ""
    over: str | None = None
    up: bool = False
    early_media: bool = False
    held_there: bool = False
    parked: bool = False
    sending: Key | None = None


class Context:
    """The phone's memory; :attr:`actions` fills while an event is handled.

    ``call`` is in the ear, or rings, or is on its way; ``held`` are on hold, the last one last; ``waiting`` is
    announced by a tone; ``leaving`` are calls that were handed over, each with the one that it
    is joined to, until it is known whether that worked.
    """

    def __init__(self, settings: PhoneSettings) -> None:
        self.settings = settings
        self.collector = DigitCollector(settings)
        self.now = 0.0
        self.digits = ""
        self.lifted = False
        self.ear_open = False
        self.call: Call | None = None
        self.held: list[Call] = []
        self.waiting: Call | None = None
        self.leaving: list[tuple[Call, ...]] = []
        self.answered_at = -math.inf
        self.breathes_until = -math.inf
        self.service = False
        self.messages = False
        self.notices: dict[str, str] = {}
        self.tone: Tone | None = None
        self.timer: TimerName | None = None
        self.ringing = False
        self.actions: list[Action] = []
        self._placed = 0

    # -- ear and bell ------------------------------------------------------------------------------------------------

    def play(self, tone: Tone) -> None:
        """Let ``tone`` be heard, from its start if it is another."""
        if tone is not self.tone:
            self.actions.append(do.PlayTone(tone))
        self.tone = tone

    def quiet(self) -> None:
        """Stop the tone, if any."""
        if self.tone is not None:
            self.actions.append(do.StopTone())
        self.tone = None

    def ready_tone(self) -> Tone:
        """Return the tone that says: dial."""
        if not self.service:
            return Tone.NO_SERVICE
        return Tone.STUTTER if self.messages else Tone.DIAL

    def ring(self, on: bool) -> None:
        """Switch the ringer."""
        if on != self.ringing:
            self.actions.append(do.StartRinging() if on else do.StopRinging())
        self.ringing = on

    def open_ear(self, on: bool) -> None:
        """Let the call be heard though the handset is down; with the handset lifted it is heard anyway."""
        if on != self.ear_open:
            self.actions.append(do.OpenEar() if on else do.CloseEar())
        self.ear_open = on

    def say(self, text: str) -> None:
        """Speak ``text``."""
        self.actions.append(do.Say(text))

    def speak_notices(self) -> None:
        """Speak what waits to be told, once."""
        for text in self.notices.values():
            self.say(text)
        self.notices.clear()

    def wait(self, timer: TimerName | None, seconds: float = 0.0) -> None:
        """Run ``timer`` and no other beside that of a waiting call; None: no timer at all."""
        if self.timer is not None and self.timer != timer:
            self.actions.append(do.CancelTimer(self.timer))
        if timer is not None:
            self.actions.append(do.SetTimer(timer, seconds))
        self.timer = timer

    # -- calls -------------------------------------------------------------------------------------------------------

    def find(self, handle: str) -> Call | None:
        """Return the call of this handle, wherever it is."""
        known = (self.call, self.waiting, *self.held, *itertools.chain(*self.leaving))
        return next((call for call in known if call is not None and call.handle == handle), None)

    def place(self, number: str, *, emergency: bool, handle: str = "", account: str | None = None) -> None:
        """Place a call; an emergency call ends every other first and waits for nothing."""
        self.end_call()
        if emergency:
            self.end_all()
        if not handle:
            self._placed += 1
            handle = f"o{self._placed}"
        over = self.held[-1].handle if self.held else None
        self.call = Call(handle, emergency=emergency, number=number, over=over)
        self.actions.append(
            do.PlaceEmergencyCall(handle, number) if emergency else do.PlaceCall(handle, number, account)
        )

    def receive_call(self, event: CallIncoming) -> None:
        """Make a call that came in the phone's call."""
        self.call = Call(event.call, incoming=True, auto=event.auto)

    def answer_call(self) -> None:
        """Answer the call that rings."""
        if self.call is not None:
            self.call.up = True
            self.answered_at = self.now
            self.actions.append(do.AnswerCall(self.call.handle))

    def end_call(self) -> None:
        """End the call in the ear from our side, if there is one."""
        if self.call is not None:
            self.release_key()
            self.actions.append(do.EndCall(self.call.handle))
        self.call = None

    def end_all(self) -> None:
        """End every call that is not in the ear."""
        for call in (*self.held, *itertools.chain(*self.leaving)):
            self.actions.append(do.EndCall(call.handle))
        self.held.clear()
        self.leaving.clear()
        if self.waiting is not None:
            self.reject(self.waiting.handle, 486)
            self.wait_for(None)

    def reject(self, call: str, status: int) -> None:
        """Refuse a call that came in."""
        self.actions.append(do.RejectCall(call, status))

    def wait_for(self, call: Call | None) -> None:
        """Let ``call`` wait, for as long as a call may ring; None: none waits."""
        if self.waiting is not None:
            self.actions.append(do.CancelTimer("waiting"))
        if call is not None:
            self.actions.append(do.SetTimer("waiting", self.settings.ring_limit))
        self.waiting = call

    def hold_call(self) -> None:
        """Put the call in the ear with those on hold."""
        if self.call is not None:
            self.release_key()
            if not self.call.parked:
                self.actions.append(do.HoldCall(self.call.handle))
            self.call.parked = False
            self.held.append(self.call)
        self.call = None

    def park_call(self) -> None:
        """Put the call in the ear on hold without taking it out of the ear."""
        if self.call is not None:
            self.release_key()
            self.call.parked = True
            self.actions.append(do.HoldCall(self.call.handle))

    def resume_call(self, call: Call) -> None:
        """Take a call from hold into the ear, which is free."""
        if call in self.held:
            self.held.remove(call)
        call.parked = False
        self.call = call
        self.actions.append(do.ResumeCall(call.handle))

    def refuse(self, reason: str) -> None:
        """Tell a program that what it asked for is not done."""
        self.actions.append(do.Refuse(reason))

    # -- keys --------------------------------------------------------------------------------------------------------

    def hold_key(self, key: Key) -> None:
        """Send a DTMF key for as long as it is held; one key at a time."""
        if self.call is not None:
            self.release_key()
            self.call.sending = key
            self.actions.append(do.StartDtmf(self.call.handle, key))

    def release_key(self, key: Key | None = None) -> None:
        """Stop sending ``key``, or whatever key is being sent."""
        if self.call is not None and self.call.sending is not None and key in (None, self.call.sending):
            self.actions.append(do.StopDtmf(self.call.handle, self.call.sending))
            self.call.sending = None

    def drain(self) -> list[Action]:
        """Hand out the gathered actions."""
        actions, self.actions = self.actions, []
        return actions
