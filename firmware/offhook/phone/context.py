"""What the phone machine remembers between events, and the actions that it gathers during one.

The setters compare with what is so already: they ask for nothing that is not needed, and the machine cannot forget to
stop what it started.
"""

from dataclasses import dataclass
from typing import Literal

from offhook.phone import actions as do
from offhook.phone.actions import Action, Tone
from offhook.phone.collector import DigitCollector
from offhook.phone.events import Key
from offhook.phone.settings import PhoneSettings

TimerName = Literal["ring", "dial", "reorder", "howler"]


@dataclass(slots=True)
class Call:
    """The one call of the phone. ``early_media``: the network sends the ringback; ``sending``: the DTMF key held."""

    handle: str
    emergency: bool = False
    early_media: bool = False
    sending: Key | None = None


class Context:
    """The phone's memory; :attr:`actions` fills while an event is handled."""

    def __init__(self, settings: PhoneSettings) -> None:
        self.settings = settings
        self.collector = DigitCollector(settings)
        self.digits = ""
        self.call: Call | None = None
        self.service = False
        self.messages = False
        self.notices: dict[str, str] = {}
        self.tone: Tone | None = None
        self.timer: TimerName | None = None
        self.ringing = False
        self.actions: list[Action] = []
        self._placed = 0

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

    def ring(self, on: bool) -> None:
        """Switch the ringer."""
        if on != self.ringing:
            self.actions.append(do.StartRinging() if on else do.StopRinging())
        self.ringing = on

    def wait(self, timer: TimerName | None, seconds: float = 0.0) -> None:
        """Run ``timer`` and no other; None: no timer at all."""
        if self.timer is not None and self.timer != timer:
            self.actions.append(do.CancelTimer(self.timer))
        if timer is not None:
            self.actions.append(do.SetTimer(timer, seconds))
        self.timer = timer

    def say(self, text: str) -> None:
        """Speak ``text``."""
        self.actions.append(do.Say(text))

    def speak_notices(self) -> None:
        """Speak what waits to be told, once."""
        for text in self.notices.values():
            self.say(text)
        self.notices.clear()

    def place(self, number: str, *, emergency: bool) -> None:
        """Place a call; an emergency call ends any other first and waits for nothing."""
        self.end_call()
        self._placed += 1
        self.call = Call(f"o{self._placed}", emergency=emergency)
        kind = do.PlaceEmergencyCall if emergency else do.PlaceCall
        self.actions.append(kind(self.call.handle, number))

    def receive_call(self, call: str) -> None:
        """Make a call that came in the phone's call."""
        self.call = Call(call)

    def answer_call(self) -> None:
        """Answer the call that rings."""
        if self.call is not None:
            self.actions.append(do.AnswerCall(self.call.handle))

    def end_call(self) -> None:
        """End the call from our side, if there is one."""
        if self.call is not None:
            self.release_key()
            self.actions.append(do.EndCall(self.call.handle))
        self.call = None

    def reject(self, call: str, status: int) -> None:
        """Refuse a call that came in."""
        self.actions.append(do.RejectCall(call, status))

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
