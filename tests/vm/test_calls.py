"""Calls of the virtual phone as systemd runs it: pins, keys, two sound cards, bell, and baresip at the other end.

Whether speech arrives is judged by a pitch each way that is in no tone of the exchange; how well, by PESQ in
``test_speech.py``.
"""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from imagebuild.guest import Guest
from tests.support.pitch import seconds_of, tone
from tests.support.pulse_server import RATE, PulseServer
from tests.support.speech import RATE as LINE_RATE
from tests.support.speech import write_wav
from tests.support.virtual_hands import VirtualHands
from tests.support.vm_exchange import PASSWORD, VmExchange
from tests.support.vm_phone import VmPhone
from tests.support.vm_talk import FAR_HZ, far_end_heard, talk
from tests.vm.conftest import CARD, REGISTERED, going_on

pytestmark = pytest.mark.vm

DIAL_TONE_HZ = 425.0
HOOK_PIN = 17


@pytest.fixture(scope="module")
def far_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the far end says: one pitch, for as long as a call can take."""
    path = tmp_path_factory.mktemp("voice") / "far.wav"
    write_wav(path, tone(FAR_HZ, 240.0, LINE_RATE))
    return path


@pytest.fixture
def phone(registered: Guest, tmp_path: Path) -> Iterator[Guest]:
    """A running phone whose account is registered."""
    with going_on(registered, tmp_path / "vm", REGISTERED) as guest:
        yield guest


def test_lifted_dialled_talked_and_hung_up(
    phone: Guest, hands: VirtualHands, pulse: PulseServer, exchange: VmExchange, far_voice: Path
) -> None:
    inside = VmPhone(phone)
    with exchange.peer("1002", source=far_voice) as baresip:
        with pulse.recording() as heard:
            until_tone = inside.pull_and_wait(HOOK_PIN, 0, "tone", name="dial")
            phone.wait_until(lambda: seconds_of(heard.samples() / 32768, RATE, DIAL_TONE_HZ) > 1, "dial tone", 30)
        hands.dial("1002")
        baresip.wait_for("CALL_INCOMING", 60)
        baresip.accept()
        baresip.wait_for("CALL_ESTABLISHED", 60)
        inside.wait_state("TALKING")
        talk(inside, pulse)
        assert inside.call()["direction"] == "out"
        hands.put_back()
        baresip.wait_for("CALL_CLOSED", 60)
        inside.wait_state("ON_HOOK")
        assert inside.status()["calls"] == []
        assert far_end_heard(baresip) >= 1.0
    sys.stderr.write(f"\nfrom the hook's edge to dial tone: {1000 * until_tone:.0f} ms of the guest's clock\n")


def test_a_caller_rings_the_bell_and_lifting_answers(
    phone: Guest, hands: VirtualHands, pulse: PulseServer, exchange: VmExchange, far_voice: Path
) -> None:
    inside = VmPhone(phone)
    with exchange.peer("1002", source=far_voice) as baresip:
        baresip.dial("sip:1001@pbx.test")
        baresip.wait_for("CALL_RINGING", 60)
        changes = hands.watch_bell(16.0)
        # Norway rings for 1 s and pauses for 4 s; a machine that is busy moves an edge a little.
        edges = changes[1:]
        rings = [off - on for (on, begins), (off, _) in pairwise(edges) if begins]
        pauses = [on - off for (off, begins), (on, _) in pairwise(edges) if not begins]
        assert rings, changes
        assert pauses, changes
        assert np.median(rings) == pytest.approx(1.0, abs=0.4)
        assert np.median(pauses) == pytest.approx(4.0, abs=0.8)
        hands.lift()
        baresip.wait_for("CALL_ESTABLISHED", 60)
        inside.wait_state("TALKING")
        assert [on for _, on in hands.watch_bell(2.0)] == [False]
        talk(inside, pulse)
        baresip.hang_up()
        inside.wait_state("REORDER")
        hands.put_back()
        inside.wait_state("ON_HOOK")
        assert far_end_heard(baresip) >= 1.0


def test_the_settings_came_from_the_card_and_their_secrets_are_gone_from_it(phone: Guest) -> None:
    assert PASSWORD in phone.sh("cat /etc/offhook/offhook.yaml").out
    assert PASSWORD not in phone.sh(f"cat {CARD}").out
    assert phone.sh("ls /boot/firmware/offhook-errors.txt", check=False).status != 0


def test_the_phone_tells_by_what_it_moves_the_pins_and_why(phone: Guest) -> None:
    (line,) = VmPhone(phone).journal("pins: ")[-1:]
    # The revision in the device tree of the arm64 phone is a Zero 2 W's; a PC has none.
    machine = "Raspberry Pi Zero2W rev 1.0" if phone.machine.arch == "arm64" else "no Raspberry Pi's revision"
    assert f"pins: gpiod on /dev/gpiochip0 (pinctrl-bcm2835), the first choice; {machine}" in line, line
    assert json.dumps(VmPhone(phone).status()["board"]["faults"]) == "[]"
