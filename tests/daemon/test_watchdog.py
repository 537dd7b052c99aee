import pytest

from offhook.daemon.watchdog import Watchdog


def test_the_watchdog_is_fed_while_media_ticks() -> None:
    said: list[str] = []
    Watchdog(said.append, lambda: True, lambda: "in service").beat()
    assert said == ["WATCHDOG=1", "STATUS=in service"]


def test_the_watchdog_is_not_fed_while_media_is_silent() -> None:
    said: list[str] = []
    dog = Watchdog(said.append, lambda: False, lambda: "in service")
    dog.beat()
    dog.beat()
    assert said == ["STATUS=in service"]


def test_it_feeds_often_enough_to_forgive_bad_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "15000000")
    assert Watchdog.period() == 2.5
    monkeypatch.setenv("WATCHDOG_USEC", "rubbish")
    assert Watchdog.period() == 5.0
