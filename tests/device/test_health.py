"""When a phone on trial is healthy, and what is said where it is not."""

import copy

import pytest

from offhook.device.update.health import HealthJudge, Judgment, Patience, before_of
from offhook.device.update.updaterecord import Before

GOOD: dict[str, object] = {
    "uptime_s": 5.0,
    "phone": "ON_HOOK",
    "calls": [],
    "accounts": [{"name": "desk", "in_service": True}],
    "audio": {"state": "closed", "capture": "hw:CARD=Phone", "playback": "hw:CARD=Phone", "beats": True, "detail": ""},
    "board": {"faults": []},
}
PATIENCE = Patience(steady_s=20, service_s=120)


def status(uptime: float = 5.0, **changes: object) -> dict[str, object]:
    made = copy.deepcopy(GOOD)
    made["uptime_s"] = uptime
    for key, value in changes.items():
        part = made[key]
        made[key] = {**part, **value} if isinstance(part, dict) and isinstance(value, dict) else value
    return made


def seen(judge: HealthJudge, seconds: int, start: int = 0, **changes: object) -> Judgment:
    """Show the same for so long; return the last judgment."""
    for second in range(start, start + seconds + 1):
        last = judge.look(status(5.0 + second, **changes), float(second))
    return last


def test_a_sound_phone_is_healthy_after_a_while() -> None:
    judge = HealthJudge(Before(), PATIENCE)
    assert seen(judge, 19) == Judgment("pins", "is healthy, but not for long enough")
    assert judge.look(status(25.0), 20.0) == Judgment("steady")


def test_without_a_network_it_is_healthy_all_the_same_only_later() -> None:
    out = [{"name": "desk", "in_service": False}]
    judge = HealthJudge(Before(), PATIENCE)
    assert seen(judge, 119, accounts=out) == Judgment("steady", "is healthy; no account is in service yet")
    assert seen(judge, 1, 120, accounts=out) == Judgment("steady")
    judge = HealthJudge(Before(registered=False), PATIENCE)
    assert seen(judge, 20, accounts=out) == Judgment("steady"), "it was out of service before the update too"


@pytest.mark.parametrize(
    ("changes", "stage", "words"),
    [
        ({"audio": {"beats": False}}, "daemon", "has no sound process that answers"),
        (
            {"audio": {"state": "missing", "detail": "plug it in"}},
            "sound process",
            "cannot open its sound card (plug it in)",
        ),
        ({"audio": {"state": "busy", "detail": ""}}, "sound process", "cannot open its sound card (busy)"),
        ({"audio": {"capture": "", "playback": ""}}, "sound process", "opened no sound card"),
        (
            {"board": {"faults": ["hook.pin 17 is taken"]}},
            "sound card",
            "has a fault at its pins: hook.pin 17 is taken",
        ),
    ],
)
def test_what_lacks_is_said(changes: dict[str, object], stage: str, words: str) -> None:
    judge = HealthJudge(Before(), PATIENCE)
    assert seen(judge, 400, **changes) == Judgment(stage, words)  # type: ignore[arg-type]


def test_no_phone_at_all_is_user_space_only() -> None:
    assert HealthJudge(Before()).look(None, 0.0) == Judgment("user space", "does not answer at its control socket")


def test_what_was_broken_before_is_not_the_updates_fault() -> None:
    broken = {"audio": {"state": "missing", "detail": "gone"}, "board": {"faults": ["hook.pin 17 is taken"]}}
    before = before_of(status(**broken))
    assert before == Before(card=False, registered=True, faults=("hook.pin 17 is taken",))
    assert seen(HealthJudge(before, PATIENCE), 20, **broken) == Judgment("steady")
    worse = broken | {"board": {"faults": ["hook.pin 17 is taken", "ringer.pin 25 is taken"]}}
    assert "ringer.pin 25" in seen(HealthJudge(before, PATIENCE), 20, **worse).lacks


def test_a_phone_that_did_not_answer_before_asks_nothing_of_the_next() -> None:
    assert before_of(None) == Before(card=False, registered=False)


def test_a_phone_that_starts_again_and_again_is_never_healthy() -> None:
    judge = HealthJudge(Before(), PATIENCE)
    lacks = []
    for second in range(300):
        lacks.append(judge.look(status(float(second % 15)) if second % 15 > 3 else None, float(second)).lacks)
    assert all(lacks)
    assert "(restarted 18 times)" in lacks[-12]


def test_one_bad_moment_begins_the_wait_anew() -> None:
    judge = HealthJudge(Before(), PATIENCE)
    seen(judge, 15)
    judge.look(None, 16.0)
    assert seen(judge, 19, 17).lacks
    assert not seen(judge, 1, 37).lacks


@pytest.mark.parametrize(
    "junk", [{}, {"audio": 3}, {"audio": {"beats": True, "state": 7}, "board": [], "uptime_s": "x"}]
)
def test_a_status_of_another_version_is_not_taken_for_health(junk: dict[str, object]) -> None:
    judge = HealthJudge(Before())
    assert all(judge.look(junk, float(second)).lacks for second in range(200))
