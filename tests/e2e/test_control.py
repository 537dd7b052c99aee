"""The whole phone used from a shell: the commands, their exit statuses, and what the far end sees of them."""

import grp
import json
import os
import socket
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.kamailio import Kamailio
from tests.support.phone import Phone, account, config
from tests.support.shell import Shell, finish
from tests.support.stub_server import StubServer

pytestmark = pytest.mark.peer


@pytest.fixture
def phone(registrar: Kamailio, make_phone: MakePhone) -> Phone:
    """A registered phone, user 1001."""
    phone = make_phone(config(account(registrar.address)))
    phone.wait_registered()
    return phone


def wait_call(phone: Phone, state: str) -> dict[str, Any]:
    """Wait until there is one call, in this state; returns its row of the status."""
    status = phone.wait_status(
        lambda status: [call["state"] for call in status["calls"]] == [state], f"one call that is {state}"
    )
    call = status["calls"][0]
    assert isinstance(call, dict)
    return call


def test_a_call_from_a_shell_is_answered_held_resumed_and_ended(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    shell = Shell(phone.control_socket)
    calling = shell.start("call", "1002")
    baresip.wait_for("CALL_INCOMING")
    assert calling.poll() is None
    baresip.accept()
    done = finish(calling)
    assert (done.status, done.err) == (0, "")
    call = done.out.strip()
    assert wait_call(phone, "talking")["call"] == call
    phone.wait_status(
        lambda status: status["calls"][0]["rx"] > 20 and status["calls"][0]["tx"] > 20, "speech both ways"
    )
    assert shell.run("hold").status == 0
    wait_call(phone, "held")
    assert shell.run("resume", call).status == 0
    wait_call(phone, "talking")
    digits = shell.run("dtmf", "12#", "--json")
    assert digits.json == {"ok": True, "call": call}
    for digit in "12#":
        baresip.wait_for("CALL_DTMF_START", param=digit)
    assert shell.run("hangup", "--account", "desk").status == 0
    baresip.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")
    again = shell.run("hangup")
    assert (again.status, again.err) == (1, "offhook: there is no call\n")


def test_a_refused_call_exits_with_1_and_the_cause(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    shell = Shell(phone.control_socket)
    calling = shell.start("call", "1002", "--json")
    baresip.wait_for("CALL_INCOMING")
    baresip.hang_up()
    done = finish(calling)
    assert done.status == 1
    assert done.json["status"] == 486
    assert not done.json["answered"]
    assert done.err.startswith("offhook: 486 ")
    phone.wait_state("ON_HOOK")
    nobody = shell.run("call", "1999")
    assert nobody.status == 1
    assert nobody.out.strip().startswith("p")
    assert nobody.err.startswith("offhook: 4")


def test_a_call_that_the_dial_plan_or_the_accounts_do_not_know_is_not_placed(phone: Phone) -> None:
    shell = Shell(phone.control_socket)
    outside = shell.run("call", "7")
    assert (outside.status, outside.out) == (1, "")
    assert "dial plan" in outside.err
    unknown = shell.run("call", "1002", "--account", "nobody")
    assert (unknown.status, unknown.err) == (1, "offhook: no account named nobody: there is desk\n")
    assert phone.status()["phone"] == "ON_HOOK"


def test_a_call_that_rings_is_answered_from_a_shell(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    shell = Shell(phone.control_socket)
    assert shell.run("answer").err == "offhook: no call rings\n"
    baresip.dial("sip:1001@pbx.test")
    phone.wait_for("ringer", on=True)
    assert shell.run("answer").status == 0
    baresip.wait_for("CALL_ESTABLISHED")
    phone.wait_for("ringer", on=False)
    call = wait_call(phone, "talking")
    assert (call["direction"], call["account"]) == ("in", "desk")
    assert shell.run("hangup", call["call"]).status == 0
    baresip.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")


def test_a_call_that_rings_is_refused_from_a_shell(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    baresip.dial("sip:1001@pbx.test")
    phone.wait_for("ringer", on=True)
    assert Shell(phone.control_socket).run("hangup").status == 0
    assert "486" in baresip.wait_for("CALL_CLOSED")["param"]
    phone.wait_state("ON_HOOK")


def test_the_other_side_is_transferred_from_a_shell(phone: Phone, make_baresip: MakeBaresip) -> None:
    first, second = make_baresip("1002", answer="auto"), make_baresip("1003")
    shell = Shell(phone.control_socket)
    assert shell.run("call", "1002").status == 0
    assert shell.run("transfer", "112").err == "offhook: nobody is transferred to an emergency number\n"
    transfer = shell.start("transfer", "1003")
    second.wait_for("CALL_INCOMING")
    second.accept()
    assert finish(transfer).status == 0
    second.wait_for("CALL_ESTABLISHED")
    phone.wait_status(lambda status: status["calls"] == [], "end of our part")
    phone.wait_state("ON_HOOK")
    first.hang_up()


def test_a_hand_and_a_program_use_the_same_phone(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002", answer="auto")
    shell = Shell(phone.control_socket)
    assert shell.run("call", "1002").status == 0
    busy = shell.run("call", "1003")
    assert busy.status == 1
    assert "in use" in busy.err
    phone.lift()
    phone.wait_state("TALKING")  # as it was: nothing tells that the handset is up
    time.sleep(0.2)  # less than 5 ms would be a knock on the cradle
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
    phone.wait_state("ON_HOOK")


def test_an_emergency_call_from_a_shell_obeys_the_guard(make_phone: MakePhone) -> None:
    with StubServer("answer") as desk, StubServer("answer") as pbx:
        phone = make_phone(config(account(pbx.address, register=False)), arguments=["--emergency-desk", desk.address])
        shell = Shell(phone.control_socket)
        done = shell.run("call", "112")
        assert done.status == 0, done.err
        call = wait_call(phone, "talking")
        assert call["emergency"]
        for refused in (shell.run("hold"), shell.run("hangup"), shell.run("transfer", "1003")):
            assert refused.status == 1
            assert "emergency call" in refused.err
        assert any(request.method == "INVITE" for request in desk.requests)
        phone.lift()
        time.sleep(0.5)  # a shorter one is no lift, but a bounce
        phone.hang_up()
        phone.wait_state("ON_HOOK")
        shell.run("call", "sip:112@pbx.test")  # an emergency call in other words, or refused: nothing else
        assert all(call["emergency"] for call in phone.status()["calls"])
        assert not any(request.method == "INVITE" for request in pbx.requests)


def test_status_and_watching_name_the_call(phone: Phone, make_baresip: MakeBaresip) -> None:
    make_baresip("1002", answer="auto")
    shell = Shell(phone.control_socket)
    with socket.socket(socket.AF_UNIX) as watching:
        watching.connect(str(phone.control_socket))
        watching.settimeout(15)
        watching.sendall(b'{"do":"watch"}\n')
        call = shell.run("call", "1002").out.strip()
        lines = watching.makefile("rb")
        for line in lines:
            event = json.loads(line)
            if event.get("event") == "call" and event["state"] == "talking":
                break
        assert (event["call"], event["account"]) == (call, "desk")
    told = shell.run("status", "--account", "desk")
    assert f"call       {call}: out 1002: talking" in told.out
    assert shell.run("status", "--json").json["calls"][0]["call"] == call
    assert shell.run("hangup").status == 0


def test_the_socket_is_there_by_itself_in_the_runtime_directory(make_phone: MakePhone, tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    phone = make_phone(config(), env={"RUNTIME_DIRECTORY": str(runtime)}, control=False)
    place = runtime / "control.sock"
    phone.child.wait_until(place.exists, "control socket")
    assert stat.S_IMODE(place.stat().st_mode) == 0o660
    with suppress(KeyError):
        assert place.stat().st_gid == grp.getgrnam("offhook").gr_gid or os.geteuid() != 0
    assert Shell(place).run("status").status == 0
    assert phone.terminate() == 0
    assert not place.exists()


def test_a_second_phone_beside_the_first_does_without_the_default_socket(make_phone: MakePhone, tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    env = {"RUNTIME_DIRECTORY": str(runtime)}
    first = make_phone(config(), name="first", env=env, control=False)
    second = make_phone(config(), name="second", env=env, control=False)
    second.child.wait_for_output("no control socket")
    assert second.status()["phone"] == "ON_HOOK"
    assert second.terminate() == 0
    assert Shell(runtime / "control.sock").run("status").status == 0
    assert first.terminate() == 0


def test_a_script_that_is_killed_leaves_the_call_as_it_is(phone: Phone, make_baresip: MakeBaresip) -> None:
    baresip = make_baresip("1002")
    shell = Shell(phone.control_socket)
    calling = shell.start("call", "1002")
    baresip.wait_for("CALL_INCOMING")
    calling.kill()
    finish(calling)
    baresip.accept()
    wait_call(phone, "talking")
    assert shell.run("hangup").status == 0
    assert "Traceback" not in phone.log()


def test_help_names_every_verb() -> None:
    from tests.support.phone import FIRMWARE

    told = subprocess.run(
        ["python3", "-c", "from offhook.cli import main; main(['--help'])"],
        env={**os.environ, "PYTHONPATH": str(FIRMWARE)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for verb in ("call", "answer", "hangup", "hold", "resume", "transfer", "dtmf", "status"):
        assert f"\n    {verb} " in told
