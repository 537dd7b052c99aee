import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.phone.dialplan import DialPlan, DialPlanError, Match

NORTH_AMERICA = "(911S0|[2-9]11|<:1408>[2-9]xxxxxx|1[2-9]xxxxxxxxx|1900xxxxxxx!|<9,:>x.|011xx.T|*xx)".replace(",", "")


@pytest.mark.parametrize(
    ("plan", "digits", "expected"),
    [
        ("xxx", "12", Match(None, True)),
        ("xxx", "123", Match("123", False)),
        ("xxx", "1234", Match(None, False)),
        ("xx.", "1", Match("1", True)),
        ("x.", "", Match("", True)),
        ("xx.T", "12", Match("12", True, waits=True)),
        ("911T", "911", Match("911", False, waits=True)),
        ("(911S0|9xxxxxx)", "911", Match("911", True, send_after=0.0)),
        ("1xxS4", "123", Match("123", False, send_after=4.0)),
        ("[2-468]x", "5", Match(None, False)),
        ("[2-468]x", "61", Match("61", False)),
        ("[^2-4]", "3", Match(None, False)),
        ("[^2-4]", "9", Match("9", False)),
        ("*xx", "*67", Match("*67", False)),
        ("#xx#", "#31", Match(None, True)),
        ("#xx#", "#31#", Match("#31#", False)),
        ("<9:>xxx", "9123", Match("123", False)),
        ("<9:>xxx", "9", Match(None, True)),
        ("<:1408>[2-9]xx", "555", Match("1408555", False)),
        ("1<:00>xx", "134", Match("10034", False)),
        ("xx<:#>", "12", Match("12#", False)),
        ("<00:+>xx.", "0047", Match("+47", True)),
        ("<0:operator>", "0", Match("operator", False)),
        ("1900xxx!", "1900123", Match("1900123", False, barred=True)),
        ("!1900xxx", "1900123", Match("1900123", False, barred=True)),
        ("(xxxx|!1xxx)", "1234", Match("1234", False, barred=True)),
        ("( 1x | 2xx )", "12", Match("12", False)),
        ("[1-3].4", "12314", Match("12314", False)),
        ("[1-3].4", "4", Match("4", False)),
        ("A[BC]", "AC", Match("AC", False)),
    ],
)
def test_a_map_says_what_digits_amount_to(plan: str, digits: str, expected: Match) -> None:
    assert DialPlan(plan).match(digits) == expected


@pytest.mark.parametrize(
    ("plan", "position", "words"),
    [
        ("", 0, "at least one digit"),
        ("()", 1, "at least one digit"),
        ("(12|)", 4, "at least one digit"),
        ("(12", 3, "expected '|' or ')'"),
        ("12)", 2, "does not belong here"),
        ("[12", 0, "not closed"),
        ("[]", 0, "fits no digit"),
        ("[9-2]", 1, "a range goes"),
        ("[2-", 0, "not closed"),
        ("[2-]", 1, "a range goes"),
        ("[2x]", 2, "no key"),
        (".", 0, "there is none"),
        ("x..", 2, "there is none"),
        ("<9:>.", 4, "there is none"),
        ("<9>x", 0, "<dialled:sent>"),
        ("<9:x", 0, "<dialled:sent>"),
        ("<y:1>", 1, "no key"),
        ("<1: >", 3, "cannot be part"),
        ("xT1", 2, "does not belong"),
        ("xS", 2, "needs seconds"),
        ("x,", 1, "no key"),
        ("12q", 2, "no key"),
        ("<:1>", 0, "at least one digit"),
    ],
)
def test_a_faulty_map_is_refused_at_the_character_at_fault(plan: str, position: int, words: str) -> None:
    with pytest.raises(DialPlanError) as caught:
        DialPlan(plan)
    assert caught.value.position == position
    assert words in str(caught.value)
    assert f"character {position + 1}" in str(caught.value)


def test_a_longer_rule_keeps_a_shorter_one_open() -> None:
    match = DialPlan("(1xx|1[2-9]xxxxxxxxx)").match("123")
    assert match.number == "123"
    assert match.may_grow


def test_alternatives_are_tried_in_order() -> None:
    assert DialPlan("(<:0>xxx|<:9>xxx)").match("123").number == "0123"


def test_the_map_of_a_north_american_office() -> None:
    plan = DialPlan(NORTH_AMERICA)
    assert plan.match("5551234") == Match("14085551234", False)
    assert plan.match("19005551234").barred
    assert plan.match("0114712").waits


def test_a_huge_map_is_refused() -> None:
    with pytest.raises(DialPlanError):
        DialPlan("x|" * 5000 + "x")


def fault_position(text: str) -> int:
    """Return where ``text`` is at fault; -1: nowhere."""
    try:
        DialPlan(text)
    except DialPlanError as error:
        return error.position
    return -1


@given(st.text(alphabet="0123456789xXTS!.[]^-<>:|() *#ABCD+q", max_size=40))
def test_any_text_is_read_or_refused_with_a_position(text: str) -> None:
    assert -1 <= fault_position(text) <= len(text)


@given(st.text(max_size=30))
def test_any_unicode_is_read_or_refused(text: str) -> None:
    assert -1 <= fault_position(text) <= len(text)


ELEMENTS = st.sampled_from(["x", "1", "9", "*", "[2-5]", "x.", "[13].", "<9:>", "<:7>"])
RULES = (
    st.lists(ELEMENTS, min_size=1, max_size=4)
    .map("".join)
    .filter(lambda rule: rule not in ("<:7>" * n for n in range(5)))
)


@given(st.lists(RULES, min_size=1, max_size=3), st.text(alphabet="0123459*", min_size=1, max_size=6))
@settings(max_examples=300)
def test_what_may_grow_is_what_some_next_digit_keeps_alive(rules: list[str], digits: str) -> None:
    plan = DialPlan("|".join(rules))
    alive = [plan.match(digits + key) for key in "0123456789*#"]
    assert plan.match(digits).may_grow == any(match.number is not None or match.may_grow for match in alive)
