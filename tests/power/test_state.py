"""The power machine by table, by story and by property."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.power.reading import PowerReading
from offhook.power.settings import PowerSettings
from offhook.power.state import (
    NEXT,
    PowerEvent,
    PowerMachine,
    PowerState,
    ShutdownCalledOff,
    ShutdownDue,
    StateEntered,
    Supply,
    mains_is_off,
)


def reading(ac: bool | None, percent: float | None = 80.0, **more: float | bool) -> PowerReading:
    return PowerReading(ac=ac, percent=percent, **more)  # type: ignore[arg-type]


class Story:
    """Feeds one reading a second and collects what the machine says, with the second at which it said it."""

    def __init__(self, settings: PowerSettings | None = None) -> None:
        self.machine = PowerMachine(settings)
        self.now = 0.0
        self.told: list[tuple[float, PowerEvent]] = []

    def feed(self, seconds: int, what: PowerReading) -> list[PowerState]:
        before = len(self.told)
        for _ in range(seconds):
            self.told += [(self.now, event) for event in self.machine.observe(what, self.now)]
            self.now += 1.0
        return [event.state for _, event in self.told[before:] if isinstance(event, StateEntered)]


def test_the_table_names_a_state_for_every_state_and_supply() -> None:
    assert set(NEXT) == set(itertools.product(PowerState, Supply))


def test_mains_counts_as_lost_after_two_seconds() -> None:
    story = Story()
    story.feed(3, reading(True))
    assert story.feed(10, reading(False)) == [PowerState.OUTAGE]
    assert story.told[0][0] == 5.0


def test_a_charge_just_at_a_threshold_is_below_it() -> None:
    for percent, state in ((25.1, PowerState.OUTAGE), (25.0, PowerState.LOW), (5.0, PowerState.CRITICAL)):
        story = Story()
        story.feed(20, reading(False, percent))
        assert story.machine.state is state


def test_a_flicker_of_mains_is_no_outage() -> None:
    story = Story()
    for _ in range(20):
        assert story.feed(1, reading(False)) == []
        assert story.feed(1, reading(True)) == []


def test_an_outage_goes_low_then_critical_then_asks_for_shutdown_and_mains_calls_it_off() -> None:
    story = Story()
    assert story.feed(5, reading(False, 42.0)) == [PowerState.OUTAGE]
    assert story.feed(5, reading(False, 20.0)) == [PowerState.LOW]
    assert story.feed(5, reading(False, 4.0)) == [PowerState.CRITICAL]
    assert story.told[-1][1] == ShutdownDue(30.0)
    assert story.feed(10, reading(True, 4.0)) == [PowerState.MAINS]
    assert story.told[-1][1] == ShutdownCalledOff()


def test_mains_that_returns_for_a_moment_does_not_end_the_outage() -> None:
    story = Story()
    story.feed(5, reading(False))
    assert story.feed(4, reading(True)) == []
    assert story.feed(3, reading(False)) == []
    assert story.machine.state is PowerState.OUTAGE


def test_one_odd_sample_does_not_make_the_battery_critical() -> None:
    story = Story()
    story.feed(5, reading(False, 60.0))
    assert story.feed(1, reading(False, 0.0)) == []
    assert story.feed(5, reading(False, 60.0)) == []


def test_a_charge_that_hovers_around_the_threshold_enters_low_once() -> None:
    story = Story()
    story.feed(5, reading(False, 60.0))
    entered = [state for level in (25.0, 26.0, 25.0, 27.0, 24.0) * 5 for state in story.feed(4, reading(False, level))]
    assert entered == [PowerState.LOW]


def test_a_gauge_that_falls_silent_moves_nothing() -> None:
    story = Story()
    story.feed(5, reading(False, 20.0))
    story.feed(5, reading(False, 20.0))
    assert story.machine.state is PowerState.LOW
    assert story.feed(600, PowerReading(ac=False, gauge_ok=False)) == []
    assert story.feed(600, PowerReading(gauge_ok=False)) == []


def test_an_outage_is_seen_without_a_gauge() -> None:
    assert Story().feed(5, PowerReading(ac=False)) == [PowerState.OUTAGE]
    assert Story().feed(5, PowerReading(ac=False, gauge_ok=False)) == [PowerState.OUTAGE]


def test_without_a_mains_signal_the_sign_of_the_current_tells() -> None:
    story = Story()
    assert story.feed(5, reading(None, amps=-0.4)) == [PowerState.OUTAGE]
    assert story.feed(10, reading(None, amps=0.0)) == []
    assert story.feed(10, reading(None, amps=0.3)) == [PowerState.MAINS]


def test_a_board_without_any_power_signal_stays_on_mains() -> None:
    assert Story().feed(100, PowerReading()) == []


def test_an_empty_battery_on_mains_is_not_critical() -> None:
    assert Story().feed(100, reading(True, 0.0)) == []


def test_a_low_voltage_is_critical_where_the_cells_are_known() -> None:
    story = Story(PowerSettings(critical_volts=3.3))
    story.feed(5, reading(False, 50.0, volts=3.6))
    assert story.feed(5, reading(False, 50.0, volts=3.25)) == [PowerState.CRITICAL]
    assert story.feed(10, reading(False, 50.0, volts=3.35)) == []
    assert story.feed(5, reading(False, 50.0, volts=3.45)) == [PowerState.OUTAGE]
    assert story.told[-1][1] == ShutdownCalledOff()


def test_a_short_runtime_is_low_even_with_much_charge() -> None:
    story = Story(PowerSettings(full_runtime=7200.0))
    story.feed(5, reading(False, 100.0))
    assert story.machine.state is PowerState.OUTAGE
    assert story.feed(5, reading(False, 90.0)) == [PowerState.LOW]


def test_a_gauge_that_jumps_down_does_not_switch_off_a_phone_with_much_charge_left() -> None:
    story = Story()
    for level in (95.0, 94.0, 93.0):
        story.feed(100, reading(False, level))
    assert PowerState.CRITICAL not in story.feed(60, reading(False, 30.0))
    assert story.feed(60, reading(False, 24.0)) == [PowerState.CRITICAL]


def test_a_gauge_above_one_hundred_is_shown_as_one_hundred() -> None:
    story = Story()
    story.feed(1, reading(True, 103.0))
    assert story.machine.percent == 100.0


READINGS = st.builds(
    PowerReading,
    ac=st.none() | st.booleans(),
    percent=st.none() | st.floats(-5.0, 120.0),
    volts=st.none() | st.floats(0.0, 9.0),
    amps=st.none() | st.floats(-3.0, 3.0),
    gauge_ok=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(READINGS, st.floats(0.1, 30.0), st.integers(1, 6)), max_size=40))
def test_whatever_is_read_a_state_changes_only_after_its_time_and_shutdowns_pair_up(
    readings: list[tuple[PowerReading, float, int]],
) -> None:
    machine = PowerMachine(PowerSettings(critical_volts=3.2, capacity_mah=2000.0))
    now = 0.0
    off_since: float | None = None
    due = False
    for what, gap, times in readings:
        for _ in range(times):
            now += gap
            before = machine.state
            if mains_is_off(what):
                off_since = now if off_since is None else off_since
            elif what.ac or (what.amps or 0.0) > 0.0:
                off_since = None
            for event in machine.observe(what, now):
                match event:
                    case StateEntered(state, percent, runtime):
                        assert state is not before
                        assert percent is None or 0.0 <= percent <= 100.0
                        assert runtime is None or runtime >= 0.0
                        if before is PowerState.MAINS:
                            assert off_since is not None
                            assert now - off_since >= 2.0
                        if state is PowerState.MAINS:
                            assert off_since is None
                    case ShutdownDue():
                        assert not due
                        due = True
                    case ShutdownCalledOff():
                        assert due
                        due = False
            assert due == (machine.state is PowerState.CRITICAL)
