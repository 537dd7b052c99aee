"""The only meeting point: events go to the phone machine, its actions go to board, media and calls.

::

    board, agent, timers --post(event)--> Phone.handle --actions--> perform --> board, media, agent, timers
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from offhook.engine.observations import DtmfSeen, LampSeen, Observation, RingerSeen, StateSeen, ToneSeen
from offhook.engine.ports import Board, LampState
from offhook.phone import actions as do
from offhook.phone import events as phone
from offhook.phone.machine import Phone
from offhook.phone.states import State

_log = logging.getLogger(__name__)
_VOLUME_STEP_DB = 3.0
# On, off, ... in ms of Bellcore-dr2 to dr5, by which kinds of calls are told apart (Telcordia GR-506-CORE). dr1 is the
# usual ring; dr5, a single splash there, is repeated: a call that rings once is missed.
_DISTINCTIVE: dict[int, tuple[int, ...]] = {
    2: (800, 400, 800, 4000),
    3: (400, 200, 400, 200, 800, 4000),
    4: (300, 200, 1000, 200, 300, 4000),
    5: (500, 4000),
}


class Calls(Protocol):
    """Ordinary calls (:class:`offhook.engine.agent.Agent`)."""

    def place(self, call: str, number: str, by: str | None = None) -> None: ...
    def ring(self, call: str) -> None: ...
    def ring_style(self, call: str) -> int: ...
    def wait(self, call: str) -> None: ...
    def answer(self, call: str) -> None: ...
    def reject(self, call: str, status: int) -> None: ...
    def end(self, call: str) -> None: ...
    def hold(self, call: str) -> None: ...
    def resume(self, call: str) -> None: ...
    def transfer(self, call: str, number: str) -> None: ...
    def join(self, call: str, other: str) -> None: ...


class EmergencyCalls(Protocol):
    """Emergency calls (:class:`offhook.engine.caller.EmergencyCaller`); ``end`` says whether the call was one."""

    def place(self, call: str, number: str) -> None: ...
    def end(self, call: str) -> bool: ...


class Ear(Protocol):
    """What the switchboard uses of the media process (:class:`offhook.engine.mediaclient.MediaClient`)."""

    def set_active(self, on: bool) -> None: ...
    def play_tone(self, name: str) -> None: ...
    def stop_tone(self) -> None: ...
    def set_volume(self, db: float) -> None: ...


class Voice(Protocol):
    """Spoken words (:class:`offhook.engine.speaker.Speaker`); ``hush`` lets none begin that are still on their way."""

    def __call__(self, text: str) -> None: ...
    def hush(self) -> None: ...


class Keys(Protocol):
    """Telephone events into a call."""

    def start_dtmf(self, call: str, digit: str) -> None: ...
    def stop_dtmf(self, call: str, digit: str) -> None: ...


class SwitchboardSettings(Struct, frozen=True):
    """Ring cadence as on, off, ... in ms; the ear's volume in dB at the start and its bounds."""

    ring_cadence_ms: tuple[int, ...] = (1000, 4000)
    volume_db: float = 0.0
    volume_min_db: float = -18.0
    volume_max_db: float = 12.0


