"""The board's overlays in config.txt: written once, carried on, and never at the cost of what stands above them."""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from offhook.config.boottext import MARK, overlays_of
from offhook.device.boot.bootpartition import BootPartition
from offhook.device.boot.bootstate import BootState
from offhook.device.boot.overlaylines import boot_texts, put_overlays, settle
from offhook.errors import DeviceError
from tests.support.boot_files import read
from tests.support.cut_card import CutCard, Power
from tests.support.cut_disk import CutDisk, PowerCut

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "image-build/rpi/boot/partition/config.txt").read_bytes()
HAT = ("wm8960-soundcard",)


def board(*overlays: str) -> CutDisk:
    """Root's state after first boot wrote a board with these overlays."""
    return CutDisk(files={"overlays": "".join(f"{each}\n" for each in overlays).encode()})


def text(folder: Path, name: str = "config.txt") -> str:
    return (folder / name).read_text()


def test_a_boot_file_says_which_overlays_its_board_needs() -> None:
    assert read("country: NO\nboard: wm8960-hat-4x4\n").overlays == HAT
    assert read("country: NO\nboard: usb-handset-4x3\n").overlays == ()


def test_a_hat_is_switched_on_once_and_the_machine_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_bytes(SHIPPED)
    state = board(*HAT)
    assert settle(state, None, tmp_path)
    assert text(tmp_path).startswith(SHIPPED.decode().rstrip())
    assert overlays_of(text(tmp_path)) == HAT
    assert not settle(state, None, tmp_path)


def test_a_board_without_overlays_leaves_the_file_and_takes_back_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_bytes(SHIPPED)
    assert not settle(board(), None, tmp_path)
    assert (tmp_path / "config.txt").read_bytes() == SHIPPED
    settle(board(*HAT), None, tmp_path)
    size = (tmp_path / "config.txt").stat().st_size
    assert settle(board(), None, tmp_path)
    assert overlays_of(text(tmp_path)) == ()
    assert (tmp_path / "config.txt").stat().st_size == size  # never cut short


def test_without_a_board_from_the_boot_file_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_bytes(SHIPPED)
    assert not settle(CutDisk(), None, tmp_path)
    assert (tmp_path / "config.txt").read_bytes() == SHIPPED


def test_where_there_is_no_such_file_none_is_made(tmp_path: Path) -> None:
    assert not settle(board(*HAT), None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_both_slots_of_a_pi_3_share_phone_txt(tmp_path: Path) -> None:
    (tmp_path / "phone.txt").write_text("arm_64bit=1\n")
    (tmp_path / "config.txt").write_text("os_prefix=a/\ninclude phone.txt\n")
    assert settle(board(*HAT), BootState("a", "prefix", False), tmp_path)
    assert overlays_of(text(tmp_path, "phone.txt")) == HAT
    assert text(tmp_path) == "os_prefix=a/\ninclude phone.txt\n"


def test_the_slots_of_a_pi_4_each_have_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    from offhook.device.boot import mounts

    for slot in "ab":
        (tmp_path / f"boot_{slot}").mkdir()
        (tmp_path / f"boot_{slot}" / "config.txt").write_bytes(SHIPPED)
    monkeypatch.setattr(mounts, "BY_NAME", tmp_path)
    monkeypatch.setattr(mounts, "mounted", lambda device, *, read_only: nullcontext(device))
    assert settle(board(*HAT), BootState("b", "partition", False), tmp_path)
    assert [overlays_of(text(tmp_path / f"boot_{slot}")) for slot in "ab"] == [HAT, HAT]


def test_partitions_that_are_missing_are_told(tmp_path: Path) -> None:
    context = boot_texts(BootState("a", "partition", False), tmp_path)
    if Path("/dev/disk/by-partlabel/boot_a").exists():
        pytest.skip("this machine is a phone")
    with pytest.raises(DeviceError, match="overlays cannot be written"), context:
        pass


@pytest.mark.parametrize("before", [SHIPPED, b"x=1\n" * 200, b""], ids=["shipped", "long", "empty"])
@pytest.mark.parametrize("written", [(), ("iqaudio-codec", "a" * 80, "b" * 80)])
def test_a_power_cut_never_costs_what_stands_above(before: bytes, written: tuple[str, ...]) -> None:
    card = CutCard.holding({"config.txt": before}, Power())
    put_overlays(card, "config.txt", written)
    files = dict(card.files)
    done = CutCard.holding(files, Power())
    put_overlays(done, "config.txt", HAT)
    for cut in range(done.power.operations + 1):
        card = CutCard.holding(files, Power(cut))
        with suppress(PowerCut):
            put_overlays(card, "config.txt", HAT)
        for found in card.outcomes(random.Random(1)):
            assert found["config.txt"].startswith(before.rstrip())
            again = CutCard.holding(found, Power())
            put_overlays(again, "config.txt", HAT)
            last = again.files["config.txt"].decode()
            assert last.startswith(before.decode().rstrip())
            assert overlays_of(last) == HAT
            assert "\0" not in last
            assert not put_overlays(again, "config.txt", HAT)


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_bytes(b"a=1\r\nb=2\r\n")
    assert put_overlays(BootPartition(tmp_path), "config.txt", HAT)
    data = (tmp_path / "config.txt").read_bytes()
    assert data == b"a=1\r\nb=2\r\n" + f"{MARK}\r\n[all]\r\ndtoverlay=wm8960-soundcard\r\n".encode()
