"""What holds whatever happens: random lives of a phone, and an emergency call out of every one of them."""

from collections import deque
from copy import deepcopy
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from offhook.phone import actions as do
from offhook.phone import events as on
from offhook.phone.machine import Phone
from offhook.phone.settings import PhoneSettings
from offhook.phone.states import State
from offhook.phone.transitions import ASIDE, TRANSITIONS

PLANS = ("(xx.T|*xx)", "[2-8]xx", "!x.", "1S0|0T|x.#", "112x|[2-9]xxS0|<9:0>xx.", "x")
TIMERS_OF = {
    State.RINGING: {"ring", "beep"},
    State.DIAL_TONE: {"dial"},
    State.DIALLING: {"dial"},
    State.REORDER: {"reorder"},
    State.HOWLER: {"howler"},
}
WITH_A_CALL = (State.RINGING, State.CALLING, State.RINGBACK, State.TALKING, State.HELD)
CALLS = st.sampled_from(["i1", "i2", "i3", "o1", "o2", "o3", "current", "held", "waiting", "leaving"])
KEYS = st.sampled_from(get_args(on.Key))
NUMBERS = st.sampled_from(["112", "15", "555", "1", "+4755", "sip:bob@pbx.test", "sip:112@pbx.test", "", "junk"])
EVENTS = st.one_of(
    st.sampled_from([on.HookLifted(), on.HookReplaced(), on.HookFlash()]),
    st.sampled_from([on.HookFlash(), on.HookFlash(), on.CallAnswered("current"), on.CallAnswered("current")]),
    st.builds(on.KeyDown, KEYS),
    st.builds(on.KeyUp, KEYS),
    st.builds(on.TimerFired, st.sampled_from(["running", "ring", "dial", "reorder", "howler", "waiting", "unknown"])),
    st.builds(
        on.CallIncoming,
        CALLS,
        st.just("Bob"),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0.0, 0.5, 1.0, 9.0, 9999.0]),
    ),
    st.builds(on.CallProceeding, CALLS),
    st.builds(on.CallEarlyMedia, CALLS),
    st.builds(on.CallAnswered, CALLS),
    st.builds(on.CallFailed, CALLS, st.sampled_from([0, 404, 486, 503])),
    st.builds(on.CallEnded, CALLS),
    st.builds(on.CallHeld, CALLS),
    st.builds(on.CallResumed, CALLS),
    st.builds(on.CallHoldFailed, CALLS),
    st.builds(on.CallTransferred, CALLS),
    st.builds(on.CallNotTransferred, CALLS),
    st.builds(on.CallRequested, st.just("p"), NUMBERS),
    st.builds(on.AnswerRequested, st.sampled_from(["", "current", "waiting", "none"])),
    st.builds(on.EndRequested, st.sampled_from(["", "current", "waiting", "held", "leaving", "none"])),
    st.builds(on.HoldRequested, CALLS),
    st.builds(on.ResumeRequested, CALLS),
    st.builds(on.TransferRequested, CALLS, NUMBERS),
    st.builds(on.ServiceChanged, st.booleans()),
    st.builds(on.MessagesWaiting, st.booleans()),
    st.builds(on.NoticeRaised, st.just("power"), st.sampled_from(["", "On battery."])),
)
SETTINGS = st.builds(
    PhoneSettings,
    dialplan=st.sampled_from(PLANS),
    emergency_numbers=st.just(("112", "15", "911", "5#5")),
    outside_prefix=st.sampled_from(["", "9"]),
    second_call=st.booleans(),
    call_waiting=st.booleans(),
    transfer_on_hangup=st.booleans(),
)


