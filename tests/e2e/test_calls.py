"""Calls to and from baresip through Kamailio."""

import time

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.kamailio import Kamailio
from tests.support.phone import Phone, account, config

pytestmark = pytest.mark.peer


@pytest.fixture(params=["udp", "tcp"])
def phone(request: pytest.FixtureRequest, registrar: Kamailio, make_phone: MakePhone) -> Phone:
    """A registered phone, user 1001, over UDP and over TCP."""
    phone = make_phone(config(account(registrar.address, transport=request.param)))
    phone.wait_registered()
    return phone


def wait_for_speech(phone: Phone, packets: int = 50) -> None:
    """Wait until packets went both ways."""
    phone.wait_status(
        lambda status: (
            bool(status["calls"]) and status["calls"][0]["rx"] >= packets and status["calls"][0]["tx"] >= packets
        ),
        f"{packets} packets each way",
    )


def test_calls_baresip_and_hangs_up(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    phone.call("1002")
    baresip.wait_for("CALL_INCOMING")
    phone.wait_for("tone", name="ringback")
    baresip.accept()
    baresip.wait_for("CALL_ESTABLISHED")
    phone.wait_for("call", state="talking", direction="out", emergency=False)
    wait_for_speech(phone)
    (call,) = phone.status()["calls"]
    assert (call["state"], call["direction"], call["codec"]) == ("talking", "out", "PCMU")
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")
    assert phone.status()["calls"] == []


def test_is_called_by_baresip_which_hangs_up(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    baresip.dial("sip:1001@pbx.test")
    phone.wait_for("ringer", on=True)
    baresip.wait_for("CALL_RINGING")
    phone.lift()
    phone.wait_for("ringer", on=False)
    baresip.wait_for("CALL_ESTABLISHED")
    wait_for_speech(phone)
    assert phone.status()["phone"] == "TALKING"
    baresip.hang_up()
    phone.wait_state("REORDER")
    phone.hang_up()
    phone.wait_state("ON_HOOK")


def test_a_caller_who_gives_up_stops_the_ringing(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    baresip.dial("sip:1001@pbx.test")
    phone.wait_for("ringer", on=True)
    baresip.hang_up()
    phone.wait_for("ringer", on=False)
    phone.wait_state("ON_HOOK")
    assert phone.status()["calls"] == []


def test_without_call_waiting_a_second_caller_hears_busy(
    registrar: Kamailio, make_phone: MakePhone, make_baresip: MakeBaresip
) -> None:
    phone = make_phone(config(account(registrar.address), more="features: {call_waiting: false}\n"))
    phone.wait_registered()
    first, second = make_baresip("1002", answer="auto"), make_baresip("1003")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    second.dial("sip:1001@pbx.test")
    closed = second.wait_for("CALL_CLOSED")
    assert "486" in closed["param"]
    wait_for_speech(phone)
    phone.hang_up()
    first.wait_for("CALL_CLOSED")


def test_a_waiting_call_is_told_by_tone_and_taken_by_flash(phone: Phone, make_baresip: MakeBaresip) -> None:
    first, second = make_baresip("1002", answer="auto"), make_baresip("1003")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    second.dial("sip:1001@pbx.test")
    phone.wait_for("tone", name="waiting")
    phone.flash()
    second.wait_talking()
    first.wait_held()
    phone.wait_status(lambda status: {call["state"] for call in status["calls"]} == {"held", "talking"}, "two calls")
    phone.hang_up()
    second.wait_ended()
    phone.wait_for("ringer", on=True)  # the one on hold rings back
    phone.lift()
    first.wait_taken_back()
    phone.wait_status(lambda status: [call["state"] for call in status["calls"]] == ["talking"], "the first call")
    phone.hang_up()
    first.wait_ended()


def test_a_refused_call_gives_busy_tone(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    phone.call("1002")
    baresip.wait_for("CALL_INCOMING")
    baresip.hang_up()  # 486 in baresip's words
    phone.wait_for("tone", name="busy")
    phone.hang_up()
    phone.wait_state("ON_HOOK")


def test_hanging_up_while_it_rings_cancels(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    phone.call("1002")
    baresip.wait_for("CALL_INCOMING")
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")
    phone.wait_status(lambda status: status["calls"] == [], "end of the call")


def test_digits_go_both_ways(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002", answer="auto")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    baresip.wait_for("CALL_ESTABLISHED")
    phone.dial("159*0#", on_ms=90, off_ms=90)
    for digit in "159*0#":
        baresip.wait_for("CALL_DTMF_START", param=digit)
    for digit in "482":
        baresip.send_digit(digit)
        phone.wait_for("dtmf", digit=digit, direction="in")
    out = [event["digit"] for event in phone.board_socket.history if event["event"] == "dtmf"]
    assert "".join(out[:6]) == "159*0#"
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")


def test_being_held_and_taken_back(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002", answer="auto")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    wait_for_speech(phone, 20)
    baresip.command("hold")
    phone.wait_for("call", state="held")
    baresip.command("resume")
    phone.wait_status(lambda status: status["calls"][0]["state"] == "talking", "end of hold")
    before = phone.status()["calls"][0]["rx"]
    time.sleep(1)
    assert phone.status()["calls"][0]["rx"] >= before + 30
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
