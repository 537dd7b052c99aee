"""The order of versions, and windows of the day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.config.clockwindow import window, within
from offhook.config.versions import newer


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("1.10", "1.9"),
        ("2", "1.99.3"),
        ("1.0", "1.0~rc1"),
        ("1.0.1", "1.0"),
        ("1.0+b", "1.0"),
        ("1.0~rc2", "1.0~rc1"),
        ("1", ""),
        ("20260101.2", "20260101.1"),
    ],
)
def test_versions_go_by_their_numbers(later: str, earlier: str) -> None:
    assert newer(later, earlier)
    assert not newer(earlier, later)
    assert not newer(later, later)


@given(st.text(max_size=8), st.text("0123456789.~ab-", max_size=8))
def test_no_two_versions_are_each_newer_than_the_other(a: str, b: str) -> None:
    assert not (newer(a, b) and newer(b, a))


def test_a_window_may_reach_over_midnight() -> None:
    assert window("02:00-05:30") == (120, 330)
    assert [within("02:00-05:00", minute) for minute in (119, 120, 299, 300)] == [False, True, True, False]
    assert [within("23:00 - 1:00", minute) for minute in (0, 59, 60, 1379, 1380)] == [True, True, False, False, True]
    assert within("", 700)


@pytest.mark.parametrize(
    "text", ["2-5", "02:60-03:00", "25:00-26:00", "02:00", "02:00-", "x:00-03:00", "-1:00-02:00", "\u00b2:00-03:00"]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time of day"):
        window(text)


@given(st.text("0123456789:- ", max_size=14), st.integers(0, 1439))
def test_any_text_is_a_window_or_refused(text: str, minute: int) -> None:
    try:
        assert within(text, minute) in (True, False)
    except ValueError:
        assert text
