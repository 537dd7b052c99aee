"""Logs of writes: read as QEMU makes them, and refused where they are not whole."""

import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagebuild.writelog import (
    DISCARD,
    FLUSH,
    FUA,
    MARK,
    SECTOR,
    Entry,
    WriteLogError,
    acknowledgements,
    read_log,
    write_log,
)

ENTRIES = st.lists(
    st.one_of(
        st.builds(
            Entry,
            st.integers(0, 1 << 40),
            st.binary(min_size=1, max_size=3).map(lambda data: data * SECTOR),
            st.sampled_from([0, FUA]),
        ),
        st.builds(Entry, st.just(0), st.just(b""), st.just(FLUSH)),
        st.builds(Entry, st.integers(0, 99), st.just(b""), st.just(DISCARD), st.integers(0, 9).map(SECTOR.__mul__)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
def test_a_log_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    write_log(path, entries)
    found = read_log(path)
    assert [(entry.sector, entry.data, entry.flags) for entry in found] == [
        (entry.sector, entry.data, entry.flags) for entry in entries
    ]
    assert [entry.flushes for entry in found] == [entry.flags == FLUSH for entry in entries]


def test_a_log_with_larger_sectors_counts_in_512_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    head = struct.pack("<QQQI", 0x6A736677736872, 1, 2, 4096).ljust(4096, b"\0")
    write = struct.pack("<QQQQ", 3, 1, 0, 0).ljust(4096, b"\0") + b"x" * 4096
    mark = struct.pack("<QQQQ", 0, 0, MARK, 5).ljust(4096, b"\0") + b"hello".ljust(4096, b"\0")
    path.write_bytes(head + mark + write)
    told, written = read_log(path)
    assert (told.flags, told.data) == (MARK, b"")
    assert (written.sector, len(written.data)) == (24, 4096)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:20], "is no log of writes: it has 20 bytes"),
        (lambda data: b"\0" * 8 + data[8:], "is no log of writes of version 1"),
        (lambda data: data[:24] + struct.pack("<I", 100) + data[28:], "is no log of writes of version 1"),
        (lambda data: data[:600], "ends before entry 0"),
        (lambda data: data[:1100], "ends inside entry 0"),
        (lambda data: data[:528] + b"\xff" + data[529:], "entry 0 has flags that are not known"),
    ],
)
def test_what_is_not_whole_is_refused(tmp_path: Path, damage: object, words: str) -> None:
    path = tmp_path / "log"
    write_log(path, [Entry(8, b"a" * 1024)])
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(WriteLogError, match=words):
        read_log(path)


def test_acknowledgements_are_what_was_written_in_the_place_for_marks() -> None:
    def said(**words: object) -> bytes:
        return json.dumps(words).encode().ljust(SECTOR, b"\0")

    entries = [Entry(1, b"a" * SECTOR), Entry(99, said(step=1)), Entry(0, b"", FLUSH), Entry(99, said(step=2))]
    assert [(mark.position, mark.said) for mark in acknowledgements(entries, 99)] == [
        (1, {"step": 1}),
        (3, {"step": 2}),
    ]
    with pytest.raises(WriteLogError, match="entry 0 in the marks' place"):
        list(acknowledgements([Entry(99, b"x" * SECTOR)], 99))


@pytest.mark.vm
def test_qemu_itself_writes_what_is_read(tmp_path: Path) -> None:
    disk, log = tmp_path / "disk", tmp_path / "log"
    disk.write_bytes(bytes(64 * 1024))
    log.write_bytes(bytes(1024 * 1024))
    image = {
        "driver": "blklogwrites",
        "log-sector-size": SECTOR,
        "file": {"driver": "file", "filename": str(disk)},
        "log": {"driver": "file", "filename": str(log)},
    }
    commands = ["write -P 0x41 4096 1024", "flush", "write -f -P 0x42 512 512", "discard 8192 4096", "flush"]
    words = [word for command in commands for word in ("-c", command)]
    subprocess.run(["qemu-io", *words, f"json:{json.dumps(image)}"], check=True, capture_output=True)
    found = [entry for entry in read_log(log) if entry.flags or entry.data]
    assert found[0] == Entry(8, b"A" * 1024, 0, 1024)
    assert found[1].flushes
    assert Entry(1, b"B" * 512, FUA, 512) in found or Entry(1, b"B" * 512, 0, 512) in found
    assert any(entry.flags & DISCARD and entry.sector == 16 for entry in found)