class Line:
    """Plays the switchboard: does what the phone asks for, and keeps a book of what is going on."""

    def __init__(self, options: PhoneSettings) -> None:
        self.options = options
        self.phone = Phone(options)
        self.now = 0.0
        self.timers: dict[str, float] = {}
        self.tone: str | None = None
        self.ringer = False
        self.lifted = False
        self.ear = False
        self.calls: set[str] = set()
        self.on_hold: set[str] = set()
        self.desks: set[str] = set()
        self.keys: dict[str, str] = {}
        self.emergency: list[str] = []
        self.counts = {"i": 0, "p": 0}
        self.did: list[do.Action] = []

    def copy(self) -> "Line":
        """Return a second life that has been the same so far."""
        shared = (self.options, self.phone._context.collector, self.phone._context.settings)
        return deepcopy(self, {id(part): part for part in shared})

    def event(self, event: on.Event) -> list[do.Action]:
        """Let an event happen as it could: timers fire that run, news is of calls that live."""
        event = self._placed(event)
        self.now += 1.0
        if isinstance(event, on.TimerFired):
            self.timers.pop(event.name, None)
        if isinstance(event, on.HookLifted):
            self.lifted = self.ear = True
        if isinstance(event, on.HookReplaced) and self.lifted:
            self.lifted = self.ear = False
        if isinstance(event, on.CallEnded | on.CallFailed):
            self.calls.discard(event.call)
            self.on_hold.discard(event.call)
            self.keys.pop(event.call, None)
        if isinstance(event, on.CallIncoming):
            self.calls.add(event.call)
        before, current = self.phone.state, self.phone.call
        self.did = self.phone.handle(event, self.now)
        for action in self.did:
            self._perform(action)
        aside = getattr(event, "call", current) != current or event == on.TimerFired("waiting")
        rows = ASIDE[before] if aside and type(event) in ASIDE[before] else TRANSITIONS[before]
        assert self.phone.state is before or self.phone.state in rows[type(event)].targets
        self.check()
        return self.did

    def _placed(self, event: on.Event) -> on.Event:
        if isinstance(event, on.CallIncoming | on.CallRequested):
            kind = "i" if isinstance(event, on.CallIncoming) else "p"
            self.counts[kind] += 1
            return replace(event, call=f"{kind}{self.counts[kind]}")
        if isinstance(event, on.TimerFired) and event.name == "running":
            return on.TimerFired(next(iter(self.timers), "none"))
        places = {
            "current": self.phone.call,
            "held": next(iter(self.phone.held), None),
            "waiting": self.phone.waiting,
            "leaving": next(iter(self.phone.leaving), None),
        }
        call = getattr(event, "call", None)
        return replace(event, call=places[call] or "none") if call in places else event  # type: ignore[arg-type]

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
            case do.OpenEar():
                assert not self.ear
                self.ear = True
            case do.CloseEar():
                assert not self.lifted
                self.ear = False
            case do.SetTimer(name, seconds):
                assert seconds > 0
                self.timers[name] = seconds
            case do.CancelTimer(name):
                assert name in self.timers
                del self.timers[name]
            case do.PlaceCall(call, _):
                assert self.calls <= self.on_hold | set(self.phone.leaving)
                self.calls.add(call)
            case do.PlaceEmergencyCall(call, number):
                assert not self.calls, "an emergency call goes out before the line is free"
                self.calls.add(call)
                self.desks.add(call)
                self.emergency.append(number)
            case do.EndCall(call) | do.RejectCall(call, _):
                self.calls.remove(call)
                self.on_hold.discard(call)
                assert call not in self.keys
            case do.AnswerCall(call):
                assert call in self.calls
            case do.HoldCall(call):
                assert call in self.calls - self.on_hold - self.desks
                assert call not in self.keys
                self.on_hold.add(call)
            case do.ResumeCall(call):
                self.on_hold.remove(call)
            case do.TransferCall(call, number):
                assert call in self.calls - self.desks
                assert number not in self.options.emergency_numbers
            case do.JoinCalls(call, other):
                assert {call, other} <= self.calls - self.desks
                assert call != other
            case do.StartDtmf(call, key):
                assert call in self.calls - self.on_hold
                assert call not in self.keys
                self.keys[call] = key
            case do.StopDtmf(call, key):
                assert self.keys.pop(call) == key

    def check(self) -> None:
        phone, state = self.phone, self.phone.state
        main = set(self.timers) - {"waiting"}
        assert main <= TIMERS_OF.get(state, set())
        assert len(main) == (state in TIMERS_OF)
        assert ("waiting" in self.timers) == (phone.waiting is not None)
        assert self.ringer == (state is State.RINGING and "beep" not in self.timers)
        places = [place for place in (phone.call, phone.waiting, *phone.held, *phone.leaving) if place is not None]
        assert len(places) == len(set(places))
        assert set(places) == self.calls, "a call was forgotten"
        assert (phone.call is not None) == (state in WITH_A_CALL)
        assert set(phone.held) <= self.on_hold
        assert state is not State.TALKING or phone.call not in self.on_hold
        assert not phone.in_emergency or self.calls == {phone.call}
        if state in (State.ON_HOOK, State.RINGING):
            assert not self.lifted
        if state is State.ON_HOOK:
            assert not phone.held
            assert not phone.waiting
            assert not self.ear
        elif state is not State.RINGING:
            assert self.ear, "somebody talks into a dead handset"
        assert state in (State.TALKING, State.RINGBACK) or not self.keys
        self.check_tone()

    def check_tone(self) -> None:
        state = self.phone.state
        if state in (State.TALKING, State.HELD):
            assert self.tone == ("waiting" if self.phone.waiting else None)
        elif state in (State.ON_HOOK, State.DIALLING, State.SILENT, State.CALLING):
            assert self.tone is None
        elif state is State.RINGING:
            assert self.tone == ("confirm" if "beep" in self.timers else None)
        elif state is not State.RINGBACK:
            assert self.tone is not None

    def get_the_line(self) -> int:
        """Do what a person does who needs dial tone: hang up and lift; return how often."""
        for times in range(1, 9):
            if self.lifted:
                self.event(on.HookReplaced())
            self.event(on.HookLifted())
            if self.phone.state is State.DIAL_TONE:
                return times
        raise AssertionError("a person cannot get a line")

    def dial(self, digits: str) -> None:
        for key in digits:
            self.event(on.KeyDown(key))  # type: ignore[arg-type]
            self.event(on.KeyUp(key))  # type: ignore[arg-type]


