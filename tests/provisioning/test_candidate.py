"""The candidate's table is total, and its window closes in time."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.provisioning.candidate import TRANSITIONS, Happening, Phase, Step, Trial


@pytest.mark.parametrize(("phase", "happening"), list(product(Phase, Happening)))
def test_every_happening_has_a_row_in_every_phase(phase: Phase, happening: Happening) -> None:
    assert (phase, happening) in TRANSITIONS


def test_a_candidate_is_tried_when_idle_and_kept_when_in_service() -> None:
    trial = Trial(window_s=120)
    assert trial.handle(Happening.FETCHED, 0) == ()
    assert trial.phase is Phase.WAITING
    assert trial.handle(Happening.IDLE, 5) == (Step.APPLY,)
    assert trial.deadline() == 125
    assert trial.tick(124.9) == ()
    assert trial.handle(Happening.IN_SERVICE, 100) == (Step.KEEP,)
    assert (trial.phase, trial.deadline()) == (Phase.STEADY, None)


def test_a_candidate_without_service_is_undone_when_idle() -> None:
    trial = Trial(window_s=120)
    trial.handle(Happening.FETCHED, 0)
    trial.handle(Happening.IDLE, 0)
    assert trial.tick(120) == (Step.RETURN_SOON,)
    assert trial.deadline() is None
    assert trial.handle(Happening.IDLE, 130) == (Step.UNDO,)
    assert trial.phase is Phase.STEADY


def test_a_candidate_that_comes_into_service_late_is_kept_if_it_still_runs() -> None:
    trial = Trial(window_s=1, phase=Phase.RETURNING)
    assert trial.handle(Happening.IN_SERVICE, 0) == (Step.KEEP,)


def test_a_phone_that_starts_on_a_candidate_gives_it_a_whole_window() -> None:
    trial = Trial(window_s=120, phase=Phase.TRYING, now=50)
    assert trial.deadline() == 170


@given(st.lists(st.tuples(st.sampled_from(list(Happening)), st.floats(0, 500)), max_size=40))
def test_every_candidate_that_is_applied_is_kept_or_undone_once(story: list[tuple[Happening, float]]) -> None:
    trial, now, open_trials = Trial(window_s=120), 0.0, 0
    for happening, later in story:
        now += later
        for step in (*trial.tick(now), *trial.handle(happening, now)):
            open_trials += {Step.APPLY: 1, Step.KEEP: -1, Step.UNDO: -1}.get(step, 0)
            assert open_trials in (0, 1)
    assert open_trials == (trial.phase in (Phase.TRYING, Phase.RETURNING))


def test_the_window_opens_when_the_phone_runs_on_the_candidate() -> None:
    trial = Trial(window_s=120)
    trial.handle(Happening.FETCHED, 0)
    trial.handle(Happening.IDLE, 1)
    trial.begun(500)  # somebody telephoned so long
    assert trial.tick(600) == ()
    assert trial.deadline() == 620
    trial.handle(Happening.IN_SERVICE, 601)
    trial.begun(700)
    assert trial.deadline() is None
