"""The harness itself: two baresips talk through Kamailio. What they reach is what the phone is measured against."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.baresip import Baresip, pbx_account
from tests.support.kamailio import Kamailio
from tests.support.netns import PHONE_IP, RELAY_IP, SERVER_IP
from tests.support.relay import LossyRelay, Side
from tests.support.speech import Speech, quality, read_wav

pytestmark = pytest.mark.peer
LOSS = 0.03


@pytest.fixture(scope="module")
def relaying_registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """A Kamailio that names the relay in every session description."""
    with Kamailio(tmp_path_factory.mktemp("kamailio") / "run", port=5070, relay_ip=RELAY_IP) as kamailio:
        yield kamailio


def test_baresip_talks_to_baresip(tmp_path: Path, registrar: Kamailio, speech: Speech, other_speech: Speech) -> None:
    there = pbx_account("1001", registrar.address)
    here = pbx_account("1002", registrar.address, answer="auto")
    with (
        Baresip(tmp_path / "a", there, PHONE_IP, 5062, 4462, "20000-20019", speech.path, interface="far") as caller,
        Baresip(tmp_path / "b", here, SERVER_IP, 5064, 4464, "10000-10019", other_speech.path) as callee,
    ):
        caller.wait_registered()
        callee.wait_registered()
        assert registrar.contacts("1002")
        caller.dial("sip:1002@pbx.test")
        caller.wait_for("CALL_ESTABLISHED")
        caller.send_digit("5")
        callee.wait_for("CALL_DTMF_START", param="5")
        time.sleep(speech.seconds + 1.5)
        caller.hang_up()
        callee.wait_for("CALL_CLOSED")
    assert quality(speech, read_wav(callee.recorded())).mean >= 4.0
    assert quality(other_speech, read_wav(caller.recorded())).mean >= 4.0


def test_the_relay_loses_what_its_seed_says(tmp_path: Path, relaying_registrar: Kamailio, speech: Speech) -> None:
    address = relaying_registrar.address
    sides = Side(PHONE_IP, 20000, 20009, "1/near"), Side(SERVER_IP, 10000, 10009, "1/far")
    with ExitStack() as stack:
        relay = stack.enter_context(LossyRelay(tmp_path / "relay", [sides], LOSS))
        account = pbx_account("1001", address)
        caller = stack.enter_context(
            Baresip(tmp_path / "a", account, PHONE_IP, 5062, 4462, "20000-20009", speech.path, interface="far")
        )
        account = pbx_account("1002", address, answer="auto")
        callee = stack.enter_context(Baresip(tmp_path / "b", account, SERVER_IP, 5064, 4464, "10000-10009"))
        caller.wait_registered()
        callee.wait_registered()
        caller.dial("sip:1002@pbx.test")
        caller.wait_for("CALL_ESTABLISHED")
        time.sleep(speech.seconds + 1.5)
        caller.hang_up()
        callee.wait_for("CALL_CLOSED")
        ((sent, _received),) = relay.stop()
    assert sent.passed + sent.lost > speech.seconds * 45
    assert sent.lost / (sent.passed + sent.lost) == pytest.approx(LOSS, abs=0.012)
    heard = quality(speech, read_wav(callee.recorded()))
    assert 1.5 < heard.mean < 4.0, heard
