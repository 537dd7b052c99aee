"""Hook, keypad, lamps, tone and supply of the virtual phone, as the kernel shows them to the phone."""

import json
import re
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from imagebuild.guest import Guest
from tests.support.pulse_server import RATE, PulseServer, Samples
from tests.support.tap_network import HOST_IP
from tests.support.virtual_hands import VirtualHands

pytestmark = pytest.mark.vm

PATIENCE_S = 120.0


def phone_state(phone: Guest) -> str:
    return str(json.loads(phone.sh("offhook status --json").out)["phone"])


def wait_for_state(phone: Guest, state: str) -> None:
    phone.wait_until(lambda: phone_state(phone) == state, f"state {state}", PATIENCE_S)


def share_at(samples: Samples, frequency: float) -> float:
    """How much of the loudest second's energy lies within 20 Hz of ``frequency``."""
    seconds = samples[: len(samples) // RATE * RATE].reshape(-1, RATE).astype(float)
    loudest = seconds[np.argmax((seconds**2).sum(axis=1))]
    spectrum = np.abs(np.fft.rfft(loudest * np.hanning(RATE))) ** 2
    return float(spectrum[int(frequency) - 20 : int(frequency) + 21].sum() / max(spectrum.sum(), 1.0))


@pytest.fixture
def exchange() -> Iterator[socket.socket]:
    """What hears the phone's INVITE; it answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((HOST_IP, 5060))
        listener.settimeout(PATIENCE_S)
        yield listener


def test_lifting_by_an_edge_gives_dial_tone_from_the_usb_card(
    phone: Guest, hands: VirtualHands, pulse: PulseServer
) -> None:
    wait_for_state(phone, "ON_HOOK")
    with pulse.recording() as heard:
        hands.lift()
        wait_for_state(phone, "DIAL_TONE")
        phone.wait_until(
            lambda: len(heard.samples()) > 2 * RATE and share_at(heard.samples(), 425) > 0.9, "dial tone", PATIENCE_S
        )
    hands.put_back()
    wait_for_state(phone, "ON_HOOK")


def test_every_key_of_the_matrix_is_dialled_as_itself(
    phone: Guest, hands: VirtualHands, exchange: socket.socket
) -> None:
    hands.lift()
    wait_for_state(phone, "DIAL_TONE")
    hands.dial("9876543210#")
    invite = exchange.recv(65535).decode()
    assert re.match(r"INVITE sip:9876543210@", invite), invite.splitlines()[0]
    hands.put_back()
    wait_for_state(phone, "ON_HOOK")


def test_mains_and_battery_of_the_kernel_are_seen(phone: Guest, hands: VirtualHands) -> None:
    def power() -> tuple[str, float]:
        seen = json.loads(phone.sh("offhook status --json").out)["power"]
        return str(seen["state"]), float(seen["percent"])

    assert power() == ("MAINS", 50.0)
    hands.mains(False)
    hands.battery(40)
    phone.wait_until(lambda: power() == ("OUTAGE", 40.0), "outage", PATIENCE_S)
    hands.mains(True)
    phone.wait_until(lambda: power()[0] == "MAINS", "mains", PATIENCE_S)


@pytest.mark.long
def test_lgpio_moves_the_pins_where_the_board_file_names_it_and_there_is_a_raspberry_pi(
    phone: Guest, hands: VirtualHands
) -> None:
    phone.sh("echo 'gpio: {factory: lgpio}' >> /etc/offhook/board.yaml")
    if phone.machine.arch != "arm64":
        assert phone.sh("systemctl restart offhook.service", 300, check=False).status != 0
        missing = "lgpio finds no Raspberry Pi's revision"
        phone.wait_until(lambda: missing in phone.sh("journalctl -u offhook").out, "its refusal", PATIENCE_S)
        return
    phone.sh("systemctl restart offhook.service", 300)
    wait_for_state(phone, "ON_HOOK")
    assert "pins: lgpio on /dev/gpiochip0" in phone.sh("journalctl -u offhook").out
    hands.lift()
    wait_for_state(phone, "DIAL_TONE")
    hands.put_back()
    wait_for_state(phone, "ON_HOOK")
