from typing import get_args

import pytest

from offhook.phone import events as on
from offhook.phone.states import OFF_HOOK, State
from offhook.phone.transitions import ASIDE, IGNORE, TRANSITIONS

EVENTS = get_args(on.Event)


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_row_for_every_event_and_no_other(state: State) -> None:
    assert set(TRANSITIONS[state]) == set(EVENTS)


def test_the_table_has_every_state() -> None:
    assert set(TRANSITIONS) == set(State)


def test_a_row_either_does_something_and_leads_somewhere_or_is_ignored() -> None:
    for rows in TRANSITIONS.values():
        for row in rows.values():
            assert row is IGNORE or (row.move is not None and row.targets)


def test_every_state_is_reached_from_on_hook_and_leads_back() -> None:
    arrows = {state: frozenset().union(*(row.targets for row in rows.values())) for state, rows in TRANSITIONS.items()}
    assert reachable(arrows, State.ON_HOOK) == set(State)
    for state in State:
        assert State.ON_HOOK in reachable(arrows, state)


def reachable(arrows: dict[State, frozenset[State]], start: State) -> set[State]:
    seen: set[State] = {start}
    todo = [start]
    while todo:
        for target in arrows[todo.pop()] - seen:
            seen.add(target)
            todo.append(target)
    return seen


@pytest.mark.parametrize("state", sorted(OFF_HOOK, key=lambda state: state.value))
def test_putting_the_handset_back_leads_on_hook_from_everywhere_or_rings_for_a_call_that_is_left(state: State) -> None:
    assert TRANSITIONS[state][on.HookReplaced].targets == {State.ON_HOOK, State.RINGING}


@pytest.mark.parametrize("state", State)
def test_a_further_call_rings_only_on_hook(state: State) -> None:
    targets = {state, State.RINGING} if state is State.ON_HOOK else {state}
    assert TRANSITIONS[state][on.CallIncoming].targets == targets


@pytest.mark.parametrize("state", State)
def test_news_of_a_call_that_is_not_in_the_ear_has_a_row_in_every_state(state: State) -> None:
    of_a_call = {event for event in EVENTS if "call" in event.__struct_fields__ and event.__name__.startswith("Call")}
    news = of_a_call - {on.CallIncoming, on.CallRequested} | {on.TimerFired}
    assert set(ASIDE[state]) == news
