import pytest

from offhook.power.state import PowerState
from offhook.power.words import notice, shutdown


@pytest.mark.parametrize(
    ("state", "percent", "runtime", "text"),
    [
        (PowerState.MAINS, 42.0, 3600.0, ""),
        (PowerState.OUTAGE, 42.4, 10_800.0, "Power failure. Battery at 42 percent, about 3 hours."),
        (PowerState.OUTAGE, 42.0, None, "Power failure. Battery at 42 percent."),
        (PowerState.OUTAGE, None, None, "Power failure."),
        (PowerState.OUTAGE, None, 5400.0, "Power failure. About 1 hour 30 minutes."),
        (PowerState.OUTAGE, 99.0, 29_399.0, "Power failure. Battery at 99 percent, about 8 hours."),
        (PowerState.LOW, 20.0, 3599.0, "Battery low. Battery at 20 percent, about 50 minutes."),
        (PowerState.CRITICAL, 3.0, 170.0, "Battery nearly empty. Battery at 3 percent, less than 10 minutes."),
    ],
)
def test_what_is_said_is_short_and_rounded_down(
    state: PowerState, percent: float | None, runtime: float | None, text: str
) -> None:
    assert notice(state, percent, runtime) == text


def test_the_shutdown_is_announced_with_its_time() -> None:
    assert shutdown(30.0) == "Battery empty. The phone switches off in 30 seconds."
