"""Speech, from the virtual card's microphone to baresip's recording and back, judged by PESQ."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import MakeBaresip
from tests.support.baresip import Baresip, pbx_account
from tests.support.kamailio import Kamailio
from tests.support.netns import PHONE_IP, RELAY_IP, SERVER_IP
from tests.support.phone import Phone, account, config
from tests.support.relay import LossyRelay, Side
from tests.support.speech import RATE, Quality, Speech, decimate, interpolate, quality, read_wav
from tests.support.virtual_card import VirtualCard, write_asound_conf

pytestmark = pytest.mark.peer
LOSS = 0.03
SEEDS = (1, 2, 3, 4)


def phone_at(
    card: VirtualCard, folder: Path, make_phone: Callable[..., Phone], server: str, codecs: str = "PCMU, PCMA"
) -> Phone:
    """A phone on a virtual card, registered."""
    text = config(account(server), more=f"audio: {{capture: {card.capture}, playback: {card.playback}}}\n")
    text = text.replace("{ports: 20000-20020}", f"{{ports: 20000-20020, codecs: [{codecs}]}}")
    phone = make_phone(text, env=write_asound_conf(folder / "asound.conf", [card]))
    phone.wait_registered()
    return phone


def say(card: VirtualCard, speech: Speech) -> None:
    """Speak into the card's microphone once it is open, at the rate that it was opened with."""
    end = time.monotonic() + 10
    while not card.mic_starts():
        assert time.monotonic() < end, "the microphone was not opened"
        time.sleep(0.01)
    rate = card.mic_starts()[-1].rate
    samples = interpolate(speech.samples, rate // RATE)
    card.speak(np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16))


def heard_by(card: VirtualCard, speech: Speech) -> Quality:
    """How what somebody said came out of the card's loudspeaker."""
    rate = card.ear_starts()[-1].rate
    return quality(speech, decimate(card.heard() / 32768, rate // RATE))


def clean_call(
    folder: Path, rate: int, codec: str, server: str, baresip: Baresip, near: Speech, far: Speech
) -> tuple[Quality, Quality, bool]:
    """One call; returns how baresip heard us, how we heard baresip, and whether card and link were clean."""
    folder.mkdir()
    with VirtualCard(folder, rate=rate) as card, ExitStack() as stack:
        phone = phone_at(
            card, folder, lambda text, env: stack.enter_context(Phone(folder, text, env=env)), server, codec
        )
        phone.call("1002")
        phone.wait_for("call", state="talking")
        say(card, near)
        time.sleep(near.seconds + 2)
        (call,) = phone.status()["calls"]
        assert call["codec"] == codec
        phone.hang_up()
        baresip.wait_for("CALL_CLOSED")
        clean = card.count("xrun") == 0 and call["lost"] == 0 and call["concealed"] == 0
        return quality(near, read_wav(baresip.recorded())), heard_by(card, far), clean


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
@pytest.mark.parametrize("rate", [48000, 8000])
def test_a_clean_link_costs_nothing_but_the_codec(
    rate: int,
    codec: str,
    tmp_path: Path,
    registrar: Kamailio,
    speech: Speech,
    other_speech: Speech,
    make_baresip: MakeBaresip,
) -> None:
    baresip = make_baresip("1002", answer="auto", source=other_speech.path)
    for attempt in range(3):  # a starved card, or a baresip that sent late, because this machine is busy: not clean
        folder = tmp_path / str(attempt)
        there, back, clean = clean_call(folder, rate, codec, registrar.address, baresip, speech, other_speech)
        if clean:
            break
    assert there.mean >= 4.0, there
    assert back.mean >= 4.0, back


@pytest.fixture
def relaying_registrar(tmp_path: Path) -> Iterator[Kamailio]:
    """A Kamailio that names the relay in every session description."""
    with Kamailio(tmp_path / "kamailio", port=5070, relay_ip=RELAY_IP) as kamailio:
        yield kamailio


def make_pair_peer(folder: Path, user: str, address: str, index: int, answer: str, source: Path) -> Baresip:
    """A baresip whose ports are those of place ``index``."""
    ports = f"{10000 + 100 * index}-{10009 + 100 * index}"
    line = pbx_account(user, address, answer=answer)
    return Baresip(folder / user, line, SERVER_IP, 5080 + 2 * index, 4460 + index, ports, source)


def run_with_loss(
    folder: Path, seed: int, address: str, near: Speech, far: Speech, loss: float = LOSS
) -> tuple[float, float, float]:
    """Two calls at once that lose the same packets: phone and baresip, baresip and baresip.

    Returns the mean PESQ at our ear, at the baresip that hears us, and at the baresip that hears a baresip.
    """
    pairs = [
        (Side(PHONE_IP, 20000, 20020, f"{seed}/near"), Side(SERVER_IP, 10000, 10009, f"{seed}/far")),
        (Side(SERVER_IP, 10100, 10109, f"{seed}/near"), Side(SERVER_IP, 10200, 10209, f"{seed}/far")),
    ]
    with ExitStack() as stack:
        stack.enter_context(LossyRelay(folder, pairs, loss))
        card = stack.enter_context(VirtualCard(folder, rate=48000))
        callee = stack.enter_context(make_pair_peer(folder, "1002", address, 0, "auto", far.path))
        caller = stack.enter_context(make_pair_peer(folder, "1003", address, 1, "manual", near.path))
        other = stack.enter_context(make_pair_peer(folder, "1004", address, 2, "auto", far.path))
        for peer in (callee, caller, other):
            peer.wait_registered()

        def make_phone(text: str, env: dict[str, str]) -> Phone:
            return stack.enter_context(Phone(folder, text, env=env))

        phone = phone_at(card, folder, make_phone, address)
        caller.dial("sip:1004@pbx.test")
        phone.call("1002")
        phone.wait_for("call", state="talking")
        say(card, near)
        time.sleep(near.seconds + 2)
        phone.hang_up()
        caller.hang_up()
        callee.wait_for("CALL_CLOSED")
        other.wait_for("CALL_CLOSED")
        theirs, reference = (quality(near, read_wav(peer.recorded())).mean for peer in (callee, other))
        return heard_by(card, far).mean, theirs, reference


def test_three_percent_loss_is_concealed(
    tmp_path: Path, relaying_registrar: Kamailio, speech: Speech, other_speech: Speech
) -> None:
    runs = [
        run_with_loss(tmp_path / f"seed{seed}", seed, relaying_registrar.address, speech, other_speech)
        for seed in SEEDS
    ]
    ours, theirs, reference = np.mean(runs, axis=0)
    assert ours >= 3.4, runs
    assert theirs >= reference - 0.2, runs
