"""The virtual phone for tests, `./dev vm`: booted once; what it then is, is kept, and most tests go on from there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagebuild.guest import Guest
from tests.support.netns import require_network
from tests.support.pulse_server import PulseServer
from tests.support.tap_network import TapNetwork
from tests.support.virtual_hands import VirtualHands
from tests.support.vm_exchange import VmExchange, settings

IMAGE_VARIABLE = "OFFHOOK_VM_IMAGE"
SAVED = "ready"
REGISTERED = "registered"
CARD = "/boot/firmware/offhook.yaml"


@pytest.fixture(scope="session")
def image() -> Path:
    """The folder of the image, which was built outside of the tests' network."""
    require_network()
    folder = os.environ.get(IMAGE_VARIABLE)
    if folder is None:
        pytest.skip("needs the virtual phone's image: ./dev vm")
    assert (Path(folder) / "image.json").exists(), f"no image in {folder}: see what ./dev image says"
    return Path(folder)


@pytest.fixture(scope="session")
def pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    """What the sound cards are wired to."""
    with PulseServer(tmp_path_factory.mktemp("pulse")) as server:
        yield server


@pytest.fixture(scope="session")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TapNetwork]:
    """The cable to the virtual phone: here 10.78.0.1, there 10.78.0.2."""
    require_network()
    with TapNetwork(tmp_path_factory.mktemp("tap")) as network:
        yield network


@pytest.fixture(scope="session")
def booted(
    image: Path, pulse: PulseServer, tap: TapNetwork, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guest]:
    """A phone that was started once and kept as it was then; it is off. Clone it, or use ``phone``."""
    folder = tmp_path_factory.mktemp("vm")
    with Guest.on_new_disk(image, folder, tap=tap.device, pulse=pulse.socket, usb_card=False) as guest:
        guest.boot()
        guest.wait_until_up()
        guest.save(SAVED)
        guest.cut_power()
        yield guest


@pytest.fixture(scope="session")
def exchange(tap: TapNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VmExchange]:
    """The phone's exchange, at the other end of the cable."""
    with VmExchange(tmp_path_factory.mktemp("exchange"), tap) as made:
        yield made


@pytest.fixture(scope="session")
def registered(booted: Guest, exchange: VmExchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """That phone after settings were put on its card, applied as at a start, and its account was registered; off."""
    with booted.clone(tmp_path_factory.mktemp("registered")) as guest:
        guest.load(SAVED)
        put_card(guest, settings(exchange.address))
        guest.sh("systemctl start offhook-firstboot.service && systemctl restart offhook.service", 300)
        exchange.wait_for_phone(guest)
        guest.save(REGISTERED)
        guest.cut_power()
        yield guest


def put_card(guest: Guest, text: str) -> None:
    """Write ``offhook.yaml`` on the card of a running phone; it counts from the next start, or of first boot's unit."""
    guest.sh("mount -o remount,rw /boot/firmware")
    guest.put(CARD, text)
    guest.sh("sync && mount -o remount,ro /boot/firmware")


@contextmanager
def going_on(guest: Guest, folder: Path, saved: str) -> Iterator[Guest]:
    """A phone that goes on from what was saved, with its USB card plugged in; its disk is thrown away afterwards."""
    with guest.clone(folder) as clone:
        clone.load(saved)
        clone.plug_usb_card()
        clone.wait_until(lambda: clone.sh("test -e /proc/asound/Audio", check=False).status == 0, "USB card")
        yield clone


@pytest.fixture
def phone(booted: Guest, tmp_path: Path) -> Iterator[Guest]:
    """A running phone, fresh for this test."""
    with going_on(booted, tmp_path / "vm", SAVED) as guest:
        yield guest


@pytest.fixture
def hands(phone: Guest) -> VirtualHands:
    """Hands on that phone."""
    return VirtualHands(phone)
