"""What holds whatever happens: random lives of a phone, and an emergency call out of every one of them."""

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.phone import actions as do
from offhook.phone import events as on
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import OFF_HOOK, State
from offhook.phone.transitions import TRANSITIONS

PLANS = ("(xx.T|*xx)", "[2-8]xx", "!x.", "1S0|0T|x.#", "112x|[2-9]xxS0|<9:0>xx.", "x")
TIMER_OF = {
    State.RINGING: "ring",
    State.DIAL_TONE: "dial",
    State.DIALLING: "dial",
    State.REORDER: "reorder",
    State.HOWLER: "howler",
}
CALLS = st.sampled_from(["i1", "i2", "i3", "o1", "o2", "o3", "current"])
KEYS = st.sampled_from(get_args(on.Key))
EVENTS = st.one_of(
    st.sampled_from([on.HookLifted(), on.HookReplaced(), on.HookFlash()]),
    st.builds(on.KeyDown, KEYS),
    st.builds(on.KeyUp, KEYS),
    st.builds(on.TimerFired, st.sampled_from(["running", "ring", "dial", "reorder", "howler", "unknown"])),
    st.builds(on.CallIncoming, CALLS, st.just("Bob")),
    st.builds(on.CallProceeding, CALLS),
    st.builds(on.CallEarlyMedia, CALLS),
    st.builds(on.CallAnswered, CALLS),
    st.builds(on.CallFailed, CALLS, st.sampled_from([0, 404, 486, 503])),
    st.builds(on.CallEnded, CALLS),
    st.builds(on.CallHeld, CALLS),
    st.builds(on.CallResumed, CALLS),
    st.builds(on.ServiceChanged, st.booleans()),
    st.builds(on.MessagesWaiting, st.booleans()),
    st.builds(on.NoticeRaised, st.just("power"), st.sampled_from(["", "On battery."])),
)
SETTINGS = st.builds(
    PhoneSettings,
    dialplan=st.sampled_from(PLANS),
    emergency_numbers=st.just(("112", "15", "911", "5#5")),
    outside_prefix=st.sampled_from(["", "9"]),
)


class Line:
    """Plays the switchboard: does what the phone asks for, and keeps a book of what is going on."""

    def __init__(self, options: PhoneSettings) -> None:
        self.phone = Phone(options)
        self.timers: dict[str, float] = {}
        self.tone: str | None = None
        self.ringer = False
        self.calls: set[str] = set()
        self.keys: dict[str, str] = {}
        self.emergency: list[str] = []
        self.incoming = 0

    def event(self, event: on.Event) -> None:
        """Let an event happen as it could: timers fire that run, news is of calls that live."""
        event = self._placed(event)
        if isinstance(event, on.TimerFired):
            self.timers.pop(event.name, None)
        if isinstance(event, on.CallEnded | on.CallFailed):
            self.calls.discard(event.call)
            self.keys.pop(event.call, None)
        if isinstance(event, on.CallIncoming):
            self.calls.add(event.call)
        before = self.phone.state
        for action in self.phone.handle(event, 0.0):
            self._perform(action)
        assert self.phone.state is before or self.phone.state in TRANSITIONS[before][type(event)].targets
        self.check()

    def _placed(self, event: on.Event) -> on.Event:
        if isinstance(event, on.CallIncoming):
            self.incoming += 1
            return on.CallIncoming(f"i{self.incoming}", event.peer)
        if isinstance(event, on.TimerFired) and event.name == "running":
            return on.TimerFired(next(iter(self.timers), "none"))
        if getattr(event, "call", None) == "current":
            kind = type(event)
            call = self.phone.call or "none"
            return kind(call, event.status) if isinstance(event, on.CallFailed) else kind(call)  # type: ignore[arg-type]
        return event

    def _perform(self, action: do.Action) -> None:
        match action:
            case do.PlayTone(tone):
                self.tone = tone.value
            case do.StopTone():
                assert self.tone is not None
                self.tone = None
            case do.StartRinging():
                assert not self.ringer
                self.ringer = True
            case do.StopRinging():
                assert self.ringer
                self.ringer = False
            case do.SetTimer(name, seconds):
                assert seconds > 0
                self.timers[name] = seconds
            case do.CancelTimer(name):
                assert name in self.timers
                del self.timers[name]
            case do.PlaceCall(call, _):
                assert not self.calls
                self.calls.add(call)
            case do.PlaceEmergencyCall(call, number):
                assert not self.calls, "an emergency call goes out before the line is free"
                self.calls.add(call)
                self.emergency.append(number)
            case do.EndCall(call) | do.RejectCall(call, _):
                self.calls.remove(call)
                assert call not in self.keys
            case do.StartDtmf(call, key):
                assert call in self.calls
                assert call not in self.keys
                self.keys[call] = key
            case do.StopDtmf(call, key):
                assert self.keys.pop(call) == key

    def check(self) -> None:
        state = self.phone.state
        assert set(self.timers) == ({TIMER_OF[state]} if state in TIMER_OF else set())
        assert self.ringer == (state is State.RINGING)
        assert self.calls == ({self.phone.call} if self.phone.call else set())
        assert bool(self.calls) == (state in (State.RINGING, State.CALLING, State.RINGBACK, State.TALKING, State.HELD))
        assert state in (State.TALKING, State.RINGBACK) or not self.keys
        silent = (State.ON_HOOK, State.RINGING, State.DIALLING, State.TALKING, State.HELD, State.SILENT, State.CALLING)
        if state in silent:
            assert self.tone is None
        elif state is not State.RINGBACK:
            assert self.tone is not None


