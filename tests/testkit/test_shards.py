"""The suite in several processes: every test is in one shard, and one that is lost or runs twice fails the whole."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import LAST, ROWS
from tests.support.shards import BY_EAR, PHONE, SECONDS, Shards
from tests.support.verdict import Record, add_up

ROOT = Path(__file__).resolve().parents[2]


def record(*ran: str, found: dict[str, str] | None = None, outcome: str = "passed") -> Record:
    return Record(
        found=dict.fromkeys(ran, "one") if found is None else found,
        runs=dict.fromkeys(ran, 1),
        outcomes=dict.fromkeys(ran, outcome),
        seconds={},
        unreadable=[],
    )


NAMES = [name for rows in (ROWS["all"], LAST["all"]) for row in rows for name in row]


@pytest.mark.parametrize("marks", [(), ("peer",), ("browser",), ("vm",), ("peer", "vm")], ids=str)
def test_every_test_is_in_a_shard_that_runs_and_that_reads_its_file(marks: tuple[str, ...]) -> None:
    shards = Shards(ROOT)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        file, text = path.relative_to(ROOT).as_posix(), path.read_text()
        if not all(f"mark.{mark}" in text for mark in marks):
            continue
        for test in re.findall(r"^def (test_\w+)", text, re.MULTILINE):
            shard = shards.of(f"{file}::{test}", marks)
            assert shard in NAMES
            read = shards.files(shard)
            assert not read or any(f"{file}/".startswith(f"{place}/") for place in read), (file, shard)


def test_files_that_are_named_are_there() -> None:
    for name in (*SECONDS, *BY_EAR):
        file, _, test = name.partition("::")
        assert f"def {test}" in (ROOT / file).read_text()


def test_the_same_tree_is_always_divided_in_the_same_way() -> None:
    first, second = Shards(ROOT), Shards(ROOT)
    assert [first.files(name) for name in NAMES] == [second.files(name) for name in NAMES]


def test_all_that_was_found_and_ran_once_is_fine() -> None:
    whole = {"a": "one", "b": "two", "c": "elsewhere"}
    verdict = add_up({"one": record("a"), "two": record("b", found=whole)}, {"one": 0, "two": 0}, ["one", "two"])
    assert verdict.is_fine
    assert verdict.line == "2 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ({"one": record("a", found={"a": "one", "b": "two"}), "two": record()}, "b ran 0 times, not once"),
        ({"one": record("a"), "two": record("a", "b")}, "a ran 2 times, not once"),
        ({"one": record("a")}, "two wrote no record"),
    ],
)
def test_a_test_that_is_lost_or_runs_twice_fails_the_whole(records: dict[str, Record], fault: str) -> None:
    verdict = add_up(records, {"one": 0, "two": 0}, ["one", "two"])
    assert fault in verdict.faults
    assert not verdict.is_fine


def test_a_failed_test_a_bad_exit_and_an_unreadable_file_fail_the_whole() -> None:
    assert add_up({"one": record("a", outcome="failed")}, {"one": 1}, ["one"]).line == "0 passed, 1 failed, 0 skipped"
    assert not add_up({"one": record("a")}, {"one": 2}, ["one"]).is_fine
    broken = record("a")
    broken["unreadable"].append("tests/test_broken.py")
    assert add_up({"one": broken}, {"one": 0}, ["one"]).failed == ("tests/test_broken.py",)
    assert not add_up({"one": record()}, {"one": 0}, ["one"]).is_fine


def test_what_another_has_taken_out_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", "--shard", PHONE, "--record", str(path)]
    command = [sys.executable, "-m", "pytest", *options, "tests/vm/test_updates.py", "tests/vm/test_hands.py"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    files = {test.partition("::")[0] for test in json.loads(path.read_text())["found"]}
    assert files == {"tests/vm/test_hands.py"}, "the tests of updates are long ones"
