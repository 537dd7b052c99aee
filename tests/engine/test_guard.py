import logging

import pytest

from offhook.engine.guard import EmergencyGuard, NoDeskError, desk_place
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


@pytest.mark.parametrize("text", ["127.0.0.1:5060", "10.77.0.3:5070", "[::1]:5060", "192.0.2.7:1"])
def test_a_desk_is_an_address_of_a_private_network(text: str) -> None:
    assert desk_place(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "desk", "pbx.example:5060", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:70000"),
        *("8.8.8.8:5060", "0.0.0.0:5060", "224.0.0.1:5060", "::1:5060", "[127.0.0.1]:5060", "[2600::1]:5060", "[]:5"),
    ],
)
def test_any_other_desk_is_refused(text: str) -> None:
    with pytest.raises(NoDeskError):
        desk_place(text)


PROVIDER, DESK = account("provider", "sip.example.test"), account("desk", "127.0.0.1:5070")


@pytest.mark.parametrize("number", ["112", "911", "113", "1-1-2", "sip:112@sip.example.test", "sips:911@192.0.2.1"])
def test_a_simulated_board_bars_ordinary_calls_to_help_too(number: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert EmergencyGuard(("127.0.0.1:5070",)).bars(number, PROVIDER, {"113"})
    assert "provider" in caplog.text


def test_other_calls_are_not_barred() -> None:
    guard = EmergencyGuard(("127.0.0.1:5070",))
    assert not guard.bars("1123", PROVIDER, {"113"})
    assert not guard.bars("100", PROVIDER, {"113"})
    assert not guard.bars("112", DESK, {"112"})
    assert not EmergencyGuard(None).bars("911", PROVIDER, {"112"})
