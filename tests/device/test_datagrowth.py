"""The data partition takes the card's room: the kernel is told first, and goes on with what the table says."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imagebuild.layout import SCHEMES, DiskLayout, Scheme
from offhook.device.data.datagrowth import WholeDisk, grow_data, grow_file_system, grow_partition
from offhook.device.data.gpt import Place, places, read_table
from offhook.errors import DeviceError
from tests.support.cut_table import SECTOR, CutTable, disk, table


class WholeFile(WholeDisk):
    """A disk in a file, of which no kernel knows."""

    def tell_kernel(self, place: Place) -> None:
        return


@pytest.mark.peer
@pytest.mark.parametrize("scheme", SCHEMES)
def test_sfdisk_finds_the_grown_table_of_a_real_image_whole(scheme: Scheme, tmp_path: Path) -> None:
    layout = DiskLayout.of(scheme, root=64, data=32)
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(layout.size)
    subprocess.run(["sfdisk", "-q", path], input=layout.sfdisk_script(), text=True, check=True)

    def shown() -> list[dict[str, object]]:
        said = subprocess.run(["sfdisk", "--json", path], capture_output=True, check=True).stdout
        found: list[dict[str, object]] = json.loads(said)["partitiontable"]["partitions"]
        return found

    before, lines = shown(), list[str]()

    def grown() -> int:
        with WholeFile(path) as disk:
            return grow_partition(disk, 0, lines.append).sectors

    assert grown() == before[-1]["size"]
    assert lines == []
    with path.open("r+b") as file:
        file.truncate(2**30)
        mbr = file.read(SECTOR)
    sectors = grown()
    assert lines == [f"partition data: 32 MiB become {sectors // 2048}"]
    after = shown()
    assert after[:-1] == before[:-1]
    assert after[-1] == {**before[-1], "size": sectors}
    assert path.read_bytes()[:SECTOR] == mbr
    verdict = subprocess.run(["sfdisk", "--verify", path], capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stderr
    assert "backup GPT" not in verdict.stderr
    assert "corrupt" not in verdict.stderr
    assert grown() == sectors
    assert len(lines) == 1


def test_a_disk_that_cannot_be_opened_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="nothing is changed"):
        WholeDisk(tmp_path / "none")
    (tmp_path / "short").write_bytes(bytes(SECTOR))
    with WholeDisk(tmp_path / "short") as disk, pytest.raises(DeviceError, match="beyond the end"):
        grow_partition(disk, 0, print)
    with WholeDisk(tmp_path / "short") as disk, pytest.raises(DeviceError, match="tried again at the next start"):
        disk.tell_kernel(places(table())[-1])  # no block device
    with pytest.raises(DeviceError, match="does not grow"):
        grow_file_system(tmp_path / "none", 2**20)


def test_a_folder_that_is_no_partition_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="is no partition that is mounted"):
        grow_data(tmp_path, print, sysfs=tmp_path)
    with pytest.raises(DeviceError, match="is no partition that is mounted"):
        grow_data(tmp_path / "none", print)


def on_a_file(tmp_path: Path, number: int, start: int) -> Path:
    """A disk in a file, and what the kernel says of the partition that ``tmp_path`` lies on; return sysfs."""
    made = disk()
    with (tmp_path / "disk").open("wb") as file:
        file.truncate(made.sectors * SECTOR)
        for sector, data in made.now.items():
            file.seek(sector * SECTOR)
            file.write(data)
    own = tmp_path.stat().st_dev
    folder = tmp_path / "sys" / "disk" / "part"
    folder.mkdir(parents=True)
    for name, value in (("partition", number), ("start", start), ("size", 20 * 2048)):
        (folder / name).write_text(f"{value}\n")
    (tmp_path / "sys" / f"{os.major(own)}:{os.minor(own)}").symlink_to(folder)
    return tmp_path / "sys"


def test_a_partition_that_is_not_the_one_of_the_table_is_not_grown(tmp_path: Path) -> None:
    data = places(table())[-1]
    sysfs = on_a_file(tmp_path, data.number - 1, data.start)
    before = (tmp_path / "disk").read_bytes()
    with pytest.raises(DeviceError, match="is not the one named data: nothing is changed"):
        grow_data(tmp_path, print, sysfs=sysfs, devices=tmp_path)
    assert (tmp_path / "disk").read_bytes() == before


def test_a_kernel_that_takes_no_new_length_leaves_the_table_as_it_is(tmp_path: Path) -> None:
    data, lines = places(table())[-1], list[str]()
    sysfs = on_a_file(tmp_path, data.number, data.start)
    before = (tmp_path / "disk").read_bytes()
    with pytest.raises(DeviceError, match="the kernel does not take the new length of partition data"):  # a file's
        grow_data(tmp_path, lines.append, sysfs=sysfs, devices=tmp_path)
    assert (tmp_path / "disk").read_bytes() == before
    assert lines == []


@dataclass
class DiskInUse(CutTable):
    """A disk whose kernel notes what it is told; ``fails_at``: the first operation that the card refuses."""

    told: list[int] = field(default_factory=list)
    fails_at: int | None = None

    def tell_kernel(self, place: Place) -> None:
        self.told.append(place.sectors)

    def _count(self) -> None:
        if self.fails_at is not None and self.operations >= self.fails_at:
            raise DeviceError("the partition table cannot be written")
        super()._count()


def in_use() -> DiskInUse:
    made = disk()
    return DiskInUse(made.sectors, dict(made.now), dict(made.durable))


def test_the_kernel_is_told_before_the_table_says_it_and_once_only() -> None:
    known, lines = places(table())[-1].sectors, list[str]()
    growing = in_use()
    growing.fails_at = 0
    with pytest.raises(DeviceError, match="cannot be written"):
        grow_partition(growing, known, lines.append)
    assert growing.told[0] > known
    assert lines == []
    growing = in_use()
    grown = grow_partition(growing, known, lines.append)
    assert growing.told == [grown.sectors]
    assert lines == ["partition data: 20 MiB become 338"]
    assert grow_partition(growing, grown.sectors, lines.append) == grown
    assert len(growing.told) == len(lines) == 1


def test_where_the_card_refuses_the_table_the_kernel_goes_on_with_what_the_table_says() -> None:
    known = places(table())[-1].sectors
    whole = in_use()
    grown, ends = grow_partition(whole, known, print), set[int]()
    for fails_at in range(whole.operations):
        growing = in_use()
        growing.fails_at = fails_at
        with pytest.raises(DeviceError, match="cannot be written"):
            grow_partition(growing, known, print)
        assert growing.told[-1] == places(read_table(growing))[-1].sectors
        ends.add(growing.told[-1])
    assert ends == {known, grown.sectors}
