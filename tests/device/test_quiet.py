"""When the phone must not be disturbed, when nothing is to be written, and when the device must not restart."""

from collections.abc import Callable

import pytest

from offhook.device.update.quiet import SILENT_S, STEADY_S, Status, Waiter, hinders, hinders_restart, in_use
from tests.device.test_health import status


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"phone": "TALKING"}, "the handset is in use"),
        ({"phone": "RINGING"}, "the handset is in use"),
        ({"calls": [{}]}, "a call is up"),
        ({"emergency": {"up": True}}, "the emergency desk may call back"),
        ({"emergency": {"up": False, "callback_window_s": 12}}, "the emergency desk may call back"),
        ({"emergency": {"up": False, "callback_window_s": 0}}, ""),
    ],
)
def test_when_the_phone_must_not_be_disturbed(changes: dict[str, object], reason: str) -> None:
    assert in_use(status() | changes) == reason
    assert hinders(status() | changes) == reason


@pytest.mark.parametrize("state", ["OUTAGE", "LOW", "CRITICAL"])
def test_on_battery_nothing_begins(state: str) -> None:
    assert hinders(status() | {"power": {"state": state}}) == f"the power is {state}, not MAINS"
    assert in_use(status() | {"power": {"state": state}}) == ""


def test_a_restart_keeps_to_its_window() -> None:
    assert hinders_restart(status(), "02:00-03:00", 60) == "it is not 02:00-03:00 yet"
    assert hinders_restart(status(), "02:00-03:00", 130) == ""
    assert hinders_restart(None, "", 0) == ""


@pytest.mark.parametrize(
    ("origin", "reason"), [("candidate", "a config is on trial"), ("provisioned", ""), ("file", "")]
)
def test_a_restart_waits_for_a_config_on_trial_and_writing_does_not(origin: str, reason: str) -> None:
    shown = status() | {"config": {"origin": origin}}
    assert hinders_restart(shown, "", 0) == reason
    assert hinders(shown) == ""
    assert hinders_restart(shown | {"phone": "TALKING"}, "", 0) == "the handset is in use"


class Wait:
    """One wait, with a phone that shows what ``phone`` says of each second; ends at ``end``."""

    def __init__(self, phone: Callable[[float], Status | None]) -> None:
        self.end = 0.0
        self.told: list[str] = []
        self.last = Waiter(lambda: phone(self.end), lambda: self.end, self._sleep).wait(in_use, self.told.append)

    def _sleep(self, seconds: float) -> None:
        self.end += seconds
        assert self.end < 1e4


def test_a_phone_that_starts_is_left_alone_for_it_may_be_used_before_it_can_be_asked() -> None:
    wait = Wait(lambda now: None if now < 60 else status() | {"phone": "DIALLING" if now < 90 else "ON_HOOK"})
    assert 90 + STEADY_S <= wait.end < 100 + STEADY_S
    assert wait.told == ["the phone does not answer, it may be starting", "the handset is in use"]
    assert wait.last == status()


def test_a_phone_that_never_answers_is_not_waited_for_without_end() -> None:
    wait = Wait(lambda now: None)
    assert SILENT_S + STEADY_S <= wait.end < SILENT_S + STEADY_S + 10
    assert wait.last is None


def test_a_phone_that_answered_in_between_begins_its_silence_anew() -> None:
    assert Wait(lambda now: status() | {"phone": "TALKING"} if now == 100 else None).end >= 100 + SILENT_S + STEADY_S
