"""The data partition: made anew where nothing can mend it, and as large as the card."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagebuild.command import run
from imagebuild.guest import Guest
from imagebuild.layout import MIB
from offhook.device.card.notes import APPLIED, ERRORS
from offhook.device.data.remade import DATA, NAME
from tests.support.tap_network import TapNetwork
from tests.support.vm_exchange import PASSWORD, VmExchange, settings
from tests.support.vm_phone import VmPhone
from tests.support.vm_updated import BOOT_S
from tests.vm.conftest import put_card

pytestmark = [pytest.mark.vm, pytest.mark.long]

MORE_MIB = 1024
GROWN = f"test $(stat -f -c '%b * %S' {DATA} | xargs expr) -gt {MORE_MIB * MIB}"


def wait_for_growth(guest: Guest) -> None:
    guest.wait_until(lambda: guest.sh(GROWN, check=False).status == 0, f"{MORE_MIB} MiB in {DATA}", BOOT_S, 2)
    grown = "systemctl show -p ActiveState -p Result offhook-data-grow.service"
    guest.wait_until(lambda: "ActiveState=inactive" in guest.sh(grown).out, "end of the growth", BOOT_S, 2)
    assert "Result=success" in guest.sh(grown).out


@pytest.fixture(scope="module")
def revived(image: Path, tap: TapNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A phone on a larger card, whose settings were applied once, started after its data partition lost everything."""
    with Guest.on_new_disk(image, tmp_path_factory.mktemp("data"), tap=tap.device) as guest:
        data = guest.facts.layout.named("data")
        run(["qemu-img", "resize", "-q", guest.machine.disk, f"+{MORE_MIB}M"])
        run(["qemu-io", "-f", "qcow2", "-c", f"write -z {data.offset} {data.length}", guest.machine.disk])
        guest.fat().write("bootcfg", "offhook.yaml", settings().replace(PASSWORD, "<stored>").encode())
        guest.boot(BOOT_S)
        guest.wait_until_up(BOOT_S)
        yield guest


def test_a_phone_whose_data_cannot_be_mended_comes_up_and_says_what_was_lost(revived: Guest) -> None:
    assert revived.sh("systemctl --failed --plain --no-legend").out == ""
    reason = json.loads(revived.sh(f"cat {DATA}/{NAME}").out)["reason"]
    assert "Bad magic number in super-block" in reason
    assert revived.sh("e2label /dev/disk/by-partlabel/data").out == "data\n"
    note = revived.sh(f"cat /boot/firmware/{ERRORS}").out
    assert note.startswith("The phone could not read its own memory any more, and made it anew.")
    assert reason in note
    assert "this phone keeps none: write it again" in note
    revived.sh(
        "journalctl -b -u offhook-data-check.service --no-pager | grep -F 'is made anew, all that it kept is gone'"
    )
    revived.wait_until(lambda: revived.sh("offhook status", check=False).status == 0, "phone", BOOT_S, 2)
    assert f"all that was kept was lost once: {reason}" in revived.sh("offhook status").out
    revived.sh("touch /var/lib/offhook-device/probe && rm /var/lib/offhook-device/probe")


def test_the_partition_grows_to_the_card_once_the_phone_is_up(revived: Guest) -> None:
    wait_for_growth(revived)
    before = revived.facts.layout.named("data").size
    revived.sh(f"journalctl -b -u offhook-data-grow.service --no-pager | grep 'partition data: {before} MiB become'")


def test_a_new_file_brings_the_phone_back_and_the_next_start_has_all_of_it(
    revived: Guest, exchange: VmExchange
) -> None:
    wait_for_growth(revived)
    put_card(revived, settings(exchange.address))
    revived.sh("systemctl start offhook-firstboot.service && systemctl restart offhook.service", 300)
    phone = VmPhone(revived)
    phone.wait_for(lambda status: bool(status["accounts"][0]["registered"]), "registration", BOOT_S)
    assert revived.sh(f"test -e /boot/firmware/{ERRORS}", check=False).status != 0
    assert "made it anew" in revived.sh(f"cat /boot/firmware/{APPLIED}").out

    revived.reboot(timeout=BOOT_S)
    assert revived.wait_until_up(BOOT_S) == "running"
    revived.sh(GROWN)
    wait_for_growth(revived)
    VmPhone(revived).wait_for(lambda status: bool(status["accounts"][0]["registered"]), "registration", BOOT_S)
    made = "journalctl -b -u offhook-data-check.service --no-pager | grep -F 'made anew'"
    assert revived.sh(made, check=False).status != 0
