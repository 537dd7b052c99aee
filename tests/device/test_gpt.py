"""The data partition grows; at every cut of power the table is whole, with the old end or the new one."""

import json
import os
import random
import subprocess
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imagebuild.layout import SCHEMES, DiskLayout, Scheme
from offhook.device.datagrowth import WholeDisk, grow_data, grow_file_system, grow_table
from offhook.device.gpt import SPARE, USUAL, Table, grow, places, plan, read_table
from offhook.errors import DeviceError
from tests.support.cut_disk import PowerCut

SECTOR = 512
NAMES = ("bootcfg", "root_a", "root_b", "data")
OLD_SECTORS, NEW_SECTORS = 100 * 2048, 400 * 2048


@dataclass
class CutTable:
    """A disk that loses power; each sector that was not flushed is the old or the new one by itself."""

    sectors: int
    now: dict[int, bytes] = field(default_factory=dict)
    durable: dict[int, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    operations: int = 0

    def read(self, sector: int, count: int) -> bytes:
        return b"".join(self.now.get(number, bytes(SECTOR)) for number in range(sector, sector + count))

    def write(self, sector: int, data: bytes) -> None:
        self._count()
        for offset in range(0, len(data), SECTOR):
            self.now[sector + offset // SECTOR] = data[offset : offset + SECTOR]

    def flush(self) -> None:
        self._count()
        self.durable = dict(self.now)

    def outcomes(self, rng: random.Random) -> Iterator["CutTable"]:
        """Disks as they may be found when power is back."""
        changed = [number for number, data in self.now.items() if self.durable.get(number, bytes(SECTOR)) != data]
        choices = {(True,) * len(changed), (False,) * len(changed)}
        choices |= {tuple(rng.random() < 0.5 for _ in changed) for _ in range(32)}
        for choice in sorted(choices):
            found = dict(self.durable)
            found |= {number: self.now[number] for number, kept in zip(changed, choice, strict=True) if kept}
            yield CutTable(self.sectors, dict(found), dict(found))

    def _count(self) -> None:
        if self.operations == self.cut_after:
            raise PowerCut
        self.operations += 1


def entry(name: str, start: int, last: int) -> bytes:
    kind, own = (
        uuid.UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4").bytes_le,
        uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes_le,
    )
    words = kind + own + start.to_bytes(8, "little") + last.to_bytes(8, "little") + bytes(8)
    return words + name.encode("utf-16-le").ljust(72, b"\0")


def table(names: tuple[str, ...] = NAMES, first: int = 2048) -> Table:
    size = 20 * 2048
    entries = b"".join(entry(name, first + size * at, first + size * (at + 1) - 1) for at, name in enumerate(names))
    return Table(
        b"\0\0\1\0", 92, 1, OLD_SECTORS - 1, 34, OLD_SECTORS - 34, bytes(16), 2, 128, 128, entries.ljust(16384, b"\0")
    )


def disk(sectors: int = NEW_SECTORS, made: Table | None = None) -> CutTable:
    """A disk whose table was made for a smaller one."""
    found, made = CutTable(sectors), made or table()
    found.write(1, made.header())
    found.write(2, made.entries)
    found.flush()
    found.operations = 0
    return found


def run(on: CutTable) -> bool:
    """Do what a start does; return whether anything was to be done."""
    found = read_table(on)
    growth = plan(found, on.sectors, "data")
    if growth is not None:
        grow(on, found, growth)
    return growth is not None


def test_the_partition_takes_all_that_the_disk_has_and_the_others_stay() -> None:
    grown = disk()
    assert run(grown)
    found = places(read_table(grown))
    assert found[:-1] == places(table())[:-1]
    assert found[-1].last == NEW_SECTORS - 2048 - 1
    assert not run(grown)


def test_the_second_table_says_the_same_from_the_end_of_the_disk() -> None:
    grown = disk()
    run(grown)
    first, second = read_table(grown), read_table(grown, NEW_SECTORS - 1)
    assert (first.at, first.other, first.list_at) == (1, NEW_SECTORS - 1, USUAL)
    assert (second.at, second.other, second.list_at) == (NEW_SECTORS - 1, 1, NEW_SECTORS - 33)
    assert first.entries == second.entries
    assert first.last == second.last == NEW_SECTORS - 34


def test_at_every_cut_the_table_is_whole_and_the_next_start_ends_it() -> None:
    rng = random.Random(6)
    whole, old, ends, lists = disk(), places(table()), set(), set()
    run(whole)
    for cut in range(whole.operations + 1):
        cut_disk = disk()
        cut_disk.cut_after = cut
        try:
            run(cut_disk)
        except PowerCut:
            assert cut < whole.operations
        for found in cut_disk.outcomes(rng):
            seen = read_table(found)  # as Linux does: without its first table it finds no partition
            ends.add(places(seen)[-1].last)
            lists.add(seen.list_at)
            assert places(seen)[:-1] == old[:-1]
            # A firmware that knows the usual place only, and no checksums, finds its partitions too.
            at_usual = Table(b"", 92, 1, 0, 0, 0, b"", 2, 128, 128, found.read(2, 32))
            assert places(at_usual)[:-1] == old[:-1]
            again = found
            run(again)
            assert again.now.items() >= {1: whole.now[1]}.items()
            assert again.read(2, 32) == whole.read(2, 32)
            assert read_table(again, NEW_SECTORS - 1).entries == read_table(again).entries
            assert not run(again)
    assert ends == {old[-1].last, NEW_SECTORS - 2048 - 1}
    assert lists == {USUAL, SPARE}


def test_the_same_cuts_catch_a_writer_that_changes_the_list_where_it_lies() -> None:
    careless = disk()
    new = read_table(careless).with_end(4, NEW_SECTORS - 2049)
    careless.write(2, new.entries)
    careless.write(1, new.header())
    torn = 0
    for found in careless.outcomes(random.Random(7)):
        try:
            read_table(found)
        except DeviceError:
            torn += 1
    assert torn


def test_a_card_without_room_is_left_alone() -> None:
    made = disk(sectors=OLD_SECTORS)
    run(made)
    for sectors in (OLD_SECTORS, OLD_SECTORS + 10 * 2048):
        same = CutTable(sectors, dict(made.now), dict(made.now))
        assert not run(same)
        assert same.operations == 0


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (table(("data", "root_a")), "partition data is not the last on the disk, so it cannot grow: root_a is"),
        (table(("root_a",)), "there is no partition named data"),
        (table(first=40), "begins too early"),
    ],
)
def test_what_cannot_grow_is_told_and_nothing_is_changed(made: Table, says: str) -> None:
    refused = disk(made=made)
    with pytest.raises(DeviceError, match=says):
        run(refused)
    assert refused.operations == 0