@given(SETTINGS, st.lists(EVENTS, max_size=40))
@settings(max_examples=400, deadline=None)
def test_nothing_is_ever_left_on_and_every_call_is_accounted_for(
    options: PhoneSettings, events: list[on.Event]
) -> None:
    line = Line(options)
    for event in events:
        line.event(event)
    line.event(on.HookReplaced())
    if line.phone.state is State.ON_HOOK:
        assert (line.calls, line.tone, line.timers, line.ringer) == (set(), None, {}, False)


@given(SETTINGS, st.lists(EVENTS, max_size=40), st.sampled_from(["112", "15", "911", "5#5"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_an_emergency_call_can_be_placed_from_every_state(
    options: PhoneSettings, events: list[on.Event], number: str, prefixed: bool
) -> None:
    line = Line(options)
    for event in events:
        line.event(event)
    if line.phone.state in OFF_HOOK:
        line.event(on.HookReplaced())
    line.event(on.HookLifted())
    if line.phone.state is State.TALKING:
        line.event(on.HookReplaced())
        line.event(on.HookLifted())
    line.emergency.clear()
    for key in (options.outside_prefix if prefixed else "") + number:
        line.event(on.KeyDown(key))  # type: ignore[arg-type]
        line.event(on.KeyUp(key))  # type: ignore[arg-type]
    if not line.emergency:
        assert line.timers["dial"] <= 2.0
        line.event(on.TimerFired("dial"))
    assert line.emergency == [number]
    assert line.phone.in_emergency


@given(st.text("0123456789*#", max_size=12))
def test_no_digits_in_a_call_place_an_emergency_call(digits: str) -> None:
    line = Line(PhoneSettings(dialplan="x", emergency_numbers=("112", "911")))
    for event in (on.ServiceChanged(True), on.HookLifted(), on.KeyDown("5"), on.CallAnswered("o1")):
        line.event(event)
    for key in "112" + digits + "911":
        line.event(on.KeyDown(key))  # type: ignore[arg-type]
        line.event(on.KeyUp(key))  # type: ignore[arg-type]
        line.event(on.TimerFired("dial"))
    assert line.emergency == []
    assert line.calls == {"o1"}


def test_every_arrow_of_the_table_is_walked_by_some_life() -> None:
    """Breadth-first over what the real moves do: the table promises no arrow that cannot happen."""
    seen: set[tuple[State, State]] = set()
    keys = [on.KeyDown(key) for key in "125A"]
    for plan in PLANS:
        options = PhoneSettings(dialplan=plan, emergency_numbers=("112",))
        news: list[on.Event] = [
            *(kind("current") for kind in (on.CallProceeding, on.CallEarlyMedia, on.CallAnswered, on.CallEnded)),
            *(kind("current") for kind in (on.CallHeld, on.CallResumed)),
            on.CallFailed("current", 486),
            on.CallIncoming("", ""),
            on.TimerFired("running"),
        ]
        alphabet = [on.HookLifted(), on.HookReplaced(), on.HookFlash(), *keys, *news]
        lives: list[list[on.Event]] = [[on.ServiceChanged(True)]]
        reached: set[tuple[State, str, bool]] = set()
        while lives:
            life = lives.pop(0)
            for event in alphabet:
                line = Line(options)
                for earlier in life:
                    line.event(earlier)
                before = line.phone.state
                line.event(event)
                seen.add((before, line.phone.state))
                place = (
                    line.phone.state,
                    "".join(e.key for e in life[1:] if isinstance(e, on.KeyDown)),
                    line.phone.in_emergency,
                )
                if place not in reached and len(life) < 7:
                    reached.add(place)
                    lives.append([*life, event])
    promised = {
        (state, target) for state, rows in TRANSITIONS.items() for row in rows.values() for target in row.targets
    }
    assert promised <= seen
