import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.phone.events import HookFlash, HookLifted, HookReplaced
from offhook.phone.hookswitch import HookSwitch, HookTiming, Timed

NORTH_AMERICA = HookTiming()
BRITAIN = HookTiming(flash_min=0.050, flash_max=0.130)


def play(hook: HookSwitch, edges: list[tuple[float, bool]], until: float = 60.0) -> list[Timed]:
    events: list[Timed] = []
    for t, lifted in [*edges, (until, edges[-1][1])]:
        while (due := hook.deadline()) is not None and due <= t:
            events += hook.tick(due)
        events += hook.edge(lifted, t)
    return events


def chatter(t: float, lifted: bool, milliseconds: int) -> list[tuple[float, bool]]:
    edges = [(t + n / 1000, lifted if n % 2 == 0 else not lifted) for n in range(milliseconds)]
    return [*edges, (t + milliseconds / 1000, lifted)]


def test_a_lift_is_told_five_milliseconds_after_the_contact() -> None:
    hook = HookSwitch(NORTH_AMERICA)
    hook.edge(True, 1.0)
    assert hook.deadline() == 1.005
    assert hook.tick(1.005) == [Timed(HookLifted(), 1.0)]
    assert hook.lifted


@pytest.mark.parametrize("bounce", [0, 5, 12, 20, 29])
def test_a_bouncing_handset_is_lifted_once_and_replaced_once(bounce: int) -> None:
    events = play(HookSwitch(NORTH_AMERICA), chatter(1.0, True, bounce) + chatter(5.0, False, bounce))
    assert events == [Timed(HookLifted(), 1.0), Timed(HookReplaced(), 5.0)]


@pytest.mark.parametrize(
    ("timing", "away", "event"),
    [
        (NORTH_AMERICA, 0.25, None),
        (NORTH_AMERICA, 0.31, HookFlash()),
        (NORTH_AMERICA, 0.50, HookFlash()),
        (NORTH_AMERICA, 0.99, HookFlash()),
        (BRITAIN, 0.04, None),
        (BRITAIN, 0.06, HookFlash()),
        (BRITAIN, 0.129, HookFlash()),
    ],
)
def test_a_break_within_the_national_window_is_a_flash(timing: HookTiming, away: float, event: object) -> None:
    events = play(HookSwitch(timing), [(1.0, True), (5.0, False), (5.0 + away, True)])
    assert events == [Timed(HookLifted(), 1.0)] + ([Timed(event, 5.0)] if event else [])  # type: ignore[arg-type]


@pytest.mark.parametrize("timing", [NORTH_AMERICA, BRITAIN])
def test_a_break_beyond_the_window_is_hanging_up_and_lifting_again(timing: HookTiming) -> None:
    events = play(HookSwitch(timing), [(1.0, True), (5.0, False), (6.01, True)])
    assert [event.event for event in events] == [HookLifted(), HookReplaced(), HookLifted()]


def test_hanging_up_is_told_when_the_flash_window_is_over() -> None:
    hook = HookSwitch(NORTH_AMERICA)
    play(hook, [(1.0, True), (5.0, False)], until=5.5)
    assert hook.lifted
    assert hook.deadline() == 6.0
    assert hook.tick(6.0) == [Timed(HookReplaced(), 5.0)]
    assert not hook.lifted


def test_a_busy_loop_does_not_turn_a_flash_into_hanging_up() -> None:
    hook = HookSwitch(NORTH_AMERICA)
    play(hook, [(1.0, True)], until=2.0)
    late = [*hook.edge(False, 5.0), *hook.edge(True, 5.5), *hook.tick(30.0)]
    assert late == [Timed(HookFlash(), 5.0)]


def test_a_busy_loop_does_not_turn_hanging_up_into_a_flash() -> None:
    hook = HookSwitch(NORTH_AMERICA)
    play(hook, [(1.0, True)], until=2.0)
    late = [*hook.edge(False, 5.0), *hook.edge(True, 8.0), *hook.tick(30.0)]
    assert [event.event for event in late] == [HookReplaced(), HookLifted()]


def test_a_flash_that_ends_on_the_last_moment_still_counts() -> None:
    events = play(HookSwitch(NORTH_AMERICA), [(1.0, True), (5.0, False), (5.999, True)])
    assert events[-1] == Timed(HookFlash(), 5.0)


def test_without_a_flash_window_hanging_up_counts_at_once() -> None:
    hook = HookSwitch(HookTiming(flash_min=0.0, flash_max=0.0))
    events = play(hook, [(1.0, True), (5.0, False)], until=5.010)
    assert events[-1] == Timed(HookReplaced(), 5.0)


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.booleans()), max_size=30))
def test_lifts_and_replacements_alternate_whatever_the_contact_does(edges: list[tuple[float, bool]]) -> None:
    hook = HookSwitch(NORTH_AMERICA)
    events = play(hook, [*sorted(edges, key=lambda edge: edge[0]), (25.0, False)])
    lifted = False
    for event in events:
        match event.event:
            case HookLifted():
                assert not lifted
                lifted = True
            case HookReplaced():
                assert lifted
                lifted = False
            case HookFlash():
                assert lifted
    assert not lifted
    assert not hook.lifted


@given(st.lists(st.tuples(st.floats(0.0, 8.0), st.booleans()), max_size=20))
def test_what_is_told_does_not_depend_on_when_the_loop_gets_round_to_it(edges: list[tuple[float, bool]]) -> None:
    edges = [*sorted(edges, key=lambda edge: edge[0]), (20.0, False)]
    late = HookSwitch(NORTH_AMERICA)
    told = [event for t, lifted in edges for event in late.edge(lifted, t)] + late.tick(60.0)
    assert told == play(HookSwitch(NORTH_AMERICA), edges)