def test_a_table_that_is_not_whole_is_not_touched() -> None:
    for sector in (1, 2):
        for byte in (0, 20, 88, 500):
            broken = disk()
            data = bytearray(broken.now[sector])
            data[byte] ^= 1
            broken.now[sector] = bytes(data)
            if sector == 1 and byte == 500:  # behind the header: nobody's
                assert run(broken)
                continue
            with pytest.raises(DeviceError, match="nothing is changed"):
                run(broken)
            assert broken.operations == 0


def test_a_list_beyond_the_disk_is_a_fault_in_one_line() -> None:
    wild = table()
    header = bytearray(wild.header())
    header[72:80] = (2**63).to_bytes(8, "little")
    header[16:20] = bytes(4)
    header[16:20] = zlib.crc32(bytes(header[:92])).to_bytes(4, "little")
    lost = disk()
    lost.now[1] = bytes(header)
    with pytest.raises(DeviceError, match="beyond the end"):
        run(lost)


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
        with WholeDisk(path) as disk:
            place = grow_table(disk, lines.append)
        return place.last - place.start + 1

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
        grow_table(disk, print)
    with WholeDisk(tmp_path / "short") as disk, pytest.raises(DeviceError, match="reads it at the next start"):
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


def test_the_kernel_is_told_of_the_partition_that_has_grown(tmp_path: Path) -> None:
    data, lines = places(table())[-1], list[str]()
    sysfs = on_a_file(tmp_path, data.number, data.start)
    with pytest.raises(DeviceError, match="the kernel does not take the new length of partition data"):  # a file's
        grow_data(tmp_path, lines.append, sysfs=sysfs, devices=tmp_path)
    assert lines == ["partition data: 20 MiB become 338"]
