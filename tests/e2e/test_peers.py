"""The harness itself: two baresips talk through Kamailio. What they reach is what the phone is measured against."""

import time
from pathlib import Path

import pytest

from tests.support.baresip import Baresip
from tests.support.kamailio import Kamailio
from tests.support.netns import PHONE_IP, SERVER_IP
from tests.support.speech import Speech, quality, read_wav

pytestmark = pytest.mark.peer


def account(user: str, registrar: Kamailio, answer: str = "manual") -> str:
    """A line of baresip's accounts file."""
    return (
        f"<sip:{user}@pbx.test;transport=udp>;auth_user={user};auth_pass=secret{user};"
        f'outbound="sip:{registrar.address};transport=udp";regint=120;'
        f"audio_codecs=PCMU/8000/1,PCMA/8000/1;answermode={answer}"
    )


def test_baresip_talks_to_baresip(tmp_path: Path, registrar: Kamailio, speech: Speech, other_speech: Speech) -> None:
    caller = Baresip(
        tmp_path / "a", account("1001", registrar), PHONE_IP, 5062, 4462, "20000-20020", speech.path, interface="far"
    )
    callee = Baresip(
        tmp_path / "b", account("1002", registrar, "auto"), SERVER_IP, 5064, 4464, "10000-10020", other_speech.path
    )
    with caller, callee:
        caller.wait_registered()
        callee.wait_registered()
        assert registrar.contacts("1002")
        caller.dial("sip:1002@pbx.test")
        caller.wait_for("CALL_ESTABLISHED")
        caller.send_digit("5")
        callee.wait_for("CALL_DTMF_START", param="5")
        time.sleep(36)
        caller.hang_up()
        callee.wait_for("CALL_CLOSED")
    there = quality(speech, read_wav(callee.recorded()))
    back = quality(other_speech, read_wav(caller.recorded()))
    assert there.mean >= 4.0
    assert back.mean >= 4.0
