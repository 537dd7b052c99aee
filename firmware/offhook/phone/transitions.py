"""The phone machine as one table: every state with every event, and every state with news of a call aside.

A row names the move and the states that it may lead to; :data:`IGNORE` says that nothing happens. The diagram in
ARCHITECTURE.md is drawn from this table (:mod:`offhook.phone.diagram`), and a test walks all of it.

Emergency is a property of a call, not a state, and so is whether another call is held or waits: the rows that it
changes ask the calls.
"""

from collections.abc import Mapping

from msgspec import Struct

from offhook.phone import events as on
from offhook.phone import moves, requests, second
from offhook.phone.moves import Move
from offhook.phone.states import State

EventType = type[on.Event]


class Row(Struct, frozen=True):
    """One cell of the table: what is done, and where that may lead."""

    move: Move | None
    targets: frozenset[State]


IGNORE = Row(None, frozenset())


def _row(move: Move, *targets: State) -> Row:
    return Row(move, frozenset(targets))


_S = State
_PROCEED = (_S.DIALLING, _S.CALLING, _S.REORDER)
_TALK = (_S.TALKING, _S.HELD)
_REST = (_S.ON_HOOK, _S.RINGING)


def _remembered(state: State) -> Mapping[EventType, Row]:
    return {
        on.ServiceChanged: _row(moves.note_service, state),
        on.MessagesWaiting: _row(moves.note_messages, state),
        on.NoticeRaised: _row(moves.note_notice, state),
    }


def _requests(
    state: State,
    call: tuple[State, ...] = (),
    answer: tuple[State, ...] = (),
    end: tuple[State, ...] = (),
    hold: tuple[State, ...] = (),
    resume: tuple[State, ...] = (),
) -> Mapping[EventType, Row]:
    """What programs ask for, with the states that it may lead to beside this one."""
    return {
        on.CallRequested: _row(requests.call, state, *call),
        on.AnswerRequested: _row(requests.answer, state, *answer),
        on.EndRequested: _row(requests.end, state, *end),
        on.HoldRequested: _row(requests.hold, state, *hold),
        on.ResumeRequested: _row(requests.resume, state, *resume),
        on.TransferRequested: _row(requests.transfer, state),
    }


def _no_call() -> Mapping[EventType, Row]:
    """Events of a call in a state that has none in the ear: they cannot name it."""
    return {
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: IGNORE,
        on.CallEnded: IGNORE,
        on.CallHeld: IGNORE,
        on.CallResumed: IGNORE,
        on.CallHoldFailed: IGNORE,
        on.CallTransferred: IGNORE,
        on.CallNotTransferred: IGNORE,
    }


def _off_hook(state: State) -> Mapping[EventType, Row]:
    return {
        on.HookLifted: IGNORE,
        on.HookReplaced: _row(moves.hang_up, *_REST),
        on.CallIncoming: _row(moves.refuse_busy, state),
        on.TimerFired: IGNORE,
        **_remembered(state),
    }


def _left_off_hook(state: State) -> Mapping[EventType, Row]:
    return {
        **_off_hook(state),
        **_no_call(),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE, *_TALK),
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        **_requests(state, answer=(_S.TALKING,), resume=_TALK),
    }


def _on_its_way(state: State) -> Mapping[EventType, Row]:
    """A call is placed and not answered yet."""
    return {
        **_off_hook(state),
        on.HookLifted: _row(moves.take_up, state),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE, *_TALK, state),
        on.CallProceeding: _row(moves.ringback, _S.RINGBACK),
        on.CallEarlyMedia: _row(moves.early_media, _S.RINGBACK),
        on.CallAnswered: _row(moves.talk, _S.TALKING),
        on.CallFailed: _row(moves.call_failed, _S.REORDER, *_REST),
        on.CallEnded: _row(moves.call_ended, _S.REORDER, *_REST),
        on.CallHeld: IGNORE,
        on.CallResumed: IGNORE,
        on.CallHoldFailed: IGNORE,
        on.CallTransferred: IGNORE,
        on.CallNotTransferred: IGNORE,
        **_requests(state, end=(_S.REORDER, *_REST)),
    }


def _conversation(state: State) -> Mapping[EventType, Row]:
    """A call is in the ear; HELD where one side, or a program, has put it on hold."""
    return {
        **_off_hook(state),
        on.HookLifted: _row(moves.take_up, state),
        on.HookFlash: _row(second.flash, _S.DIAL_TONE, *_TALK),
        on.CallIncoming: _row(second.announce, state),
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: _row(moves.call_failed, _S.REORDER, *_REST),
        on.CallEnded: _row(moves.call_ended, _S.REORDER, *_REST),
        on.CallHeld: _row(moves.follow_hold, _S.HELD),
        on.CallResumed: _row(moves.follow_hold, *_TALK),
        on.CallHoldFailed: _row(second.parking_failed, *_TALK),
        on.CallTransferred: _row(moves.transferred, _S.REORDER, *_REST),
        on.CallNotTransferred: IGNORE,
        **_requests(state, answer=(_S.TALKING,), end=(_S.REORDER, *_REST), hold=(_S.HELD,), resume=_TALK),
    }


