"""Emergency calls get through, whatever the servers before do. Every desk here is a stub of the test's own."""

import time

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.netns import SERVER_IP, free_port
from tests.support.phone import account, config
from tests.support.stub_server import Behaviour, StubServer

pytestmark = pytest.mark.peer
ANSWERED_WITHIN_S = 15


def run_emergency_call(make_phone: MakePhone, first: str, desk: StubServer, transport: str) -> None:
    """Dial 112 with a first account at ``first`` and a second at the desk; the desk answers in time."""
    text = config(
        account(first, user="1001", register=False, transport=transport, name="first"),
        account(desk.address, user="1002", register=False, transport=transport, name="second"),
    )
    phone = make_phone(text, arguments=["--emergency-desk", first, "--emergency-desk", desk.address])
    phone.lift()
    phone.wait_for("state", phone="DIAL_TONE")
    phone.dial("112")
    begin = time.monotonic()
    phone.wait_for("call", state="talking", emergency=True, timeout=ANSWERED_WITHIN_S + 5)
    assert time.monotonic() - begin <= ANSWERED_WITHIN_S
    invite = desk.wait_for("INVITE", 1)
    assert invite.uri.startswith("urn:service:sos"), invite.uri
    assert b"Storgata" in invite.body
    assert invite.transport == "tcp"
    assert phone.status()["calls"][0]["emergency"]
    phone.hang_up()
    desk.wait_for("BYE")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("behaviour", ["refuse", "silent", "trying"])
def test_the_next_account_answers_when_the_first_fails(
    behaviour: Behaviour, transport: str, make_phone: MakePhone
) -> None:
    with StubServer(behaviour) as first, StubServer("answer") as desk:
        run_emergency_call(make_phone, first.address, desk, transport)
        assert any(request.method == "INVITE" for request in first.requests)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_dead_server_is_passed_over(transport: str, make_phone: MakePhone) -> None:
    with StubServer("answer") as desk:
        run_emergency_call(make_phone, f"{SERVER_IP}:{free_port(SERVER_IP)}", desk, transport)


def test_a_host_that_swallows_everything_is_passed_over(make_phone: MakePhone) -> None:
    with StubServer("answer") as desk:
        run_emergency_call(make_phone, "10.77.0.99:5060", desk, "tcp")


def test_a_refusal_steps_down_to_the_number(make_phone: MakePhone) -> None:
    with StubServer("refuse", status="424 Bad Location Information") as desk:
        text = config(account(desk.address, register=False))
        phone = make_phone(text, arguments=["--emergency-desk", desk.address])
        phone.call("112")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            uris = [request.uri for request in desk.requests if request.method == "INVITE"]
            if any("112" in uri for uri in uris):
                break
            time.sleep(0.1)
        invites = [request for request in desk.requests if request.method == "INVITE"]
        assert b"presence" in invites[0].body
        assert any(request.uri.startswith("urn:") and b"presence" not in request.body for request in invites)
        assert any(request.uri.startswith("sip:112@") for request in invites)
        phone.hang_up()


def test_an_emergency_call_does_not_wait_for_the_end_of_the_call_before(make_phone: MakePhone) -> None:
    with StubServer("answer", deaf_to=("BYE",)) as desk:
        text = config(account(desk.address, register=False))
        phone = make_phone(text, arguments=["--emergency-desk", desk.address])
        phone.call("1002")
        phone.wait_for("call", state="talking", emergency=False)
        phone.hang_up()
        phone.wait_state("ON_HOOK")
        phone.call("112")
        phone.wait_for("call", state="talking", emergency=True)
        assert len([request for request in desk.requests if request.method == "INVITE"]) == 2


def test_without_a_desk_no_emergency_call_leaves_a_simulated_board(make_phone: MakePhone) -> None:
    with StubServer("answer") as server:
        phone = make_phone(config(account(server.address, register=False)))
        phone.call("112")
        time.sleep(3)
        assert server.requests == []
        assert "simulated board" in phone.log()


def test_a_lock_of_the_dial_plan_does_not_stop_it(make_phone: MakePhone) -> None:
    with StubServer("answer") as desk:
        text = config(account(desk.address, register=False), dialplan="(2xxx)")
        phone = make_phone(text, arguments=["--emergency-desk", desk.address])
        phone.call("113")
        phone.wait_for("call", state="talking", emergency=True)
