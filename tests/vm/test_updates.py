"""Updates of the virtual phone: a good one is committed, a bad one falls back by itself and says why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from imagebuild.facts import ImageFacts
from imagebuild.guest import Guest
from imagebuild.image import BUILD, VirtualImage
from imagebuild.layout import Scheme
from imagebuild.stopwatch import Stopwatch
from offhook.device.slots import Choice, choice_in, file_names
from tests.support.vm_updates import VARIANTS, UpdateShop

pytestmark = [pytest.mark.vm, pytest.mark.long]

# The unit itself, with what it may and may not do; only where the bundle comes from is another.
DROP_IN = "/run/systemd/system/offhook-update.service.d"
BY_HAND = r"[Service]\nExecStart=\nExecStart=/usr/bin/offhook update --from %s\n"

# All that the host does beside it counts too: these are bounds, not figures.
BOOT_S, INSTALL_S, TRIAL_S = 900.0, 1800.0, 1200.0


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


class Device:
    """A virtual phone with the stick in it."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def start(self) -> None:
        """Start as the boot firmware would, until the phone answers."""
        self.guest.boot(BOOT_S)
        self.guest.wait_until_up(BOOT_S)

    def set_up(self) -> None:
        """Let the phone come up with its card; the stick is mounted."""
        self.guest.wait_until(lambda: self.status()["audio"]["state"] in ("open", "closed"), "card", 300, 2)  # type: ignore[index,call-overload]
        self.guest.sh("mkdir -p /run/stick && mount -o ro /dev/vdb /run/stick")

    def update(self, name: str) -> None:
        """Install a variant; return when the machine has restarted into it, as far as its kernel."""
        self.guest.sh(f"mkdir -p {DROP_IN} && printf '{BY_HAND}' /run/stick/{name}.raucb > {DROP_IN}/by-hand.conf")
        self.guest.sh("systemctl daemon-reload && systemctl start --no-block offhook-update.service")
        assert self.guest.wait_for_end(INSTALL_S) == "reset"
        assert self.choice().primary == "a", "armed is not committed"
        self.guest.boot(BOOT_S, wait=False)
        assert self.guest.choice is not None
        assert self.guest.choice.tryboot
        assert "offhook.slot=b" in self.guest.choice.cmdline

    def choice(self) -> Choice:
        """What the boot firmware would start; the machine is off."""
        fat, scheme = self.guest.fat(), self.guest.facts.scheme
        return choice_in(scheme, {name: fat.read(1, name) or b"" for name in file_names(scheme)})

    def status(self) -> dict[str, object]:
        """The phone's status object."""
        done = self.guest.sh("offhook status --json", check=False)
        found: dict[str, object] = json.loads(done.out) if done.status == 0 else {"audio": {"state": ""}}
        return found

    def record(self) -> dict[str, object]:
        """What root remembers of the update; no phase while the data partition is not mounted yet."""
        done = self.guest.sh("cat /var/lib/offhook-device/update.json", check=False)
        found: dict[str, object] = json.loads(done.out) if done.status == 0 else {"phase": ""}
        return found

    def wait_for_phase(self, phase: str) -> dict[str, object]:
        """Wait until the update's phase is this; return the record."""
        self.guest.wait_until(lambda: self.record()["phase"] == phase, f"phase {phase}", TRIAL_S, 3)
        return self.record()

    def falls_back(self) -> dict[str, object]:
        """Wait for the end of a trial by itself; start what the firmware starts then, and return the record."""
        assert self.guest.wait_for_end(TRIAL_S) == "reset"
        assert self.choice() == Choice("a", "b")
        self.start()
        assert self.guest.choice is not None
        assert "offhook.slot=a" in self.guest.choice.cmdline
        record = self.wait_for_phase("failed")
        assert record["standing"] == {"a": "good", "b": "bad"}
        assert record["armed"] is None
        shown = self.guest.sh("offhook status").out
        assert str(record["reason"])[:40] in shown, shown
        return record


@pytest.fixture
def device(shop: UpdateShop, stick: Path, tmp_path: Path) -> Iterator[Device]:
    """A phone that runs version 1.0 on slot a."""
    drive = ("-drive", f"if=none,id=stick,format=raw,readonly=on,file={stick}", "-device", "virtio-blk-pci,drive=stick")
    with Guest.on_new_disk(shop.image, tmp_path, extra=drive) as guest:
        made = Device(guest)
        made.start()
        made.set_up()
        yield made


def test_a_good_update_is_committed_and_stays(device: Device) -> None:
    device.update("good")
    device.guest.wait_for_agent(BOOT_S)
    record = device.wait_for_phase("committed")
    assert (record["slot"], record["version"], record["stage"]) == ("b", "2.0", "steady")
    device.guest.sh("offhook status | grep 'slot b, version 2.0'")
    device.guest.reboot(timeout=BOOT_S)
    assert device.guest.choice is not None
    assert "offhook.slot=b" in device.guest.choice.cmdline
    assert not device.guest.choice.tryboot
    device.guest.cut_power()
    assert device.choice() == Choice("b", "a")


def test_an_update_that_does_not_start_falls_back(device: Device) -> None:
    device.update("no-start")
    record = device.falls_back()
    assert "did not come to user space" in str(record["reason"])


def test_an_update_that_starts_and_crashes_falls_back(device: Device) -> None:
    device.update("crash")
    record = device.falls_back()
    assert "ended without a word" in str(record["reason"])
    assert record["stage"] != ""


def test_an_update_that_cannot_open_the_card_falls_back(device: Device) -> None:
    device.update("no-card")
    record = device.falls_back()
    assert "cannot open its sound card" in str(record["reason"])
    assert record["stage"] == "sound process"


def test_an_update_whose_daemon_does_not_stay_falls_back(device: Device) -> None:
    device.update("no-daemon")
    record = device.falls_back()
    assert "does not answer at its control socket" in str(record["reason"])
    assert record["stage"] == "user space"
