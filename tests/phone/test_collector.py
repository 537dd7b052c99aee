import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.phone.collector import DigitCollector, Outcome, Verdict
from offhook.phone.settings import PhoneSettings


def collector(plan: str = "(xx.T|*xx)", numbers: tuple[str, ...] = ("112", "911"), prefix: str = "") -> DigitCollector:
    return DigitCollector(PhoneSettings(dialplan=plan, emergency_numbers=numbers, outside_prefix=prefix))


EMERGENCY = Verdict(Outcome.EMERGENCY, "112")
BRIEFLY = Verdict(Outcome.WAIT, seconds=2.0)


def test_an_emergency_number_fires_at_once_where_nothing_longer_begins_with_it() -> None:
    assert collector("[2-9]xxx").judge("112") == EMERGENCY


def test_an_emergency_number_waits_two_seconds_where_a_longer_pattern_begins_with_it() -> None:
    phone = collector("112x|[2-9]xxx")
    assert phone.judge("112") == BRIEFLY
    assert phone.finish("112") == EMERGENCY


def test_send_at_once_in_the_map_fires_even_where_longer_patterns_exist() -> None:
    assert collector("112S0|xx.T").judge("112") == EMERGENCY


def test_an_emergency_number_that_begins_another_waits() -> None:
    assert collector("[2-9]xxx", ("112", "1122")).judge("112") == BRIEFLY


def test_a_longer_number_that_begins_like_an_emergency_number_is_an_ordinary_call() -> None:
    phone = collector()
    assert phone.finish("1123456") == Verdict(Outcome.PLACE, "1123456")
    assert phone.finish("11") == Verdict(Outcome.PLACE, "11")


def test_a_longer_number_that_the_map_lacks_is_refused_not_an_emergency() -> None:
    assert collector("[2-9]xxx").judge("1123").outcome is Outcome.REFUSED


def test_barring_does_not_reach_emergency_numbers() -> None:
    assert collector("!x.").finish("112") == EMERGENCY
    assert collector("1!|[2-9]xxx").judge("1").outcome is Outcome.WAIT
    assert collector("1!|[2-9]xxx").judge("112") == EMERGENCY


def test_a_short_rule_that_would_be_sent_at_once_lets_an_emergency_number_be_finished() -> None:
    phone = collector("1S0|[2-9]xxx")
    assert phone.judge("1") == Verdict(Outcome.WAIT, seconds=3.0)
    assert phone.judge("112") == EMERGENCY
    assert phone.finish("1") == Verdict(Outcome.PLACE, "1")


def test_an_emergency_number_that_the_map_makes_of_other_digits_is_an_emergency_call() -> None:
    assert collector("<9:>xxx").judge("9112") == EMERGENCY
    assert collector("<*1:112>|xxxx").judge("*1") == EMERGENCY
    assert collector("<9:>x.T").finish("9112") == EMERGENCY
    assert collector("!<9:>x.").finish("9112") == EMERGENCY
    assert collector("<9:>xxxx").judge("91124") == Verdict(Outcome.PLACE, "1124")


def test_an_outside_prefix_is_known_with_and_without() -> None:
    phone = collector("[2-8]xxx", ("911",), "9")
    assert phone.judge("911") == Verdict(Outcome.EMERGENCY, "911")
    assert phone.judge("9911") == Verdict(Outcome.EMERGENCY, "911")


def test_a_hash_within_an_emergency_number_is_a_digit_of_it_and_no_end() -> None:
    phone = collector("[2-9]xx|5.", ("5#5", "112"))
    assert phone.takes("5#")
    assert phone.takes("5#5")
    assert not phone.takes("112#")


def test_a_number_that_is_bare_and_prefixed_at_once_is_the_bare_one() -> None:
    assert collector("[2-8]xxx", ("9112", "112"), "9").judge("9112") == Verdict(Outcome.EMERGENCY, "9112")


def test_a_complete_number_goes_at_once_where_nothing_can_follow() -> None:
    assert collector("[2-9]xx").judge("555") == Verdict(Outcome.PLACE, "555")


def test_a_timer_in_the_map_delays_even_a_complete_number() -> None:
    assert collector("[2-9]xxT").judge("555") == Verdict(Outcome.WAIT, seconds=3.0)


def test_seconds_in_the_map_are_waited() -> None:
    assert collector("[2-9]xxS5").judge("555") == Verdict(Outcome.WAIT, seconds=5.0)


def test_an_endless_number_is_refused() -> None:
    assert collector("x.").judge("5" * 65).outcome is Outcome.REFUSED


PLANS = st.sampled_from(["(xx.T|*xx)", "x", "!x.", "1S0|2", "112!|911!|xxxx", "[2-9]xxx", "<1:5>12", "9x|0S0"])
NUMBERS = st.lists(st.text("0123456789", min_size=2, max_size=5), min_size=1, max_size=4, unique=True).map(tuple)


@given(PLANS, NUMBERS, st.sampled_from(["", "0", "9", "00"]))
def test_every_emergency_number_can_be_dialled_through_any_map(
    plan: str, numbers: tuple[str, ...], prefix: str
) -> None:
    phone = collector(plan, numbers, prefix)
    for number in numbers:
        for dialled in (number, prefix + number):
            for end in range(1, len(dialled)):
                part = phone.judge(dialled[:end])
                assert part.outcome is Outcome.WAIT, f"{dialled[:end]} of {dialled}"
            assert phone.judge(dialled).outcome in (Outcome.EMERGENCY, Outcome.WAIT)
            assert phone.finish(dialled).outcome is Outcome.EMERGENCY


@given(PLANS, NUMBERS, st.text("0123456789*#", min_size=1, max_size=7))
def test_nothing_but_an_emergency_number_is_one(plan: str, numbers: tuple[str, ...], digits: str) -> None:
    phone = collector(plan, numbers)
    for verdict in (phone.judge(digits), phone.finish(digits)):
        assert (verdict.outcome is Outcome.EMERGENCY) <= (digits in numbers)


@pytest.mark.parametrize(
    ("text", "outcome", "number"),
    [
        ("555", Outcome.PLACE, "555"),
        ("+4755512345", Outcome.PLACE, "+4755512345"),
        ("tel:555", Outcome.PLACE, "555"),
        ("sip:bob@pbx.test", Outcome.PLACE, "sip:bob@pbx.test"),
        ("sip:555@pbx.test", Outcome.PLACE, "sip:555@pbx.test"),
        ("sip:555;phone-context=x@pbx.test", Outcome.PLACE, "sip:555;phone-context=x@pbx.test"),
        ("112", Outcome.EMERGENCY, "112"),
        ("9112", Outcome.EMERGENCY, "112"),
        ("sip:112@pbx.test", Outcome.EMERGENCY, "112"),
        ("sip:112;x=y@pbx.test", Outcome.EMERGENCY, "112"),
        ("900", Outcome.REFUSED, ""),
        ("+900", Outcome.REFUSED, ""),
        ("sip:900@pbx.test", Outcome.REFUSED, ""),
        ("5", Outcome.REFUSED, ""),
        ("bob", Outcome.REFUSED, ""),
        ("", Outcome.REFUSED, ""),
    ],
)
def test_a_number_that_nobody_dialled_goes_through_the_dial_plan_and_its_locks(
    text: str, outcome: Outcome, number: str
) -> None:
    plan = PhoneSettings(dialplan="!900|xxx.", emergency_numbers=("112",), outside_prefix="9")
    verdict = DigitCollector(plan).whole(text)
    assert (verdict.outcome, verdict.number) == (outcome, number)
