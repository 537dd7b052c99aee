"""SIPp's own ``uac`` and ``uas`` scenarios, one call after another."""

from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.netns import SERVER_IP
from tests.support.phone import account, config
from tests.support.sipp import Sipp

pytestmark = pytest.mark.peer
PORT = 5090


def number_of_calls(soak: bool) -> int:
    """20 each way, 200 in a soak."""
    return 200 if soak else 20


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_answers_every_call_of_sipp(transport: str, soak: bool, tmp_path: Path, make_phone: MakePhone) -> None:
    calls = number_of_calls(soak) if transport == "udp" or soak else 5
    phone = make_phone(config(account(f"{SERVER_IP}:{PORT}", transport=transport, register=False)))
    mode = "u1" if transport == "udp" else "t1"
    with Sipp(tmp_path / "sipp", "uac", calls, PORT, phone.address(transport), transport=mode) as sipp:
        for _ in range(calls):
            phone.wait_for("ringer", on=True)
            phone.lift()
            phone.wait_for("call", state="talking", direction="in")
            phone.wait_for("state", phone="REORDER")
            phone.hang_up()
            phone.board_socket.forget()
        assert sipp.finish(20) == (calls, 0), sipp.errors()
    phone.wait_state("ON_HOOK")
    assert phone.status()["calls"] == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_every_call_to_sipp_comes_up(transport: str, soak: bool, tmp_path: Path, make_phone: MakePhone) -> None:
    calls = number_of_calls(soak) if transport == "udp" or soak else 5
    mode = "u1" if transport == "udp" else "t1"
    with Sipp(tmp_path / "sipp", "uas", calls, PORT, transport=mode) as sipp:
        phone = make_phone(config(account(f"{SERVER_IP}:{PORT}", transport=transport, register=False)))
        for _ in range(calls):
            phone.call("1002")
            phone.wait_for("call", state="talking", direction="out")
            phone.hang_up()
            phone.wait_state("ON_HOOK")
            phone.board_socket.forget()
        assert sipp.finish(20) == (calls, 0), sipp.errors()
    phone.wait_status(lambda status: status["calls"] == [], "end of the last call")
