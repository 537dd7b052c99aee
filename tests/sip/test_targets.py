"""Which target is tried first: bars that end, registrations that hold."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.events import Target
from offhook.sip.transactions.targets import FIRST_BAR, LONGEST_BAR, TargetBook, described

ONE, TWO, THREE = (Target("udp", f"10.0.0.{n}", 5060) for n in (1, 2, 3))
ALL = [ONE, TWO, THREE]


def test_targets_come_as_dns_gave_them() -> None:
    assert TargetBook().order(ALL, 0.0) == ALL


def test_one_that_failed_comes_last_until_its_bar_ends() -> None:
    book = TargetBook()
    book.failed(ONE, 0.0)
    assert book.order(ALL, 1.0) == [TWO, THREE, ONE]
    assert book.order(ALL, FIRST_BAR) == ALL


def test_among_barred_ones_the_one_that_is_free_soonest_comes_first() -> None:
    book = TargetBook()
    book.failed(ONE, 10.0)
    book.failed(TWO, 0.0)
    book.failed(THREE, 0.0, wish=500.0)
    assert book.order(ALL, 11.0) == [TWO, ONE, THREE]


def test_the_bar_doubles_each_time_it_fails_again_up_to_ten_minutes() -> None:
    book = TargetBook()
    lengths, now = [], 0.0
    for _ in range(6):
        book.failed(ONE, now)
        lengths.append(book.free_at(ONE) - now)
        now = book.free_at(ONE) + 1.0
    assert lengths == [60.0, 120.0, 240.0, 480.0, LONGEST_BAR, LONGEST_BAR]
    book.failed(ONE, now + 2 * LONGEST_BAR)
    assert book.free_at(ONE) == now + 2 * LONGEST_BAR + FIRST_BAR


def test_what_is_tried_for_want_of_another_while_it_is_barred_is_not_punished_more() -> None:
    book = TargetBook()
    for now in (0.0, 10.0, 20.0):
        book.failed(ONE, now)
    assert book.free_at(ONE) == 20.0 + FIRST_BAR


def test_retry_after_is_the_bar_and_is_not_cut_short_by_another_failure() -> None:
    book = TargetBook()
    book.failed(ONE, 0.0, wish=300.0)
    book.failed(ONE, 1.0)
    assert book.free_at(ONE) == 300.0
    book.failed(TWO, 0.0, wish=1e9)
    assert book.free_at(TWO) == 3600.0


def test_an_answer_lifts_the_bar() -> None:
    book = TargetBook()
    book.failed(ONE, 0.0)
    book.works(ONE, 1.0)
    assert book.order(ALL, 2.0) == ALL


def test_the_one_that_carries_the_registration_comes_first_unless_it_fails() -> None:
    book = TargetBook()
    book.hold("desk", TWO)
    assert book.order(ALL, 0.0) == [TWO, ONE, THREE]
    assert book.order(ALL, 0.0, keep=False) == ALL
    book.failed(TWO, 0.0)
    assert book.order(ALL, 1.0) == [ONE, THREE, TWO]
    book.hold("desk", None)
    book.works(TWO, 2.0)
    assert book.order(ALL, 2.0) == ALL


def test_a_change_of_network_makes_all_new() -> None:
    book = TargetBook()
    book.failed(ONE, 0.0)
    book.hold("desk", THREE)
    book.forget()
    assert book.order(ALL, 1.0) == ALL


def test_the_memory_is_bounded() -> None:
    book = TargetBook()
    for number in range(1000):
        book.failed(Target("udp", f"10.1.{number // 256}.{number % 256}", 5060), 0.0)
    assert sum(book.free_at(Target("udp", f"10.1.{n // 256}.{n % 256}", 5060)) > 0 for n in range(1000)) == 256


def test_a_log_shows_address_port_and_transport() -> None:
    assert described(Target("tls", "2001:db8::1", 5061)) == "[2001:db8::1]:5061 over TLS"


TARGETS = st.sampled_from(ALL)


@given(st.lists(st.tuples(TARGETS, st.floats(0, 100), st.sampled_from([None, 0.0, 30.0, 900.0])), max_size=20), TARGETS)
def test_no_target_is_ever_lost_and_free_ones_come_before_barred_ones(
    failures: list[tuple[Target, float, float | None]], held: Target
) -> None:
    book, now = TargetBook(), 0.0
    book.hold("desk", held)
    for target, step, wish in failures:
        now += step
        book.failed(target, now, wish)
    ordered = book.order(ALL, now)
    assert sorted(ordered, key=str) == sorted(ALL, key=str)
    barred = [now < book.free_at(target) for target in ordered]
    assert barred == sorted(barred)
    assert all(book.free_at(target) <= now + 3600.0 for target in ALL)
