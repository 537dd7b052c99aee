import logging

import pytest

from offhook.engine.guard import EmergencyGuard
from offhook.sip.settings import AccountSettings


def account(name: str, server: str) -> AccountSettings:
    return AccountSettings(name, f"sip:{name}@example.test", name, "", server, "udp")


def test_a_real_board_may_use_every_account() -> None:
    accounts = (account("one", "192.0.2.1"), account("two", "192.0.2.2"))
    assert EmergencyGuard(None).usable(accounts) == accounts


def test_a_simulated_board_calls_its_desk_and_says_who_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    guard = EmergencyGuard(("127.0.0.1:5070",))
    with caplog.at_level(logging.WARNING):
        usable = guard.usable((account("provider", "sip.example.test"),))
    assert [a.server for a in usable] == ["127.0.0.1:5070"]
    assert "provider" in caplog.text


def test_a_simulated_board_keeps_accounts_that_are_desks() -> None:
    guard = EmergencyGuard(("127.0.0.1:5070", "127.0.0.1:5071"))
    accounts = (account("one", "127.0.0.1:5071"), account("two", "192.0.2.2"))
    assert guard.usable(accounts) == accounts[:1]


def test_a_simulated_board_without_a_desk_calls_nobody() -> None:
    assert EmergencyGuard(()).usable((account("provider", "192.0.2.1"),)) == ()


def test_a_name_that_could_resolve_to_a_desk_is_not_one() -> None:
    guard = EmergencyGuard(("127.0.0.1:5070",))
    usable = guard.usable((account("sly", "localhost:5070"),))
    assert [a.name for a in usable] == ["desk-127.0.0.1:5070"]
