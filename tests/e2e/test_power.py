"""An outage, played through the board socket."""

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.kamailio import Kamailio
from tests.support.phone import account, config
from tests.support.stub_server import StubServer

pytestmark = pytest.mark.peer
QUICK = (
    "power: {outage_debounce_s: 0.5, restore_debounce_s: 0.5, shutdown_after_s: 2,"
    " low_percent: 25, critical_percent: 5}\n"
)


def test_an_outage_in_a_call_from_mains_to_critical_and_back(
    registrar: Kamailio, make_phone: MakePhone, make_baresip: MakeBaresip
) -> None:
    phone = make_phone(config(account(registrar.address), more=QUICK))
    phone.wait_registered()
    baresip = make_baresip("1002", answer="auto")
    phone.power(ac=True, percent=100, volts=4.15, amps=0.0)
    phone.call("1002")
    phone.wait_for("call", state="talking")

    phone.power(ac=False, percent=80, volts=3.9, amps=-0.4)
    phone.wait_for("power", state="OUTAGE")
    status = phone.wait_status(lambda status: status["power"]["state"] == "OUTAGE", "outage in the status")
    assert status["power"]["percent"] == 80
    assert status["calls"][0]["state"] == "talking"
    phone.power(percent=20, volts=3.6)
    phone.wait_for("power", state="LOW", timeout=30)
    assert phone.status()["calls"][0]["state"] == "talking"
    phone.wait_for("lamp", name="battery")

    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")
    phone.board_socket.forget()
    phone.lift()
    phone.wait_for("say")
    phone.hang_up()

    phone.power(ac=True, percent=30, volts=3.9, amps=0.5)
    phone.wait_for("power", state="MAINS", timeout=30)
    phone.power(ac=False, percent=3, volts=3.2, amps=-0.4)
    phone.wait_for("power", state="CRITICAL", timeout=30)
    phone.wait_for("poweroff", timeout=30)
    assert phone.child.process.poll() is None  # a simulated board never switches anything off


def test_a_critical_battery_does_not_cut_an_emergency_call(make_phone: MakePhone) -> None:
    with StubServer("answer") as desk:
        text = config(account(desk.address, register=False), more=f"{QUICK}emergency: {{callback_window_s: 3}}\n")
        phone = make_phone(text, arguments=["--emergency-desk", desk.address])
        phone.call("112")
        phone.wait_for("call", state="talking", emergency=True, timeout=20)
        phone.power(ac=False, percent=2, volts=3.1, amps=-0.4)
        phone.wait_for("power", state="CRITICAL", timeout=30)
        assert phone.board_socket.take("poweroff", 5) is None
        assert phone.status()["calls"][0]["emergency"]
        assert not [request for request in desk.requests if request.method == "BYE"]
        phone.hang_up()
        desk.wait_for("BYE")
        phone.wait_for("poweroff", timeout=30)  # once the desk can no longer call back