@given(SETTINGS, st.lists(EVENTS, max_size=50))
@settings(max_examples=250, deadline=None)
def test_nothing_is_ever_left_on_and_every_call_is_accounted_for(
    options: PhoneSettings, events: list[on.Event]
) -> None:
    line = Line(options)
    for event in events:
        line.event(event)
    for _ in range(5):  # what is held, or waits, rings then: nothing is forgotten, and each is ended by hand
        if not line.lifted:
            line.event(on.HookLifted())
        line.event(on.HookReplaced())
        for call in line.phone.leaving:
            line.event(on.CallEnded(call))
    assert line.phone.state is State.ON_HOOK
    assert (line.calls, line.tone, line.timers, line.ringer, line.ear) == (set(), None, {}, False, False)


@given(SETTINGS, st.lists(EVENTS, max_size=50), st.sampled_from(["112", "15", "911", "5#5"]), st.booleans())
@settings(max_examples=250, deadline=None)
def test_an_emergency_call_can_be_placed_from_every_state(
    options: PhoneSettings, events: list[on.Event], number: str, prefixed: bool
) -> None:
    line = Line(options)
    for event in events:
        line.event(event)
    line.get_the_line()
    line.emergency.clear()
    line.dial((options.outside_prefix if prefixed else "") + number)
    if not line.emergency:
        assert line.timers["dial"] <= 2.0
        line.event(on.TimerFired("dial"))
    assert line.emergency == [number]
    assert line.phone.in_emergency


@given(SETTINGS, st.lists(EVENTS, max_size=50))
@settings(max_examples=250, deadline=None)
def test_a_tap_on_the_hook_in_a_call_is_the_way_to_an_emergency_call(
    options: PhoneSettings, events: list[on.Event]
) -> None:
    """Nobody has to hang up for it: what is in the ear, held or on its way ends when the digits are complete."""
    line = Line(options)
    for event in events:
        line.event(event)
    alone = line.phone.waiting is None and not line.phone.held and not line.phone.in_emergency
    if not (line.lifted and alone and options.second_call and line.phone.state is State.TALKING):
        return
    line.event(on.HookFlash())
    line.emergency.clear()
    line.dial("112")
    if not line.emergency:
        line.event(on.TimerFired("dial"))
    assert line.emergency == ["112"]
    assert line.calls == {line.phone.call}