TRANSITIONS: Mapping[State, Mapping[EventType, Row]] = {
    _S.ON_HOOK: {
        on.HookLifted: _row(moves.lift, _S.DIAL_TONE),
        on.HookReplaced: IGNORE,
        on.HookFlash: IGNORE,
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        on.TimerFired: IGNORE,
        on.CallIncoming: _row(moves.ring, _S.RINGING, _S.ON_HOOK),
        **_no_call(),
        **_remembered(_S.ON_HOOK),
        **_requests(_S.ON_HOOK, call=(_S.CALLING,)),
    },
    _S.RINGING: {
        on.HookLifted: _row(moves.answer, *_TALK),
        on.HookReplaced: IGNORE,
        on.HookFlash: IGNORE,
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        on.TimerFired: _row(moves.ring_time_over, *_REST, _S.TALKING),
        on.CallIncoming: _row(moves.refuse_busy, _S.RINGING),
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: _row(moves.stop_ringing, *_REST),
        on.CallEnded: _row(moves.stop_ringing, *_REST),
        on.CallHeld: _row(second.note_hold, _S.RINGING),
        on.CallResumed: _row(second.note_hold, _S.RINGING),
        on.CallHoldFailed: IGNORE,
        on.CallTransferred: _row(moves.transferred, *_REST),
        on.CallNotTransferred: IGNORE,
        **_remembered(_S.RINGING),
        **_requests(_S.RINGING, answer=_TALK, end=(_S.ON_HOOK,), resume=_TALK),
    },
    _S.DIAL_TONE: {
        **_left_off_hook(_S.DIAL_TONE),
        on.KeyDown: _row(moves.key, _S.DIAL_TONE, *_PROCEED),
        on.TimerFired: _row(moves.too_slow, _S.REORDER),
        **_requests(_S.DIAL_TONE, call=(_S.CALLING,), resume=_TALK),
    },
    _S.DIALLING: {
        **_left_off_hook(_S.DIALLING),
        on.KeyDown: _row(moves.key, *_PROCEED),
        on.TimerFired: _row(moves.pause, _S.CALLING, _S.REORDER),
        **_requests(_S.DIALLING, resume=_TALK),
    },
    _S.CALLING: {
        **_on_its_way(_S.CALLING),
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
    },
    _S.RINGBACK: {
        **_on_its_way(_S.RINGBACK),
        on.KeyDown: _row(moves.key_down, _S.RINGBACK),
        on.KeyUp: _row(moves.key_up, _S.RINGBACK),
    },
    _S.TALKING: {
        **_conversation(_S.TALKING),
        on.KeyDown: _row(moves.key_down, _S.TALKING),
        on.KeyUp: _row(moves.key_up, _S.TALKING),
    },
    _S.HELD: {
        **_conversation(_S.HELD),
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
    },
    _S.REORDER: {**_left_off_hook(_S.REORDER), on.TimerFired: _row(moves.howl, _S.HOWLER)},
    _S.HOWLER: {**_left_off_hook(_S.HOWLER), on.TimerFired: _row(moves.fall_silent, _S.SILENT)},
    _S.SILENT: _left_off_hook(_S.SILENT),
}
"""What each event does; events of a call are those of the call in the ear (or that rings, or is on its way)."""


def _aside(state: State) -> Mapping[EventType, Row]:
    back = _TALK if state is _S.DIAL_TONE else ()
    return {
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: _row(second.lost_aside, state),
        on.CallEnded: _row(second.lost_aside, state),
        on.CallHeld: _row(second.note_hold, state),
        on.CallResumed: _row(second.note_hold, state),
        on.CallHoldFailed: _row(second.hold_failed, state, *back) if back else IGNORE,
        on.CallTransferred: _row(second.handed_over, state),
        on.CallNotTransferred: _row(
            second.not_handed_over, *((_S.ON_HOOK, _S.RINGING) if state is _S.ON_HOOK else (state,))
        ),
        on.TimerFired: _row(second.give_up_waiting, state),
    }


ASIDE: Mapping[State, Mapping[EventType, Row]] = {state: _aside(state) for state in State}
"""What news of a call does that is held, waits or is leaving, and the timer of the one that waits."""
