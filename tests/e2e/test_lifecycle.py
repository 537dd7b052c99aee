"""Start and end: SIGTERM, faulty files, the last good copy."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.kamailio import Kamailio
from tests.support.phone import BOARD, FIRMWARE, Phone, account, config
from tests.support.stub_server import StubServer

pytestmark = pytest.mark.peer


def offhook(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    env = {**os.environ, "PYTHONPATH": str(FIRMWARE)}
    command = [sys.executable, "-m", "offhook", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_sigterm_ends_a_call_with_bye_and_takes_the_registration_back(
    registrar: Kamailio, make_phone: MakePhone, make_baresip: MakeBaresip
) -> None:
    phone = make_phone(config(account(registrar.address)))
    phone.wait_registered()
    baresip = make_baresip("1002", answer="auto")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    begin = time.monotonic()
    assert phone.terminate() == 0
    assert time.monotonic() - begin < 5
    baresip.wait_for("CALL_CLOSED", timeout=5)
    assert registrar.contacts("1001") == []


def test_sigterm_while_ringing_refuses_the_call(
    make_phone: MakePhone, registrar: Kamailio, make_baresip: MakeBaresip
) -> None:
    phone = make_phone(config(account(registrar.address)))
    phone.wait_registered()
    baresip = make_baresip("1002")
    baresip.dial("sip:1001@pbx.test")
    phone.wait_for("ringer", on=True)
    assert phone.terminate() == 0
    baresip.wait_for("CALL_CLOSED", timeout=5)


def test_sigterm_with_a_silent_server_still_ends_in_time(make_phone: MakePhone) -> None:
    with StubServer("silent") as server:
        phone = make_phone(config(account(server.address)))
        server.wait_for("REGISTER")
        begin = time.monotonic()
        assert phone.terminate() == 0
        assert time.monotonic() - begin < 5


def test_sigterm_ends_an_emergency_call_with_a_warning(make_phone: MakePhone) -> None:
    with StubServer("answer") as desk:
        text = config(account(desk.address, register=False))
        phone = make_phone(text, arguments=["--emergency-desk", desk.address])
        phone.call("112")
        phone.wait_for("call", state="talking", emergency=True)
        assert phone.terminate() == 0
        desk.wait_for("BYE", 1)
        assert "emergency" in phone.log().lower()


def test_check_names_every_fault_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "offhook.yaml"
    file.write_text(
        "country: NO\naccounts:\n  - name: desk\n    uri: sip:1001@pbx.test\n    trnsport: udp\ndialplan: '(xx'\n"
    )
    result = offhook("check", str(file))
    assert result.returncode == 78
    lines = (result.stdout + result.stderr).splitlines()
    assert any(line.startswith(f"{file}:5:5: accounts[0].trnsport:") and "transport" in line for line in lines), lines
    assert any(line.startswith(f"{file}:6:") for line in lines), lines


def test_check_is_content_with_the_config_that_tests_use(tmp_path: Path) -> None:
    file = tmp_path / "offhook.yaml"
    file.write_text(config(account("10.77.0.1:5060")))
    result = offhook("check", str(file))
    assert (result.returncode, result.stderr) == (0, "")


def test_a_faulty_config_without_a_good_copy_is_told_and_exits_78(make_phone: MakePhone) -> None:
    phone = make_phone("country: NO\naccounts: []\nfoo: bar\nsip: {listen: nowhere}\n", wait=False)
    assert phone.child.wait(15) == 78
    lines = [line for line in phone.log().splitlines() if str(phone.config) in line]
    assert len(lines) >= 2, phone.log()
    assert any(f"{phone.config}:3:1: foo:" in line for line in lines)


def test_a_faulty_config_falls_back_on_the_last_good_copy(
    registrar: Kamailio, make_phone: MakePhone, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    good = make_phone(config(account(registrar.address)), name="good", state_dir=state)
    good.wait_registered()
    assert good.terminate() == 0
    phone = make_phone("country: XX\nfoo: bar\n", name="bad", state_dir=state)
    phone.wait_registered()
    assert f"{phone.config}:2:1: foo:" in phone.log()
    assert "last good" in phone.log()


def test_a_board_with_a_wrong_pin_or_a_typo_is_one_clear_line(make_phone: MakePhone) -> None:
    phone = make_phone(config(), board_text=BOARD.replace("4x4", "5x5"), wait=False)
    assert phone.child.wait(15) == 78
    assert f"{phone.board}:2:" in phone.log()
    assert "Traceback" not in phone.log()


def test_two_phones_run_side_by_side(registrar: Kamailio, make_phone: MakePhone) -> None:
    first = make_phone(config(account(registrar.address)), name="first")
    second_config = config(account(registrar.address, user="1002")).replace("20000-20020", "20100-20120")
    second: Phone = make_phone(second_config, name="second")
    first.wait_registered()
    second.wait_registered()
    first.call("1002")
    second.wait_for("ringer", on=True)
    second.lift()
    first.wait_for("call", state="talking")
    first.wait_status(lambda status: status["calls"][0]["rx"] > 50, "speech")
    second.hang_up()
    first.wait_state("REORDER")


def test_a_port_that_is_taken_is_one_clear_line(make_phone: MakePhone) -> None:
    first = make_phone(config(), name="first")
    second = make_phone(config(listen=first.address()), name="second")
    second.child.wait_for_output(first.address())
    (line,) = [line for line in second.log().splitlines() if first.address() in line]
    assert "sip.listen" in line
    assert "Traceback" not in second.log()
    second.lift()
    second.wait_for("tone", name="no_service")


def test_what_was_kept_of_the_last_start_never_stands_against_the_files(
    registrar: Kamailio, make_phone: MakePhone
) -> None:
    text = config(account(registrar.address), dialplan="(1xxx)")
    first = make_phone(text)
    file = first.state_dir / "quick.json"
    first.child.wait_until(file.exists, "what is kept for the next start")
    assert first.terminate() == 0
    good = file.read_bytes()
    _, _, body = good.partition(b"\n")
    wrong = body.replace(b'"dialplan":"(1xxx)"', b'"dialplan":"(2xxx)"')
    assert wrong != body
    file.write_bytes(hashlib.sha256(wrong).hexdigest().encode() + b"\n" + wrong)
    phone = make_phone(text, arguments=["--off-hook"])
    phone.wait_registered()
    assert "what was kept of the last start is not what the files say" in phone.log()
    phone.wait_state("DIAL_TONE")
    phone.press("1")
    phone.wait_for("state", phone="DIALLING")
    phone.child.wait_until(lambda: file.read_bytes() == good, "the form of what the files say")


def test_a_phone_that_was_started_before_works_by_what_was_kept_and_one_whose_files_were_touched_by_its_files(
    registrar: Kamailio, make_phone: MakePhone
) -> None:
    kept = "the handset works, by what was kept of the last start"
    text, logs = config(account(registrar.address)), []
    for content in (text, text, f"{text}# a word\n", f"{text}# a word\n"):
        phone = make_phone(content, arguments=["--off-hook"])
        phone.wait_registered()
        phone.wait_state("DIAL_TONE")
        phone.child.wait_until((phone.state_dir / "quick.json").exists, "what is kept for the next start")
        assert phone.terminate() == 0
        logs.append(phone.log())
        phone.child.log.unlink()
    assert [kept in log for log in logs] == [False, True, False, True]
    assert [log.count("the first tone, ") for log in logs] == [1, 1, 1, 1]
    assert not any("is not what the files say" in log for log in logs)
