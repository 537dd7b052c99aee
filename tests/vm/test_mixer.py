"""The mixer of the virtual phone's cards is as its board file says: 97 %, where udev's alsactl makes it 100 %."""

import json
import re

import pytest

from imagebuild.guest import Guest
from tests.support.virtual_hands import VirtualHands

pytestmark = pytest.mark.vm

PATIENCE_S = 120.0
OPEN = [("97", "on"), ("97", "on")]


def capture(phone: Guest) -> list[tuple[str, str]]:
    """Volume in percent and switch of each channel of the microphone."""
    return re.findall(r"Capture \d+ \[(\d+)%\].*\[(on|off)\]", phone.sh("amixer -c Intel sget Capture").out)


def audio(phone: Guest) -> dict[str, object]:
    seen: dict[str, object] = json.loads(phone.sh("offhook status --json").out)["audio"]
    return seen


def test_the_first_lift_opens_the_microphone_and_the_phone_has_no_complaint(phone: Guest, hands: VirtualHands) -> None:
    # Not before: the phone sets the mixer when it opens the cards, and the USB card may have come while nobody lifted.
    phone.wait_until(lambda: audio(phone)["state"] in ("open", "closed"), "both cards", PATIENCE_S)
    hands.lift()
    phone.wait_until(lambda: capture(phone) == OPEN, "open microphone", PATIENCE_S)
    assert audio(phone)["mixer"] == ""
    hands.put_back()


def test_a_microphone_that_was_muted_meanwhile_is_open_in_the_next_call(phone: Guest, hands: VirtualHands) -> None:
    phone.wait_until(lambda: audio(phone)["state"] == "closed", "card at rest", PATIENCE_S)
    phone.sh("amixer -q -c Intel sset Capture 0% nocap")
    assert capture(phone) == [("0", "off"), ("0", "off")]
    hands.lift()
    phone.wait_until(lambda: capture(phone) == OPEN, "open microphone", PATIENCE_S)
    hands.put_back()
