"""A slot file changes by one sector: at every cut of power it is the old one or the new one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offhook.device.sectorfile import SectorDirectory, SectorError, write_sector
from offhook.device.slots import AUTOBOOT, LENGTH, autoboot_text, files_for, read_autoboot
from tests.support.cut_disk import PowerCut
from tests.support.cut_sectors import CutSectors

OLD, NEW = autoboot_text("a"), autoboot_text("b")
Writer = Callable[[CutSectors, bytes], None]


def good(disk: CutSectors, data: bytes) -> None:
    write_sector(disk, AUTOBOOT, data)


def careless(disk: CutSectors, data: bytes) -> None:
    """What ``open(name, "wb")`` does."""
    disk.truncate(AUTOBOOT)
    disk.create(AUTOBOOT, data)
    disk.sync(AUTOBOOT)


def findings(writer: Writer, old: bytes, new: bytes) -> list[bytes | None]:
    """Return what is found after every cut."""
    whole = CutSectors.holding({AUTOBOOT: old})
    writer(whole, new)
    found: list[bytes | None] = []
    for cut in range(whole.operations + 1):
        disk = CutSectors.holding({AUTOBOOT: old}, cut_after=cut)
        try:
            writer(disk, new)
        except PowerCut:
            pass
        else:
            assert cut == whole.operations
        found += [outcome.get(AUTOBOOT) for outcome in disk.outcomes()]
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
    disk = CutSectors.holding({AUTOBOOT: OLD})
    write_sector(disk, AUTOBOOT, NEW)
    assert [outcome[AUTOBOOT] for outcome in disk.outcomes()] == [NEW]


def test_nothing_is_written_when_nothing_changed() -> None:
    disk = CutSectors.holding({AUTOBOOT: OLD})
    write_sector(disk, AUTOBOOT, OLD)
    assert disk.operations == 0


@given(st.text("ab=\n", max_size=LENGTH).map(str.encode), st.text("ab=\n", max_size=LENGTH).map(str.encode))
def test_any_text_takes_the_place_of_any_other(old: bytes, new: bytes) -> None:
    assume(old and len(new.rstrip(b"\n")) < len(old))
    assert {text(data) for data in findings(good, old, new)} == {text(old), text(new)}


def test_what_does_not_fit_is_refused_before_anything_is_written() -> None:
    disk = CutSectors.holding({AUTOBOOT: OLD})
    with pytest.raises(SectorError, match="make it shorter"):
        write_sector(disk, AUTOBOOT, b"x" * (LENGTH + 1))
    with pytest.raises(SectorError, match="copy it anew"):
        write_sector(CutSectors.holding({AUTOBOOT: b"x"}), AUTOBOOT, NEW)
    assert disk.operations == 0


def test_a_real_file_keeps_its_place_and_length(tmp_path: Path) -> None:
    folder = SectorDirectory(tmp_path)
    file = tmp_path / AUTOBOOT
    file.write_bytes(OLD[:200])
    before, length = file.stat().st_ino, file.stat().st_size
    for slot in ("a", "b", "a"):
        write_sector(folder, AUTOBOOT, files_for("partition", slot)[AUTOBOOT])  # type: ignore[arg-type]
        assert read_autoboot(file.read_bytes()).primary == slot
        assert (file.stat().st_ino, file.stat().st_size) == (before, length)


def test_a_real_file_that_is_missing_is_made(tmp_path: Path) -> None:
    write_sector(SectorDirectory(tmp_path), AUTOBOOT, OLD)
    assert (tmp_path / AUTOBOOT).read_bytes() == OLD


def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SectorError, match="check the card"):
        write_sector(SectorDirectory(tmp_path / "gone"), AUTOBOOT, OLD)
    (tmp_path / AUTOBOOT).write_bytes(b"x" * 513)
    with pytest.raises(SectorError, match="copy it anew"):
        write_sector(SectorDirectory(tmp_path), AUTOBOOT, OLD)
