"""When the phone must not be disturbed, when nothing is to be written, and when the device must not restart."""

import pytest

from offhook.device.quiet import hinders, hinders_restart, in_use
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
