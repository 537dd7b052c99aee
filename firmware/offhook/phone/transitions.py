"""The phone machine as one table: every state with every event.

A row names the move and the states that it may lead to; :data:`IGNORE` says that nothing happens. The diagram in
ARCHITECTURE.md is drawn from this table (:mod:`offhook.phone.diagram`), and a test walks all of it.

Emergency is a property of a call, not a state: the rows that it changes ask the call.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from offhook.phone import events as on
from offhook.phone import moves
from offhook.phone.moves import Move
from offhook.phone.states import State

EventType = type[on.Event]


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the table: what is done, and where that may lead."""

    move: Move | None
    targets: frozenset[State]


IGNORE = Row(None, frozenset())


def _row(move: Move, *targets: State) -> Row:
    return Row(move, frozenset(targets))


_S = State
_PROCEED = (_S.DIALLING, _S.CALLING, _S.REORDER)


def _remembered(state: State) -> Mapping[EventType, Row]:
    return {
        on.ServiceChanged: _row(moves.note_service, state),
        on.MessagesWaiting: _row(moves.note_messages, state),
        on.NoticeRaised: _row(moves.note_notice, state),
    }


def _no_call() -> Mapping[EventType, Row]:
    """Events of a call in a state that has none: they cannot name the phone's call."""
    return {
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: IGNORE,
        on.CallEnded: IGNORE,
        on.CallHeld: IGNORE,
        on.CallResumed: IGNORE,
    }


def _off_hook(state: State) -> Mapping[EventType, Row]:
    return {
        on.HookLifted: IGNORE,
        on.HookReplaced: _row(moves.hang_up, _S.ON_HOOK),
        on.CallIncoming: _row(moves.refuse_busy, state),
        on.TimerFired: IGNORE,
        **_remembered(state),
    }


def _left_off_hook(state: State) -> Mapping[EventType, Row]:
    return {
        **_off_hook(state),
        **_no_call(),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE),
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
    }


TRANSITIONS: Mapping[State, Mapping[EventType, Row]] = {
    _S.ON_HOOK: {
        on.HookLifted: _row(moves.lift, _S.DIAL_TONE),
        on.HookReplaced: IGNORE,
        on.HookFlash: IGNORE,
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        on.TimerFired: IGNORE,
        on.CallIncoming: _row(moves.ring, _S.RINGING),
        **_no_call(),
        **_remembered(_S.ON_HOOK),
    },
    _S.RINGING: {
        on.HookLifted: _row(moves.answer, _S.TALKING),
        on.HookReplaced: IGNORE,
        on.HookFlash: IGNORE,
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        on.TimerFired: _row(moves.give_up_ringing, _S.ON_HOOK),
        on.CallIncoming: _row(moves.refuse_busy, _S.RINGING),
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: _row(moves.stop_ringing, _S.ON_HOOK),
        on.CallEnded: _row(moves.stop_ringing, _S.ON_HOOK),
        on.CallHeld: IGNORE,
        on.CallResumed: IGNORE,
        **_remembered(_S.RINGING),
    },
    _S.DIAL_TONE: {
        **_off_hook(_S.DIAL_TONE),
        **_no_call(),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE),
        on.KeyDown: _row(moves.key, _S.DIAL_TONE, *_PROCEED),
        on.KeyUp: IGNORE,
        on.TimerFired: _row(moves.too_slow, _S.REORDER),
    },
    _S.DIALLING: {
        **_off_hook(_S.DIALLING),
        **_no_call(),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE),
        on.KeyDown: _row(moves.key, *_PROCEED),
        on.KeyUp: IGNORE,
        on.TimerFired: _row(moves.pause, _S.CALLING, _S.REORDER),
    },
    _S.CALLING: {
        **_off_hook(_S.CALLING),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE, _S.CALLING),
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        on.CallProceeding: _row(moves.ringback, _S.RINGBACK),
        on.CallEarlyMedia: _row(moves.early_media, _S.RINGBACK),
        on.CallAnswered: _row(moves.talk, _S.TALKING),
        on.CallFailed: _row(moves.call_failed, _S.REORDER),
        on.CallEnded: _row(moves.call_ended, _S.REORDER),
        on.CallHeld: IGNORE,
        on.CallResumed: IGNORE,
    },
    _S.RINGBACK: {
        **_off_hook(_S.RINGBACK),
        on.HookFlash: _row(moves.start_again, _S.DIAL_TONE, _S.RINGBACK),
        on.KeyDown: _row(moves.key_down, _S.RINGBACK),
        on.KeyUp: _row(moves.key_up, _S.RINGBACK),
        on.CallProceeding: _row(moves.ringback, _S.RINGBACK),
        on.CallEarlyMedia: _row(moves.early_media, _S.RINGBACK),
        on.CallAnswered: _row(moves.talk, _S.TALKING),
        on.CallFailed: _row(moves.call_failed, _S.REORDER),
        on.CallEnded: _row(moves.call_ended, _S.REORDER),
        on.CallHeld: IGNORE,
        on.CallResumed: IGNORE,
    },
    _S.TALKING: {
        **_off_hook(_S.TALKING),
        on.HookFlash: IGNORE,
        on.KeyDown: _row(moves.key_down, _S.TALKING),
        on.KeyUp: _row(moves.key_up, _S.TALKING),
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: _row(moves.call_failed, _S.REORDER),
        on.CallEnded: _row(moves.call_ended, _S.REORDER),
        on.CallHeld: _row(moves.held, _S.HELD),
        on.CallResumed: IGNORE,
    },
    _S.HELD: {
        **_off_hook(_S.HELD),
        on.HookFlash: IGNORE,
        on.KeyDown: IGNORE,
        on.KeyUp: IGNORE,
        on.CallProceeding: IGNORE,
        on.CallEarlyMedia: IGNORE,
        on.CallAnswered: IGNORE,
        on.CallFailed: _row(moves.call_failed, _S.REORDER),
        on.CallEnded: _row(moves.call_ended, _S.REORDER),
        on.CallHeld: IGNORE,
        on.CallResumed: _row(moves.talk, _S.TALKING),
    },
    _S.REORDER: {**_left_off_hook(_S.REORDER), on.TimerFired: _row(moves.howl, _S.HOWLER)},
    _S.HOWLER: {**_left_off_hook(_S.HOWLER), on.TimerFired: _row(moves.fall_silent, _S.SILENT)},
    _S.SILENT: _left_off_hook(_S.SILENT),
}
