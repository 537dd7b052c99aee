"""When the server is asked."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.provisioning.schedule import PollSchedule


def test_the_first_time_is_soon_and_by_chance() -> None:
    assert PollSchedule(3600, lambda: 0.5, 100).next == 105
    assert PollSchedule(4, lambda: 0.5, 100).next == 102


def test_failures_wait_longer_and_longer_up_to_the_interval() -> None:
    schedule = PollSchedule(3600, lambda: 0.5, 0)
    waits = []
    for _ in range(9):
        schedule.failed(1000)
        waits.append(schedule.next - 1000)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    schedule.answered(0)
    assert schedule.next == 3600
    schedule.failed(0)
    assert schedule.next == 30


@given(st.floats(0, 0.999), st.integers(10, 86400), st.integers(0, 200))
def test_chance_moves_the_time_by_a_tenth_at_most(chance: float, interval: int, failures: int) -> None:
    schedule = PollSchedule(interval, lambda: chance, 0)
    schedule.answered(0)
    assert 0.9 * interval <= schedule.next <= 1.1 * interval
    for _ in range(failures):
        schedule.failed(0)
        assert schedule.next <= 1.1 * interval
    schedule.hurry(7)
    assert schedule.next == 7
