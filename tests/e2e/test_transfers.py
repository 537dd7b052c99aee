"""Transferred by a real peer through a real proxy: the person at the phone talks on with somebody else."""

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.kamailio import Kamailio
from tests.support.phone import Phone, account, config

pytestmark = pytest.mark.peer


@pytest.fixture
def phone(registrar: Kamailio, make_phone: MakePhone) -> Phone:
    """A registered phone, user 1001."""
    phone = make_phone(config(account(registrar.address)))
    phone.wait_registered()
    return phone


def test_baresip_hands_us_over_to_another(phone: Phone, make_baresip: MakeBaresip) -> None:
    first, second = make_baresip("1002", answer="auto"), make_baresip("1003")
    phone.lift()
    phone.dial("1002")
    phone.wait_state("TALKING")
    first.transfer("sip:1003@pbx.test")
    second.wait_for("CALL_INCOMING")
    second.accept()
    phone.wait_status(
        lambda status: [call["peer"] for call in status["calls"]] == ["1003"] and status["calls"][0]["rx"] > 20,
        "speech with the other one, and with him alone",
    )
    phone.wait_state("TALKING")
    first.wait_for("CALL_CLOSED")
    phone.hang_up()
    second.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")


def test_who_called_us_may_hand_us_over_too(phone: Phone, make_baresip: MakeBaresip) -> None:
    first, second = make_baresip("1002"), make_baresip("1003", answer="auto")
    first.dial("sip:1001@pbx.test")
    phone.wait_for("ringer", on=True)
    phone.lift()
    phone.wait_state("TALKING")
    first.transfer("sip:1003@pbx.test")
    phone.wait_status(
        lambda status: [(call["peer"], call["direction"]) for call in status["calls"]] == [("1003", "out")],
        "the call with the other one",
    )
    phone.hang_up()
    second.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")


def test_nobody_hands_us_over_to_an_emergency_number(phone: Phone, make_baresip: MakeBaresip) -> None:
    first = make_baresip("1002", answer="auto")
    phone.lift()
    phone.dial("1002")
    phone.wait_state("TALKING")
    first.transfer("sip:112@pbx.test")
    assert "403" in first.wait_for("TRANSFER_FAILED")["param"]
    phone.wait_status(lambda status: status["calls"] == [], "no call")
    phone.hang_up()
    phone.wait_state("ON_HOOK")


def test_who_referred_us_hears_that_it_came_to_nothing(phone: Phone, make_baresip: MakeBaresip) -> None:
    first = make_baresip("1002", answer="auto")
    phone.lift()
    phone.dial("1002")
    phone.wait_state("TALKING")
    first.transfer("sip:1999@pbx.test")
    assert first.wait_for("TRANSFER_FAILED")["param"].startswith("4")
    # baresip ends the call itself then; with another peer it would go on.
    phone.wait_status(lambda status: status["calls"] == [], "no call")
    phone.hang_up()
    phone.wait_state("ON_HOOK")
