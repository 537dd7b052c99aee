"""Hardware that fails under a call, programs that hang, and a kernel that crashes: the phone is back by itself."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagebuild.guest import Guest
from tests.support.baresip import Baresip
from tests.support.pitch import tone
from tests.support.pulse_server import PulseServer
from tests.support.speech import RATE as LINE_RATE
from tests.support.speech import write_wav
from tests.support.virtual_hands import VirtualHands
from tests.support.vm_exchange import VmExchange
from tests.support.vm_phone import VmPhone
from tests.support.vm_talk import FAR_HZ, hears, talk
from tests.vm.conftest import REGISTERED, going_on

pytestmark = pytest.mark.vm

BACK_S = 2.0
PATIENCE_S = 180.0
EVENTS = "/run/sound-events"


@pytest.fixture
def phone(registered: Guest, tmp_path: Path) -> Iterator[Guest]:
    """A running phone whose account is registered."""
    with going_on(registered, tmp_path / "vm", REGISTERED) as guest:
        yield guest


@pytest.fixture
def inside(phone: Guest) -> VmPhone:
    """What that phone says of itself."""
    return VmPhone(phone)


@pytest.fixture
def peer(
    inside: VmPhone, hands: VirtualHands, pulse: PulseServer, exchange: VmExchange, tmp_path: Path
) -> Iterator[Baresip]:
    """Who is talking with the phone."""
    voice = tmp_path / "far.wav"
    write_wav(voice, tone(FAR_HZ, 600.0, LINE_RATE))
    with exchange.peer("1002", answer="auto", source=voice) as baresip:
        hands.lift()
        inside.wait_state("DIAL_TONE")
        hands.dial("1002")
        inside.wait_state("TALKING")
        hears(pulse, FAR_HZ)
        yield baresip
        hands.put_back()
        baresip.wait_for("CALL_CLOSED", 60)


def note_sound_events(phone: Guest) -> None:
    """Write down from now on when udev is done with each sound device."""
    phone.sh(f"systemd-run --quiet --collect sh -c 'udevadm monitor --udev --subsystem-match=sound > {EVENTS}'")
    phone.wait_until(lambda: "UDEV" in phone.sh(f"cat {EVENTS}", check=False).out, "udev monitor")


def until_sound(phone: Guest, card: str, direction: str) -> float:
    """Seconds of the guest's clock from udev's last word on a PCM to the start of sound on it."""
    pcm = f"pcm.*D0{direction}"
    told = re.findall(rf"^UDEV +\[([\d.]+)\] add .*/{pcm} ", phone.sh(f"cat {EVENTS}").out, re.M)
    status = phone.sh(f"cat /proc/asound/{card}/pcm0{direction}/sub0/status").out
    started = re.search(r"^trigger_time: ([\d.]+)", status, re.M)
    assert told, f"udev never told of {card}"
    assert started, status
    return float(started.group(1)) - float(told[-1])


def lives_by_the_clock(inside: VmPhone) -> None:
    """The card is gone; the call goes on, packets and all."""
    inside.wait_for(lambda status: status["audio"]["state"] == "missing", "note of the missing card")
    call = inside.call()
    later = inside.wait_for(lambda status: status["calls"][0]["tx"] >= call["tx"] + 100, "packets without a card")
    assert later["audio"]["beats"]
    assert later["phone"] == "TALKING"


@pytest.mark.long
def test_the_loudspeaker_is_pulled_out_and_plugged_in_under_a_call(
    phone: Guest, inside: VmPhone, pulse: PulseServer, peer: Baresip
) -> None:
    note_sound_events(phone)
    phone.unplug_usb_card()
    lives_by_the_clock(inside)
    phone.plug_usb_card()
    inside.wait_for(lambda status: status["audio"]["state"] == "open", "the card", PATIENCE_S)
    back = until_sound(phone, "Audio", "p")
    hears(pulse, FAR_HZ)
    talk(inside, pulse)
    sys.stderr.write(f"\nloudspeaker: sound {1000 * back:.0f} ms after udev's event\n")
    assert back <= BACK_S


@pytest.mark.long
def test_the_microphones_card_is_taken_from_the_bus_and_found_again_under_a_call(
    phone: Guest, inside: VmPhone, pulse: PulseServer, peer: Baresip
) -> None:
    note_sound_events(phone)
    device = phone.sh("readlink -f /sys/class/sound/card[0-9]*/device/ | grep /pci | grep -v usb").out.split()[0]
    phone.sh(f"echo 1 > {device}/remove")
    lives_by_the_clock(inside)
    phone.sh("echo 1 > /sys/bus/pci/rescan")
    inside.wait_for(lambda status: status["audio"]["state"] == "open", "the card", PATIENCE_S)
    back = until_sound(phone, "Intel", "c")
    talk(inside, pulse)
    sys.stderr.write(f"\nmicrophone: sound {1000 * back:.0f} ms after udev's event\n")
    assert back <= BACK_S


def test_a_media_process_that_is_killed_is_back_within_the_call(
    phone: Guest, inside: VmPhone, pulse: PulseServer, peer: Baresip
) -> None:
    before = phone.sh("pgrep -f offhook.media").out.split()[0]
    phone.sh(f"kill -KILL {before}")
    phone.wait_until(
        lambda: phone.sh("pgrep -f offhook.media", check=False).out.split()[:1] not in ([], [before]),
        "another media process",
    )
    talk(inside, pulse)
    assert inside.status()["phone"] == "TALKING"


@pytest.mark.long
def test_a_daemon_that_hangs_is_started_again_by_its_watchdog(
    phone: Guest, inside: VmPhone, hands: VirtualHands, pulse: PulseServer, exchange: VmExchange
) -> None:
    def main() -> str:
        return phone.sh("systemctl show -p MainPID --value offhook.service").out.strip()

    before = main()
    phone.sh(f"kill -STOP {before}")
    phone.wait_until(lambda: main() not in ("0", before), "another daemon", PATIENCE_S)
    assert any("atchdog" in line for line in inside.journal())
    inside.wait_for(lambda status: bool(status["accounts"][0]["registered"]), "registration", PATIENCE_S)
    hands.lift()
    hears(pulse, 425.0, PATIENCE_S)


@pytest.mark.long
def test_a_kernel_that_hangs_is_reset_by_the_hardware_and_the_phone_registers_again(
    phone: Guest, exchange: VmExchange
) -> None:
    phone.sh("sysctl -w kernel.panic=0")
    assert float(phone.sh("cat /sys/class/watchdog/watchdog0/timeout").out) > 0
    assert phone.sh("cat /sys/class/watchdog/watchdog0/state").out.strip() == "active"
    # It answers no more.
    phone.sh("systemd-run --quiet --collect sh -c 'sleep 1; echo c > /proc/sysrq-trigger'")
    begun = time.monotonic()
    assert phone.wait_for_end(PATIENCE_S) == "reset"
    sys.stderr.write(f"\nreset after {time.monotonic() - begun:.0f} s\n")
    phone.boot(600.0)
    phone.wait_until_up(600.0)
    VmPhone(phone).wait_for(lambda status: bool(status["accounts"][0]["registered"]), "registration", PATIENCE_S)
    assert exchange.registrar.contacts("1001")
