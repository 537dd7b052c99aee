"""SIPp with scenarios of our own: hold, digits, 100rel, session timers and more, step by step.

SIPp checks what it gets and counts the call as failed where it does not fit; the phone must see its side of it.
"""

from pathlib import Path

import pytest

from tests.e2e.conftest import MakePhone
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.sipp import Sipp

pytestmark = pytest.mark.peer
SCENARIOS = Path(__file__).resolve().parents[1] / "support" / "sipp_scenarios"
PORT = 5090
MODES = {"udp": "u1", "tcp": "t1"}


def start_phone(make_phone: MakePhone, transport: str, *more: str, port: int = PORT, **options: str) -> Phone:
    """A phone whose account is SIPp itself. A TCP connection of SIPp comes from the phone's own address here."""
    line = account(f"{SERVER_IP}:{port}", transport=transport, register=False, more=more)
    policy = "accept_from: listed, listed: [10.77.0.0/24]"
    return make_phone(config(line, sip=policy, **options))


def scenario(name: str) -> str:
    """The path of a scenario of ours."""
    return str(SCENARIOS / f"{name}.xml")


def is_called(phone: Phone, tmp_path: Path, name: str, transport: str, port: int = PORT) -> Sipp:
    """SIPp calls with a scenario, and the phone answers."""
    sipp = Sipp(tmp_path / name, scenario(name), 1, port, phone.address(transport), transport=MODES[transport])
    phone.wait_for("ringer", on=True)
    phone.lift()
    phone.wait_for("call", state="talking", direction="in")
    return sipp


def finish(phone: Phone, sipp: Sipp, timeout: float = 20) -> None:
    """SIPp ends the call and found everything as it should be."""
    try:
        assert sipp.finish(timeout) == (1, 0), sipp.errors()
        phone.wait_state("REORDER")
        phone.hang_up()
        phone.wait_state("ON_HOOK")
    finally:
        sipp.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_is_held_with_sendonly_and_inactive_and_taken_back(
    transport: str, tmp_path: Path, make_phone: MakePhone
) -> None:
    phone = start_phone(make_phone, transport)
    sipp = is_called(phone, tmp_path, "hold", transport)
    phone.wait_for("call", state="held")
    phone.wait_for("call", state="talking")
    finish(phone, sipp)


@pytest.mark.parametrize("name", ["late_offer", "hold_without_offer", "refreshes", "interval_too_small_caller"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_is_called_in_unusual_ways(name: str, transport: str, tmp_path: Path, make_phone: MakePhone) -> None:
    phone = start_phone(make_phone, transport)
    finish(phone, is_called(phone, tmp_path, name, transport))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", ["dtmf", "info"])
def test_hears_digits(name: str, transport: str, tmp_path: Path, make_phone: MakePhone) -> None:
    phone = start_phone(make_phone, transport)
    sipp = is_called(phone, tmp_path, name, transport)
    for digit in "5*0#":
        phone.wait_for("dtmf", digit=digit, direction="in")
    finish(phone, sipp)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_rings_reliably_where_the_caller_requires_it(transport: str, tmp_path: Path, make_phone: MakePhone) -> None:
    phone = start_phone(make_phone, transport)
    finish(phone, is_called(phone, tmp_path, "prack_caller", transport))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", ["prack_called", "early_media", "redirect", "interval_too_small"])
def test_calls_one_who_answers_in_unusual_ways(
    name: str, transport: str, tmp_path: Path, make_phone: MakePhone
) -> None:
    with Sipp(tmp_path / name, scenario(name), 1, PORT, transport=MODES[transport]) as sipp:
        phone = start_phone(make_phone, transport)
        phone.call("1002")
        phone.wait_for("call", state="talking", direction="out")
        phone.hang_up()
        assert sipp.finish(20) == (1, 0), sipp.errors()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_holds_and_takes_back_by_flash(transport: str, tmp_path: Path, make_phone: MakePhone) -> None:
    with Sipp(tmp_path / "sipp", scenario("held_by_phone"), 1, PORT, transport=MODES[transport]) as sipp:
        phone = start_phone(make_phone, transport)
        phone.call("1002")
        phone.wait_for("call", state="talking", direction="out")
        phone.flash()
        phone.wait_for("call", state="held")
        phone.flash()
        phone.wait_for("call", state="talking")
        phone.hang_up()
        assert sipp.finish(20) == (1, 0), sipp.errors()


def test_refreshes_calls_of_90_s_before_they_end(tmp_path: Path, make_phone: MakePhone) -> None:
    """Both roles side by side, for each takes most of a minute: the one by UPDATE over UDP, the other by re-INVITE."""
    called = start_phone(make_phone, "udp")
    incoming = is_called(called, tmp_path, "timer_caller", "udp")
    port = PORT + 2
    with Sipp(tmp_path / "called", scenario("timer_called"), 1, port, transport="t1", media_port=6010) as outgoing:
        text = config(account(f"{SERVER_IP}:{port}", transport="tcp", register=False)).replace("20000", "20100")
        calling = make_phone(text.replace("20020", "20120"), name="calling")
        calling.call("1002")
        calling.wait_for("call", state="talking", direction="out")
        finish(called, incoming, 75)
        finish(calling, outgoing, 75)
