import re
import time
from datetime import date
from pathlib import Path

from offhook.engine.clock import BUILD_DATE, kernel_is_synchronised, time_is_known


def test_time_is_known_when_the_kernel_says_so_or_it_is_later_than_the_build() -> None:
    later, earlier = BUILD_DATE.timestamp() + 1, 0.0
    assert time_is_known(lambda: later, lambda: False)
    assert time_is_known(lambda: earlier, lambda: True)
    assert not time_is_known(lambda: earlier, lambda: False)


def test_the_kernel_is_asked_without_changing_its_clock() -> None:
    assert kernel_is_synchronised() in (True, False)


def newest_release(changelog: str) -> date:
    """Return the date of the newest section that has one (``## [1.2.3] - 2027-03-01``)."""
    found = re.findall(r"^## \[[^\]]+\] - (\d{4}-\d{2}-\d{2})$", changelog, re.MULTILINE)
    return max(map(date.fromisoformat, found), default=date.min)


def test_the_date_of_the_build_is_no_older_than_the_last_release_and_not_ahead_of_time() -> None:
    changelog = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    assert BUILD_DATE.date() >= newest_release(changelog), "set BUILD_DATE of engine/clock.py to the release's date"
    assert BUILD_DATE.timestamp() <= time.time()


def test_the_newest_release_is_read_out_of_a_changelog() -> None:
    text = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-03-01\n- x\n\n## [0.1.0] - 2026-12-01\n"
    assert newest_release(text) == date(2027, 3, 1)
    assert newest_release("## [Unreleased]\n") == date.min
