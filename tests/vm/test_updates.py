"""Updates of the virtual phone: a good one is committed, a bad one falls back by itself and says why."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from imagebuild.facts import ImageFacts
from imagebuild.guest import Guest
from imagebuild.image import BUILD, VirtualImage
from imagebuild.layout import Scheme
from imagebuild.stopwatch import Stopwatch
from offhook.device.boot.slots import Choice
from tests.support.vm_updated import BOOT_S, UpdatedPhone
from tests.support.vm_updates import VARIANTS, UpdateShop

pytestmark = [pytest.mark.vm, pytest.mark.long]


@pytest.fixture(scope="module", params=get_args(Scheme))
def shop(request: pytest.FixtureRequest, image: Path, tmp_path_factory: pytest.TempPathFactory) -> UpdateShop:
    """Bundles of the image of each scheme; the second is made of what the first left in the cache."""
    facts = ImageFacts.read(image)
    if request.param != facts.scheme:
        package = BUILD / "deb" / facts.package
        other = VirtualImage(facts.arch, request.param, package, Stopwatch())
        other.build()
        image = other.folder
    return UpdateShop(image, tmp_path_factory.mktemp("updates"))


@pytest.fixture(scope="module")
def stick(shop: UpdateShop) -> Path:
    """All variants."""
    return shop.stick(*(shop.bundle(name) for name in VARIANTS))


@pytest.fixture
def device(shop: UpdateShop, stick: Path, tmp_path: Path) -> Iterator[UpdatedPhone]:
    """A phone that runs version 1.0 on slot a."""
    drive = ("-drive", f"if=none,id=stick,format=raw,readonly=on,file={stick}", "-device", "virtio-blk-pci,drive=stick")
    with Guest.on_new_disk(shop.image, tmp_path, extra=drive) as guest:
        made = UpdatedPhone(guest)
        made.start()
        made.have_card()
        guest.sh("mkdir -p /run/stick && mount -o ro /dev/vdb /run/stick")
        yield made


def test_a_good_update_is_committed_and_stays(device: UpdatedPhone) -> None:
    device.update("good")
    device.commits("2.0")
    device.guest.sh("offhook status | grep 'slot b, version 2.0'")
    device.guest.reboot(timeout=BOOT_S)
    assert device.guest.choice is not None
    assert "offhook.slot=b" in device.guest.choice.cmdline
    assert not device.guest.choice.tryboot
    device.guest.cut_power()
    assert device.choice() == Choice("b", "a")


def test_an_update_that_does_not_start_falls_back(device: UpdatedPhone) -> None:
    device.update("no-start")
    record = device.falls_back()
    assert "did not come as far as its health check" in str(record["reason"])


def test_an_update_that_starts_and_crashes_falls_back(device: UpdatedPhone) -> None:
    device.update("crash")
    record = device.falls_back()
    assert "ended without a word" in str(record["reason"])
    assert record["stage"] != ""


def test_an_update_that_cannot_open_the_card_falls_back(device: UpdatedPhone) -> None:
    device.update("no-card")
    record = device.falls_back()
    assert "cannot open its sound card" in str(record["reason"])
    assert record["stage"] == "sound process"


def test_an_update_whose_daemon_does_not_stay_falls_back(device: UpdatedPhone) -> None:
    device.update("no-daemon")
    record = device.falls_back()
    assert "does not answer at its control socket" in str(record["reason"])
    assert record["stage"] == "user space"


def test_an_update_that_nobody_judges_is_ended_by_the_guard(device: UpdatedPhone) -> None:
    device.update("unjudged")
    record = device.falls_back()
    assert "did not come as far as its health check" in str(record["reason"])
