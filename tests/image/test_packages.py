"""Which Debian packages a device carries."""

from pathlib import Path

import pytest

from imagebuild.errors import BuildError
from imagebuild.kernel import ModuleList
from imagebuild.packages import PackageSet


def test_the_list_is_read_and_every_kind_has_what_all_devices_have() -> None:
    packages = PackageSet.read()
    assert packages.suite.name == "trixie"
    assert {"python3", "rauc", "network-manager", "udev"} <= set(packages.of("virt")) & set(packages.of("rpi"))
    assert list(packages.of("rpi")) == sorted({*packages.device, *packages.rpi})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("suite: trixie\ndevice: []\nrpi: []\n", "suite, device, rpi and virt"),
        ("suite: trixie\ndevice: [a, a]\nrpi: []\nvirt: []\n", "twice"),
        ("suite: trixie\ndevice: [a]\nrpi: [a]\nvirt: []\n", "already"),
        ("suite: trixie\ndevice: a\nrpi: []\nvirt: []\n", "list"),
        ("suite: sarge\ndevice: []\nrpi: []\nvirt: []\n", "sarge"),
        ("[]", "suite, device, rpi and virt"),
    ],
)
def test_what_is_no_such_list_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "packages.yaml"
    file.write_text(text)
    with pytest.raises(BuildError, match=why):
        PackageSet.read(file)


def test_the_simulators_are_built_from_sources_that_are_named() -> None:
    modules = ModuleList.read()
    assert {"gpio-sim", "test_power", "ina2xx", "max17040_battery", "mac80211_hwsim"} <= set(modules.built)
    assert all(places[0].endswith(".c") for places in modules.built.values())
    assert {"virtio_blk", "ext4"} <= set(modules.initramfs)
