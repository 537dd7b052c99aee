"""The FAT partition: a slot file changes by one sector, and at every cut of power is the old one or the new one."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offhook.device.boot.bootpartition import BootPartition, CardError, boot_files, write_sector
from offhook.device.boot.slots import AUTOBOOT, LENGTH, autoboot_text, files_for, read_autoboot
from tests.support.cut_card import CutCard, Power
from tests.support.cut_disk import PowerCut

OLD, NEW = autoboot_text("a"), autoboot_text("b")
RNG = random.Random(5)
Writer = Callable[[CutCard, bytes], None]


def good(disk: CutCard, data: bytes) -> None:
    write_sector(disk, AUTOBOOT, data)


def careless(disk: CutCard, data: bytes) -> None:
    """What ``open(name, "wb")`` does."""
    disk.write(AUTOBOOT, data)
    disk.sync(AUTOBOOT)


def findings(writer: Writer, old: bytes, new: bytes) -> list[bytes | None]:
    """Return what is found after every cut."""
    whole = CutCard.holding({AUTOBOOT: old})
    writer(whole, new)
    found: list[bytes | None] = []
    for cut in range(whole.power.operations + 1):
        disk = CutCard.holding({AUTOBOOT: old}, Power(cut))
        try:
            writer(disk, new)
        except PowerCut:
            pass
        else:
            assert cut == whole.power.operations
        found += [outcome.get(AUTOBOOT) for outcome in disk.outcomes(RNG)]
    return found


def text(data: bytes | None) -> bytes:
    return b"nothing" if data is None else data.rstrip(b"\n")


@pytest.mark.parametrize("old", [OLD, OLD.rstrip(b"\n") + b"\n", OLD + b"\n" * 32], ids=len)
def test_at_every_cut_the_file_is_the_old_or_the_new(old: bytes) -> None:
    found = {text(data) for data in findings(good, old, NEW)}
    assert found == {text(OLD), text(NEW)}
    for data in findings(good, old, NEW):
        assert data is not None
        assert read_autoboot(data)


def test_the_same_cuts_catch_a_careless_writer() -> None:
    assert {text(data) for data in findings(careless, OLD, NEW)} > {text(OLD), text(NEW)}


def test_a_change_that_is_done_stays_done() -> None:
    disk = CutCard.holding({AUTOBOOT: OLD})
    write_sector(disk, AUTOBOOT, NEW)
    assert disk.overwritten == [(AUTOBOOT, len(OLD), len(OLD))], "its length would change too, which is another write"
    assert [outcome[AUTOBOOT] for outcome in disk.outcomes(RNG)] == [NEW]


def test_nothing_is_written_when_nothing_changed() -> None:
    disk = CutCard.holding({AUTOBOOT: OLD})
    write_sector(disk, AUTOBOOT, OLD)
    assert disk.power.operations == 0


@given(st.text("ab=\n", max_size=LENGTH).map(str.encode), st.text("ab=\n", max_size=LENGTH).map(str.encode))
def test_any_text_takes_the_place_of_any_other(old: bytes, new: bytes) -> None:
    assume(old and len(new.rstrip(b"\n")) < len(old))
    assert {text(data) for data in findings(good, old, new)} == {text(old), text(new)}


def test_what_does_not_fit_is_refused_before_anything_is_written() -> None:
    disk = CutCard.holding({AUTOBOOT: OLD})
    with pytest.raises(CardError, match="make it shorter"):
        write_sector(disk, AUTOBOOT, b"x" * (LENGTH + 1))
    with pytest.raises(CardError, match="copy it anew"):
        write_sector(CutCard.holding({AUTOBOOT: b"x"}), AUTOBOOT, NEW)
    assert disk.power.operations == 0


def test_a_real_file_keeps_its_place_and_length(tmp_path: Path) -> None:
    card = BootPartition(tmp_path)
    file = tmp_path / AUTOBOOT
    file.write_bytes(OLD[:200])
    before, length = file.stat().st_ino, file.stat().st_size
    for slot in ("a", "b", "a"):
        write_sector(card, AUTOBOOT, files_for("partition", slot)[AUTOBOOT])  # type: ignore[arg-type]
        assert read_autoboot(file.read_bytes()).primary == slot
        assert (file.stat().st_ino, file.stat().st_size) == (before, length)


def test_a_real_file_that_is_missing_is_made(tmp_path: Path) -> None:
    write_sector(BootPartition(tmp_path), AUTOBOOT, OLD)
    assert (tmp_path / AUTOBOOT).read_bytes() == OLD


def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="check the card"):
        write_sector(BootPartition(tmp_path / "gone"), AUTOBOOT, OLD)
    (tmp_path / AUTOBOOT).write_bytes(b"x" * 513)
    with pytest.raises(CardError, match="copy it anew"):
        write_sector(BootPartition(tmp_path), AUTOBOOT, OLD)


def test_writing_over_keeps_the_file_and_what_lies_behind(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345678")
    number = (tmp_path / "a").stat().st_ino
    card = BootPartition(tmp_path)
    card.overwrite("a", b"abcd")
    card.sync("a")
    assert card.read("a") == b"abcd5678"
    assert (tmp_path / "a").stat().st_ino == number


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "offhook.yaml").symlink_to(tmp_path / "secret")
    card = BootPartition(tmp_path)
    assert boot_files(card) == []
    with pytest.raises(CardError, match="cannot be written"):
        card.overwrite("offhook.yaml", b"y")


def test_a_file_without_end_is_read_up_to_a_limit(tmp_path: Path) -> None:
    with (tmp_path / "offhook.yaml").open("wb") as file:
        file.truncate(10**9)
    data = BootPartition(tmp_path).read("offhook.yaml")
    assert data is not None
    assert len(data) < 10**6


def test_what_is_not_there_is_no_fault(tmp_path: Path) -> None:
    card = BootPartition(tmp_path / "none")
    assert (card.names(), card.read("a")) == ([], None)
    BootPartition(tmp_path).remove("a")
