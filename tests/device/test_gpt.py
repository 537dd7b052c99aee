"""The table of a disk grows; at every cut of power it is whole, with the old end or the new one."""

import random
import zlib

import pytest

from offhook.device.data.gpt import SPARE, USUAL, Table, grow, places, plan, read_table
from offhook.errors import DeviceError
from tests.support.cut_disk import PowerCut
from tests.support.cut_table import NEW_SECTORS, OLD_SECTORS, CutTable, disk, table


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
