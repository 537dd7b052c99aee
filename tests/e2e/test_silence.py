"""A soft phone that stops dead in the middle of a call, as by a power cut: the phone does not hang on to nobody."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.baresip import Baresip, direct_account
from tests.support.netns import SERVER_IP
from tests.support.phone import Phone, account, config

pytestmark = pytest.mark.peer
PLACE = f"{SERVER_IP}:5062"


def phone_config(silence_s: int) -> str:
    text = config(account(PLACE, register=False))
    assert "rtp: {" in text
    return text.replace("rtp: {", f"rtp: {{silence_s: {silence_s}, ")


def test_a_peer_that_stops_dead_is_hung_up_on(tmp_path: Path) -> None:
    line = direct_account("1002", PLACE, answer="auto")
    with (
        Baresip(tmp_path / "b", line, SERVER_IP, 5062, 4462, "10000-10019") as peer,
        Phone(tmp_path / "phone", phone_config(3)) as phone,
    ):
        phone.call("1002")
        phone.wait_for("call", state="talking", direction="out")
        phone.wait_status(lambda status: status["calls"][0]["rx"] > 25, "speech")
        os.kill(peer.pid, signal.SIGSTOP)
        phone.wait_for("call", state="ended", timeout=8)
        phone.wait_state("REORDER")
        os.kill(peer.pid, signal.SIGCONT)
        peer.wait_for("CALL_CLOSED")  # our BYE waited for it
        phone.hang_up()
        phone.wait_state("ON_HOOK")
