"""The network lets the phone down, and it comes back by itself; `./dev bench net` prints the same as figures."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.bench import net
from tests.support.netns import OUTSIDE_IP, Room
from tests.support.phone import Phone, account, config
from tests.support.registrar import Registrar

pytestmark = pytest.mark.peer


def test_a_link_that_comes_back_with_another_address_moves_registration_and_call(tmp_path: Path) -> None:
    flap = net.after_flap(tmp_path, away=0.5)
    assert flap.registered <= 5
    assert flap.sound <= 5


def test_the_next_target_is_asked_when_the_first_is_silent() -> None:
    assert asyncio.run(net.until_next_target()) <= 6.5


def test_a_nat_that_forgets_is_found_out_in_half_a_minute(tmp_path: Path) -> None:
    assert net.after_rebinding(tmp_path) <= 30


def test_a_registrar_that_was_away_for_a_moment_is_registered_at_again(tmp_path: Path) -> None:
    assert net.until_registered_again(tmp_path, 26) <= 35


def test_a_phone_goes_on_over_ipv6_where_ipv4_is_gone(tmp_path: Path) -> None:
    with Room(tmp_path / "room") as room, Registrar("fd77::1") as registrar:
        room.change_address("fd77::2")
        text = config(account(f'"{registrar.address}"'), listen="[::]:5060")
        with Phone(tmp_path / "phone", text, prefix=room.prefix) as phone:
            phone.wait_registered()
            register = registrar.wait_for("REGISTER", 0, 5)
            assert "Via: SIP/2.0/UDP [fd77::2]:5060" in register.text
            assert "@[fd77::2]:5060" in register.text
            phone.call("1002")
            phone.wait_state("TALKING")
            assert "c=IN IP6 fd77::2" in registrar.wait_for("INVITE", 0, 5).text
            net.wait(lambda: len(registrar.rtp) > 10, "sound", 10)


def test_a_phone_that_listens_on_both_families_moves_from_ipv4_to_ipv6(tmp_path: Path) -> None:
    with Room(tmp_path / "room") as room, Registrar(OUTSIDE_IP) as old, Registrar("fd77::1") as new:
        accounts = (account(old.address, name="four"), account(f'"{new.address}"', name="six"))
        with Phone(tmp_path / "phone", config(*accounts, listen="[::]:5060"), prefix=room.prefix) as phone:
            phone.wait_registered("four")
            room.change_address("fd77::2")
            begin = time.monotonic()
            new.wait_for("REGISTER", begin, 10)
            phone.wait_registered("six")


def test_an_address_that_is_listened_at_may_go_and_come_back(tmp_path: Path) -> None:
    with Room(tmp_path / "room") as room, Registrar(OUTSIDE_IP) as registrar:
        first = room.ip
        with Phone(tmp_path / "phone", config(account(registrar.address), listen=f"{first}:5060"), prefix=room.prefix):
            registrar.wait_for("REGISTER", 0, 10)
            for ip in (net.CHANGED_IP, first):
                room.change_address(ip)
                net.wait(lambda ip=ip: source_of_last(registrar) == ip, f"REGISTER from {ip}", 10)  # type: ignore[misc]


def source_of_last(registrar: Registrar) -> str:
    """From where the last REGISTER came."""
    return [message.source[0] for message in registrar.heard if message.method == "REGISTER"][-1]
