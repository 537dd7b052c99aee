"""The sound card is missing, taken or pulled out: the phone says so, lives on and takes it back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeBaresip, MakePhone
from tests.support.kamailio import Kamailio
from tests.support.phone import Phone, account, config
from tests.support.virtual_card import VirtualCard, write_asound_conf

pytestmark = pytest.mark.peer


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    """A card whose faults the test commands."""
    with VirtualCard(tmp_path, rate=48000) as card:
        yield card


def phone_with(card: VirtualCard, folder: Path, make_phone: MakePhone, text: str) -> Phone:
    """A phone that uses this card."""
    audio = f"audio: {{capture: {card.capture}, playback: {card.playback}}}\n"
    return make_phone(text + audio, env=write_asound_conf(folder / "asound.conf", [card]))


def audio_state(phone: Phone, *states: str) -> None:
    """Wait for one of these states of the card."""
    phone.wait_status(lambda status: status["audio"]["state"] in states, f"audio {states}", 15)


@pytest.mark.parametrize("fault", ["missing", "busy"])
def test_a_card_that_cannot_be_opened_is_told_and_taken_when_it_can(
    fault: str, card: VirtualCard, tmp_path: Path, make_phone: MakePhone
) -> None:
    if fault == "missing":
        card.unplug()
    else:
        card.occupy()
    phone = phone_with(card, tmp_path, make_phone, config())
    phone.lift()
    audio_state(phone, fault)
    lines = [line for line in phone.log().splitlines() if card.capture in line or card.playback in line]
    assert lines, phone.log()
    assert "Traceback" not in phone.log()
    phone.hang_up()
    phone.wait_state("ON_HOOK")
    card.replug()
    card.occupy(False)
    phone.lift()
    audio_state(phone, "open")
    phone.hang_up()


def test_a_card_pulled_out_in_a_call_and_put_back(
    card: VirtualCard, tmp_path: Path, registrar: Kamailio, make_phone: MakePhone, make_baresip: MakeBaresip
) -> None:
    phone = phone_with(card, tmp_path, make_phone, config(account(registrar.address)))
    phone.wait_registered()
    baresip = make_baresip("1002", answer="auto")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    audio_state(phone, "open")
    card.unplug()
    audio_state(phone, "missing", "busy")
    assert phone.status()["calls"][0]["state"] == "talking"
    before = phone.status()["calls"][0]["rx"]
    phone.wait_status(lambda status: status["calls"][0]["rx"] > before + 50, "packets without a card")
    card.replug()
    audio_state(phone, "open")
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")


def test_xruns_are_counted_and_survived(
    card: VirtualCard, tmp_path: Path, registrar: Kamailio, make_phone: MakePhone, make_baresip: MakeBaresip
) -> None:
    phone = phone_with(card, tmp_path, make_phone, config(account(registrar.address)))
    phone.wait_registered()
    baresip = make_baresip("1002", answer="auto")
    phone.call("1002")
    phone.wait_for("call", state="talking")
    audio_state(phone, "open")
    before = phone.status()["audio"]["xruns"]
    card.xrun()
    phone.wait_status(lambda status: status["audio"]["xruns"] > before, "count of xruns")
    rx = phone.status()["calls"][0]["rx"]
    phone.wait_status(lambda status: status["calls"][0]["rx"] > rx + 50, "speech after the xrun")
    phone.hang_up()
    baresip.wait_for("CALL_CLOSED")
