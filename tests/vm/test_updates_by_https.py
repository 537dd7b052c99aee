"""An update that the virtual phone finds, fetches, installs and commits by itself."""

import textwrap
from pathlib import Path

import pytest

from imagebuild.guest import Guest
from tests.support.tap_network import HOST_IP, TapNetwork
from tests.support.update_server import UpdateServer
from tests.support.vm_exchange import VmExchange, settings
from tests.support.vm_updated import BOOT_S, UpdatedPhone
from tests.support.vm_updates import VARIANTS, UpdateShop
from tests.vm.conftest import put_card

pytestmark = [pytest.mark.vm, pytest.mark.long]

UPDATE = """\
update:
  url: {url}
  window: "00:00-23:59"
  ca_file: /etc/offhook/ca.pem
certificates: |
{certificates}
"""


def test_a_version_on_a_server_is_fetched_installed_and_committed(
    image: Path, tap: TapNetwork, exchange: VmExchange, tmp_path: Path
) -> None:
    shop = UpdateShop(image, tmp_path)
    bundle = shop.bundle("good")
    with (
        UpdateServer(HOST_IP, tmp_path, tmp_path / "certificates") as server,
        Guest.on_new_disk(image, tmp_path / "vm", tap=tap.device) as guest,
    ):
        server.offer(VARIANTS["good"].version, shop.facts.compatible, bundle.name)
        phone = UpdatedPhone(guest)
        phone.start()
        phone.have_card()
        certificates = textwrap.indent(server.authority.ca_file.read_text(), "  ")
        more = UPDATE.format(url=server.url, certificates=certificates)
        put_card(guest, settings(exchange.address, more))
        guest.sh("systemctl start offhook-firstboot.service && systemctl restart offhook.service", 300)
        exchange.wait_for_phone(guest, BOOT_S)
        phone.tries()
        assert f"/{bundle.name}" in server.asked
        phone.commits("2.0")
        exchange.wait_for_phone(guest, BOOT_S)
        guest.sh("test ! -e /var/lib/offhook-device/bundle.raucb")
