from hypothesis import given
from hypothesis import strategies as st

from offhook.phone.debounce import Change, Debouncer


def play(contact: Debouncer, edges: list[tuple[float, bool]], until: float) -> list[Change]:
    """Feed (time, level) edges, ticking exactly when asked to."""
    changes: list[Change] = []
    for t, level in [*edges, (until, edges[-1][1])]:
        while (due := contact.deadline()) is not None and due <= t:
            changes += contact.tick(due)
        changes += contact.edge(level, t)
    return changes


def test_a_clean_change_is_believed_after_five_milliseconds_and_dated_to_its_edge() -> None:
    contact = Debouncer()
    assert contact.edge(True, 1.0) == []
    assert contact.deadline() == 1.005
    assert contact.tick(1.005) == [Change(True, 1.0)]
    assert contact.deadline() is None


def test_a_knock_of_three_milliseconds_is_nothing() -> None:
    assert play(Debouncer(), [(1.0, True), (1.003, False)], 2.0) == []


def test_chatter_is_one_change_dated_to_the_first_edge() -> None:
    edges = [(1.0 + n / 1000, n % 2 == 0) for n in range(13)]
    assert play(Debouncer(), edges, 2.0) == [Change(True, 1.0)]


def test_a_slow_bounce_within_the_limit_is_no_second_change() -> None:
    edges = [(1.0, True), (1.010, False), (1.029, True)]
    assert play(Debouncer(), edges, 2.0) == [Change(True, 1.0)]


def test_a_short_press_ends_when_it_ended_and_not_when_bounce_was_over() -> None:
    changes = play(Debouncer(), [(1.0, True), (1.020, False)], 2.0)
    assert changes == [Change(True, 1.0), Change(False, 1.020)]


def test_edges_that_reach_the_loop_late_count_by_their_stamps() -> None:
    contact = Debouncer()
    late = contact.edge(True, 1.0) + contact.edge(False, 1.2) + contact.edge(True, 1.4) + contact.tick(9.0)
    assert late == [Change(True, 1.0), Change(False, 1.2), Change(True, 1.4)]


@given(st.lists(st.floats(0.0, 0.0299), max_size=30).map(sorted), st.booleans())
def test_any_chatter_up_to_thirty_milliseconds_is_exactly_one_change(bounces: list[float], level: bool) -> None:
    contact = Debouncer(not level)
    edges = [(1.0, level)]
    for offset in bounces[: len(bounces) // 2 * 2]:
        edges.append((1.0 + offset, not edges[-1][1]))
    assert play(contact, edges, 2.0) == [Change(level, 1.0)]


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.booleans()), max_size=40), st.floats(3.0, 5.0))
def test_changes_alternate_in_order_of_time_and_end_at_the_contacts_level(
    edges: list[tuple[float, bool]], until: float
) -> None:
    contact = Debouncer()
    edges = [*sorted(edges, key=lambda edge: edge[0]), (until, False)]
    changes = play(contact, edges, until + 1.0)
    assert [change.level for change in changes] == [n % 2 == 0 for n in range(len(changes))]
    assert [change.t for change in changes] == sorted(change.t for change in changes)
    assert contact.at_rest
    assert contact.deadline() is None