@given(SETTINGS, st.lists(EVENTS, max_size=50))
@settings(max_examples=150, deadline=None)
def test_a_row_of_calls_cannot_keep_a_person_from_dial_tone(options: PhoneSettings, events: list[on.Event]) -> None:
    """After each event a further call comes in; who hangs up at once and lifts again has a line soon."""
    line = Line(options)
    for event in events:
        line.event(event)

    calls = line.event

    def flooded(event: on.Event) -> list[do.Action]:
        did = calls(event)
        if not isinstance(event, on.CallIncoming):
            calls(on.CallIncoming("", "Eve"))
        return did

    line.event = flooded  # type: ignore[method-assign]
    assert line.get_the_line() <= 5


@given(st.lists(EVENTS, max_size=30))
@settings(max_examples=150, deadline=None)
def test_nothing_but_the_handset_and_the_desk_ends_an_emergency_call(events: list[on.Event]) -> None:
    line = Line(PhoneSettings(dialplan="x.", emergency_numbers=("112",), transfer_on_hangup=True))
    for event in (on.ServiceChanged(True), on.HookLifted(), on.KeyDown("5"), on.KeyDown("#"), on.CallAnswered("o1")):
        line.event(event)
    line.event(on.HookFlash())
    line.dial("112")
    line.event(on.TimerFired("dial"))
    line.event(on.CallAnswered("o2"))
    for event in events:
        if isinstance(event, on.HookReplaced) or getattr(event, "call", None) in ("o2", "current"):
            continue
        line.event(event)
        assert (line.phone.call, line.phone.in_emergency, line.calls) == ("o2", True, {"o2"})
    if isinstance(line.did, list):
        assert line.event(on.CallIncoming("", "Eve")) == [do.RejectCall(f"i{line.counts['i']}", 486)]


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


def test_every_arrow_of_the_tables_is_walked_by_some_life() -> None:
    """Breadth-first over what the real moves do: the tables promise no arrow that cannot happen."""
    seen: set[tuple[State, State]] = set()
    of_calls = (on.CallProceeding, on.CallEarlyMedia, on.CallAnswered, on.CallEnded, on.CallHeld, on.CallResumed)
    alphabet: list[on.Event] = [
        *(on.HookLifted(), on.HookReplaced(), on.HookFlash(), on.KeyDown("1"), on.KeyDown("5"), on.KeyDown("A")),
        *(kind("current") for kind in of_calls),
        *(on.CallFailed("current", 486), on.CallIncoming("", ""), on.CallIncoming("", "", auto=True)),
        *(on.TimerFired("running"), on.CallHoldFailed("held"), on.CallHoldFailed("current")),
        *(on.CallTransferred("current"), on.CallHeld("held"), on.CallNotTransferred("leaving")),
        *(on.CallRequested("", "555"), on.AnswerRequested(), on.EndRequested(), on.HoldRequested("current")),
        *(on.ResumeRequested("current"), on.ResumeRequested("held")),
    ]
    for plan, joins in (("[2-8]xx.", True), ("!5|xx", False)):
        options = PhoneSettings(plan, ("112",), transfer_on_hangup=joins, breather=0.5)
        first = Line(options)
        first.event(on.ServiceChanged(True))
        lives: deque[tuple[Line, int]] = deque([(first, 0)])
        reached: set[str] = set()
        while lives:
            life, length = lives.popleft()
            for event in alphabet:
                line = life.copy()
                line.event(event)
                seen.add((life.phone.state, line.phone.state))
                if (place := _place(line)) not in reached and length < 8:
                    reached.add(place)
                    lives.append((line, length + 1))
    promised = {
        (state, target)
        for table in (TRANSITIONS, ASIDE)
        for state, rows in table.items()
        for row in rows.values()
        for target in row.targets
    }
    assert promised - seen == set()


def _place(line: Line) -> str:
    """What tells one situation from another, whatever the calls are called."""
    phone, context = line.phone, line.phone._context
    call = context.call
    flags = call and (call.up, call.incoming, call.held_there, call.parked, call.over is not None)
    held = [other.held_there for other in context.held]
    return repr((phone.state, context.digits, flags, held, phone.waiting is not None, len(phone.leaving), line.lifted))