class Switchboard:
    """Runs one :class:`Phone` on the loop: a queue of events, named one-shot timers, and actions performed in order.

    Each action stands alone: one that fails goes into the log, and those behind it are performed all the same. A lamp
    that is broken must not keep an emergency call from being placed.
    """

    def __init__(
        self,
        machine: Phone,
        board: Board,
        ear: Ear,
        keys: Keys,
        voice: Voice,
        observe: Callable[[Observation], None],
        settings: SwitchboardSettings,
    ) -> None:
        self.machine = machine
        self.expecting = False
        self._networked = True
        self._board = board
        self._ear = ear
        self._keys = keys
        self._voice = voice
        self._observe = observe
        self._settings = settings
        self._volume = settings.volume_db
        self._calls: Calls | None = None
        self._emergency: EmergencyCalls | None = None
        self._kept: list[do.PlaceCall | do.PlaceEmergencyCall] = []
        self._queue: deque[tuple[phone.Event, float]] = deque()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._running = False
        self._lamp: LampState = "off"
        self._refusal = ""
        self._follow: Callable[[phone.Event], None] | None = None

    def connect(
        self, calls: Calls, emergency: EmergencyCalls, follow: Callable[[phone.Event], None] | None = None
    ) -> None:
        """Join the calls to the switchboard (they post to it, so they are made after it).

        ``follow`` is told of each event when all that comes of it was done. A call that somebody placed before is kept
        until :meth:`place_kept`.
        """
        self._calls = calls
        self._emergency = emergency
        self._follow = follow

    def expect_network(self) -> None:
        """Keep what is dialled, an emergency call too, until :meth:`place_kept`: nothing can be sent yet."""
        self._networked = False

    def expect_service(self) -> None:
        """Give dial tone though no account has registered yet; what is dialled is kept until :meth:`service_known`."""
        self.expecting = True
        self.post(phone.ServiceChanged(True))

    def service_known(self, available: bool) -> None:
        """Tell whether an account is in service; what was dialled while nobody knew is placed, or has failed."""
        self.expecting = False
        if not available:
            for action in [kept for kept in self._kept if isinstance(kept, do.PlaceCall)]:
                self._kept.remove(action)
                self.post(phone.CallFailed(action.call, 0, "no account is in service"))
        self.post(phone.ServiceChanged(available))
        self.place_kept()

    def place_kept(self) -> None:
        """Place what was dialled before it could be placed, and can be now, unless it was given up since."""
        self._networked = True
        kept, self._kept = self._kept, []
        for action in kept:
            if not self._try(self._perform, action):
                self._make_up_for(action)

    def request(self, event: phone.Event) -> str:
        """Do what a program asks for; return why not, or an empty text."""
        self._refusal = ""
        self.post(event)
        return self._refusal

    def post(self, event: phone.Event, t: float | None = None) -> None:
        """Give the phone machine an event that happened at ``t`` (loop time; now where not given)."""
        self._queue.append((event, asyncio.get_running_loop().time() if t is None else t))
        if self._running:
            return
        self._running = True
        try:
            while self._queue:
                self._handle(*self._queue.popleft())
        finally:
            self._running = False

    def phone_event(self, event: phone.Event, t: float) -> None:
        """See :class:`offhook.engine.ports.BoardListener`."""
        self.post(event, t)

    def button(self, name: str, t: float) -> None:
        """See :class:`offhook.engine.ports.BoardListener`: volume keys work in every state."""
        step = {"volume_up": _VOLUME_STEP_DB, "volume_down": -_VOLUME_STEP_DB}.get(name)
        if step is not None:
            bounds = self._settings
            self._volume = min(max(self._volume + step, bounds.volume_min_db), bounds.volume_max_db)
            self._ear.set_volume(self._volume)

    def close(self) -> None:
        """Forget timers, silence the ringer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._try(self._board.set_ringer, False, ())

    def _handle(self, event: phone.Event, t: float) -> None:
        before = self.machine.state
        if isinstance(event, phone.HookLifted):
            self._try(self._ear.set_active, True)
        actions = self.machine.handle(event, t)
        after = self.machine.state
        for action in actions:
            if not self._try(self._perform, action):
                self._make_up_for(action)
        if self._calls is not None:
            if isinstance(event, phone.CallIncoming) and event.call == self.machine.waiting:
                self._try(self._calls.wait, event.call)
            elif after is State.RINGING and before is not after and self.machine.call is not None:
                self._try(self._calls.ring, self.machine.call)
        if isinstance(event, phone.CallAnswered) and after is State.TALKING and before is not after:
            self._try(self._be_quiet)  # words of ours must not run into the conversation
        if isinstance(event, phone.HookReplaced):
            self._try(self._be_quiet)
            self._try(self._ear.set_active, False)
        if self._follow is not None:
            self._try(self._follow, event)
        if after is not before:
            self._observe(StateSeen(after.name))
            self._try(self._show, after)

    def _try(self, work: Callable[..., None], *arguments: object) -> bool:
        try:
            work(*arguments)
        except Exception:
            # Kinds only: what was dialled is not for the log.
            kinds = ", ".join(type(argument).__name__ for argument in arguments[-1:])
            _log.exception("the phone failed at %s(%s); it goes on", getattr(work, "__name__", "a part"), kinds)
            return False
        return True

    def _make_up_for(self, action: do.Action) -> None:
        """Tell the machine of a call that could not be placed or answered, so that it does not wait for it."""
        match action:
            case do.PlaceCall(call) | do.PlaceEmergencyCall(call):
                self.post(phone.CallFailed(call, 0, "this phone failed at the call"))
            case do.HoldCall(call):
                self.post(phone.CallHoldFailed(call))
            case do.TransferCall(call) | do.JoinCalls(call):
                self.post(phone.CallNotTransferred(call))
            case do.AnswerCall(call):
                self.post(phone.CallEnded(call))
            case _:
                pass

    def _be_quiet(self) -> None:
        self._voice.hush()
        self._ear.stop_tone()

    def _perform(self, action: do.Action) -> None:
        match action:
            case do.PlayTone(tone):
                self._ear.play_tone(tone.value)
            case do.StopTone():
                self._be_quiet()
                self._observe(ToneSeen("none", asyncio.get_running_loop().time()))
            case do.Say(text):
                self._voice(text)
            case do.StartRinging():
                self._ring(True)
            case do.StopRinging():
                self._ring(False)
            case do.OpenEar():
                self._ear.set_active(True)
            case do.CloseEar():
                self._ear.set_active(False)
            case do.Refuse(reason):
                self._refusal = reason
            case do.StartDtmf(call, key):
                self._keys.start_dtmf(call, key)
                self._observe(DtmfSeen(key, "out"))
            case do.StopDtmf(call, key):
                self._keys.stop_dtmf(call, key)
            case do.SetTimer(name, seconds):
                self._cancel(name)
                self._timers[name] = asyncio.get_running_loop().call_later(seconds, self._fire, name)
            case do.CancelTimer(name):
                self._cancel(name)
            case do.EndCall(call) if any(kept.call == call for kept in self._kept):
                self._kept = [kept for kept in self._kept if kept.call != call]
            case do.PlaceCall() if self._calls is None or not self._networked or self.expecting:
                self._kept.append(action)
            case do.PlaceEmergencyCall() if self._calls is None or not self._networked:
                self._kept.append(action)
            case _ if self._calls is not None and self._emergency is not None:
                _perform_call(self._calls, self._emergency, action)

    def _ring(self, on: bool) -> None:
        call, calls = self.machine.call, self._calls
        style = calls.ring_style(call) if calls is not None and call is not None else 0
        cadence = _DISTINCTIVE.get(style, self._settings.ring_cadence_ms) if on else ()
        self._board.set_ringer(on, cadence)
        self._observe(RingerSeen(on, ",".join(map(str, cadence))))

    def _show(self, state: State) -> None:
        lamps: dict[State, LampState] = {State.ON_HOOK: "off", State.RINGING: "blink"}
        lamp = lamps.get(state, "on")
        if lamp == self._lamp:
            return
        self._lamp = lamp
        self._board.set_lamp("line", lamp)
        self._observe(LampSeen("line", lamp))

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _fire(self, name: str) -> None:
        self._timers.pop(name, None)
        self.post(phone.TimerFired(name))


def _perform_call(calls: Calls, emergency: EmergencyCalls, action: do.Action) -> None:
    match action:
        case do.PlaceCall(call, number, by):
            calls.place(call, number, by)
        case do.PlaceEmergencyCall(call, number):
            emergency.place(call, number)
        case do.AnswerCall(call):
            calls.answer(call)
        case do.RejectCall(call, status):
            calls.reject(call, status)
        case do.EndCall(call):
            if not emergency.end(call):
                calls.end(call)
        case do.HoldCall(call):
            calls.hold(call)
        case do.ResumeCall(call):
            calls.resume(call)
        case do.TransferCall(call, number):
            calls.transfer(call, number)
        case do.JoinCalls(call, other):
            calls.join(call, other)
