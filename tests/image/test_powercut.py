"""Replayed power cuts: nothing flushed is lost, what came later may be, and the disk goes forward only."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagebuild.powercut import Cut, ReplayDisk, cuts, lost_and_kept
from imagebuild.writelog import FLUSH, FUA, SECTOR, Entry

SIZE = 8
ENTRIES = st.lists(
    st.one_of(
        st.builds(
            lambda sector, mark, count, flags: Entry(sector, bytes([mark]) * SECTOR * count, flags),
            st.integers(0, SIZE - 2),
            st.integers(1, 255),
            st.integers(1, 2),
            st.sampled_from([0, 0, 0, FUA]),
        ),
        st.just(Entry(0, b"", FLUSH)),
    ),
    max_size=12,
)


def flushed(entries: list[Entry]) -> int:
    return max((index + 1 for index, entry in enumerate(entries) if entry.flushes), default=0)


@settings(max_examples=150, deadline=None)
@given(ENTRIES, st.integers(0, 2**32))
def test_each_sector_is_the_flushed_one_or_a_later_one(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], seed: int
) -> None:
    path = tmp_path_factory.mktemp("disk") / "disk"
    path.write_bytes(bytes(SIZE * SECTOR))
    disk = ReplayDisk(path, entries)
    before = bytes(SIZE * SECTOR)
    for cut in cuts(entries, 12, seed):
        past = entries[: cut.position]
        safe = flushed(past)
        with disk.after(cut) as image:
            data = image.read_bytes()
        for sector in range(SIZE):
            place = slice(sector * SECTOR, (sector + 1) * SECTOR)
            assert before[place] == data[place] or any(sector in sectors for sectors in disk.changed)
        before = data
        for sector in range(SIZE):
            may_be, lasting = {0}, False
            for index, entry in enumerate(past):
                offset = sector - entry.sector
                if 0 <= offset < len(entry.data) // SECTOR:
                    mark = entry.data[offset * SECTOR]
                    lasting = index < safe or entry.lasting or cut.loss == "none"
                    may_be = {mark} if lasting else may_be | {mark}
            assert set(data[sector * SECTOR : (sector + 1) * SECTOR]) <= may_be
            assert len(set(data[sector * SECTOR : (sector + 1) * SECTOR])) == 1


def test_writes_are_lost_whole_or_torn_at_sectors() -> None:
    entry = Entry(4, b"".join(bytes([number]) * SECTOR for number in range(8)))
    whole = {tuple(lost_and_kept([entry], Cut(1, "writes", seed))) for seed in range(40)}
    assert whole == {(), ((4, entry.data),)}
    torn = {len(tuple(lost_and_kept([entry], Cut(1, "sectors", seed)))) for seed in range(200)}
    assert {1, 2, 3, 4, 5, 6, 7} <= torn
    assert list(lost_and_kept([entry], Cut(1, "none", 0))) == [(4, entry.data)]


def test_the_same_seed_gives_the_same_cuts_in_order() -> None:
    entries = [Entry(0, bytes(SECTOR))] * 100
    made = cuts(entries, 50, 7, first=30)
    assert made == cuts(entries, 50, 7, first=30) != cuts(entries, 50, 8, first=30)
    assert [cut.position for cut in made] == sorted(cut.position for cut in made)
    assert {cut.loss for cut in made} == {"none", "writes", "sectors"}
    assert min(cut.position for cut in made) >= 30


def test_what_one_cut_kept_is_not_there_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(2 * SECTOR))
    disk = ReplayDisk(path, [Entry(0, b"a" * SECTOR), Entry(0, b"b" * SECTOR), Entry(1, b"c" * SECTOR)])
    with disk.after(Cut(3, "none", 0)) as image:
        assert image.read_bytes() == b"b" * SECTOR + b"c" * SECTOR
    with disk.after(Cut(0, "none", 0)) as image:
        assert image.read_bytes() == bytes(2 * SECTOR)
