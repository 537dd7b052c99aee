"""The virtual phone for tests, `./dev vm`: booted once; what it then is, is kept, and most tests go on from there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagebuild.guest import Guest
from tests.support.netns import require_network
from tests.support.pulse_server import PulseServer
from tests.support.tap_network import TapNetwork
from tests.support.virtual_hands import VirtualHands

IMAGE_VARIABLE = "OFFHOOK_VM_IMAGE"
SAVED = "ready"


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


@pytest.fixture
def phone(booted: Guest, tmp_path: Path) -> Iterator[Guest]:
    """A running phone with its USB card plugged in, fresh for this test; its disk is thrown away afterwards."""
    with booted.clone(tmp_path / "vm") as guest:
        guest.load(SAVED)
        guest.plug_usb_card()
        guest.wait_until(lambda: guest.sh("test -e /proc/asound/Audio", check=False).status == 0, "USB card")
        yield guest


@pytest.fixture
def hands(phone: Guest) -> VirtualHands:
    """Hands on that phone."""
    return VirtualHands(phone)
