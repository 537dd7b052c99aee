"""The suite in several processes: every test is in one shard, and one that is lost or runs twice fails the whole."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.run import LAST, ROWS, Suite
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


def test_a_test_that_passes_when_repeated_counts_as_passed_and_is_named() -> None:
    records = {"one": record("a", "b", outcome="failed"), "two": record("c")}
    verdict = add_up(records, {"one": 1, "two": 0}, ["one", "two"], {"a": "passed", "b": "passed"})
    assert verdict.is_fine
    assert verdict.unsteady == ("a", "b")
    assert verdict.line == "3 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize(
    ("status", "repeated"),
    [(1, {"a": "passed", "b": "failed"}), (1, {"a": "passed"}), (2, {"a": "passed", "b": "passed"}), (1, {})],
)
def test_a_repetition_excuses_nothing_else(status: int, repeated: dict[str, str]) -> None:
    broken = record("a", "b", outcome="failed")
    assert not add_up({"one": broken}, {"one": status}, ["one"], repeated).is_fine
    broken["unreadable"].append("tests/test_broken.py")
    everything = dict.fromkeys("ab", "passed")
    assert add_up({"one": broken}, {"one": 1}, ["one"], everything).failed == ("tests/test_broken.py",)


class Repeating(Suite):
    """A suite whose processes are made up: what a shard's tests come to, first and when repeated."""

    def __init__(self, folder: Path, first: dict[str, str], second: dict[str, str]) -> None:
        super().__init__("all", [])
        self._folder, self._outcomes, self._second = folder, first, second
        self.asked: list[tuple[str, ...]] = []

    async def _run_shard(self, name: str, title: str = "", tests: Sequence[str] = ()) -> None:
        mine = {test: outcome for test, outcome in self._outcomes.items() if test.startswith(name)}
        if tests:
            self.asked.append(tuple(tests))
            mine = {test: self._second[test] for test in tests}
        made = record(*mine, found=dict.fromkeys(mine, name))
        made["outcomes"] = mine
        self._record(title or name).write_text(json.dumps(made))
        self._exits[title or name] = int("failed" in mine.values())

    async def _build(self, steps: Mapping[str, Sequence[str]]) -> None:
        self._exits |= dict.fromkeys(steps, 0)


def came_to(suite: Suite) -> int:
    return asyncio.run(suite.run())


def test_a_few_failures_in_real_time_are_repeated_alone_and_no_others(tmp_path: Path) -> None:
    fine = {"unit 1::a": "passed", "peers 1::b": "passed"}
    once = Repeating(
        tmp_path,
        fine | {"browser::c": "failed", "peers 2::d": "failed"},
        dict.fromkeys(("browser::c", "peers 2::d"), "passed"),
    )
    assert came_to(once) == 0
    assert sorted(once.asked) == [("browser::c",), ("peers 2::d",)]
    twice = Repeating(tmp_path, fine | {"browser::c": "failed"}, {"browser::c": "failed"})
    assert came_to(twice) == 1
    assert twice.asked == [("browser::c",)]
    in_virtual_time = Repeating(tmp_path, {"unit 1::a": "failed", "browser::c": "failed"}, {})
    assert came_to(in_virtual_time) == 1
    assert in_virtual_time.asked == []
    many = Repeating(tmp_path, fine | {f"browser::{number}": "failed" for number in range(4)}, {})
    assert came_to(many) == 1
    assert many.asked == []


def test_what_another_has_taken_out_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", "--shard", PHONE, "--record", str(path)]
    command = [sys.executable, "-m", "pytest", *options, "tests/vm/test_updates.py", "tests/vm/test_hands.py"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    files = {test.partition("::")[0] for test in json.loads(path.read_text())["found"]}
    assert files == {"tests/vm/test_hands.py"}, "the tests of updates are long ones"
