import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.phone.events import KeyDown, KeyUp
from offhook.phone.hookswitch import Timed
from offhook.phone.rotary import Order, RotaryDial, RotaryTiming, digit_of, pulses_of


def pulses(count: int, t: float, *, rate: float = 10.0, bounce: int = 0) -> list[tuple[float, bool]]:
    """Return (time, opened) edges of a dial that runs back from ``t``; ``bounce`` in ms of 1 ms chatter."""
    edges: list[tuple[float, bool]] = []
    for n in range(count):
        begin = t + n / rate
        for at, opened in ((begin, True), (begin + 0.6 / rate, False)):
            edges += [(at + k / 1000, opened if k % 2 == 0 else not opened) for k in range(bounce)]
            edges.append((at + bounce / 1000, opened))
    return edges


def play(dial: RotaryDial, edges: list[tuple[float, bool]], until: float = 60.0) -> list[Timed]:
    events: list[Timed] = []
    for t, opened in [*edges, (until, edges[-1][1])]:
        while (due := dial.deadline()) is not None and due <= t:
            events += dial.tick(due)
        events += dial.pulse(opened, t)
    return events


def digits(events: list[Timed]) -> str:
    return "".join(event.event.key for event in events if isinstance(event.event, KeyDown))


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize(("rate", "bounce"), [(8.0, 12), (10.0, 0), (10.0, 15), (11.0, 9), (20.0, 3)])
def test_every_digit_is_counted_at_every_speed_through_bounce(digit: int, rate: float, bounce: int) -> None:
    events = play(RotaryDial(RotaryTiming()), pulses(digit or 10, 1.0, rate=rate, bounce=bounce))
    assert digits(events) == str(digit)


def test_thirty_milliseconds_of_bounce_are_borne_where_the_board_says_so() -> None:
    events = play(RotaryDial(RotaryTiming(bounce=0.030)), pulses(7, 1.0, bounce=30))
    assert digits(events) == "7"


def test_a_digit_is_a_key_that_comes_down_and_goes_up() -> None:
    events = play(RotaryDial(RotaryTiming()), pulses(3, 1.0))
    assert [type(event.event) for event in events] == [KeyDown, KeyUp]
    assert events[1].t - events[0].t == pytest.approx(0.1)


def test_a_pause_parts_digits() -> None:
    edges = [edge for n in range(3) for edge in pulses(n + 1, 1.0 + n * 1.5)]
    assert digits(play(RotaryDial(RotaryTiming()), edges)) == "123"


def test_pulses_that_reach_the_loop_late_are_counted_by_their_stamps() -> None:
    dial = RotaryDial(RotaryTiming())
    events = [event for t, opened in pulses(2, 1.0) + pulses(5, 2.5) for event in dial.pulse(opened, t)]
    assert digits([*events, *dial.tick(60.0)]) == "25"


def test_a_contact_that_stays_open_is_no_digit() -> None:
    assert play(RotaryDial(RotaryTiming()), [(1.0, True)]) == []


def test_eleven_pulses_are_no_digit() -> None:
    assert play(RotaryDial(RotaryTiming()), pulses(11, 1.0)) == []


def test_with_an_off_normal_contact_the_digit_ends_when_the_dial_rests() -> None:
    dial = RotaryDial(RotaryTiming(), off_normal=True)
    dial.off_normal(True, 0.5)
    events = [event for t, opened in pulses(4, 1.0) for event in dial.pulse(opened, t)]
    assert events == []
    dial.off_normal(False, 1.400)
    assert dial.tick(1.410) == [Timed(KeyDown("4"), 1.4)]


def test_with_an_off_normal_contact_pulses_at_rest_are_noise() -> None:
    assert play(RotaryDial(RotaryTiming(), off_normal=True), pulses(1, 1.0)) == []


@pytest.mark.parametrize("order", ["standard", "sweden", "new_zealand"])
def test_pulses_and_digits_are_each_others_inverse(order: Order) -> None:
    assert [digit_of(pulses_of(digit, order), order) for digit in range(10)] == list("0123456789")


def test_sweden_sends_one_pulse_for_nought_and_new_zealand_ten() -> None:
    assert (pulses_of(0, "sweden"), pulses_of(1, "sweden")) == (1, 2)
    assert (pulses_of(0, "new_zealand"), pulses_of(1, "new_zealand")) == (10, 9)


@given(st.lists(st.tuples(st.floats(0.0, 4.0), st.booleans()), max_size=40))
def test_what_is_counted_does_not_depend_on_when_the_loop_gets_round_to_it(edges: list[tuple[float, bool]]) -> None:
    edges = [*sorted(edges, key=lambda edge: edge[0]), (10.0, False)]
    late = RotaryDial(RotaryTiming())
    counted = [event for t, opened in edges for event in late.pulse(opened, t)] + late.tick(60.0)
    assert counted == play(RotaryDial(RotaryTiming()), edges)
