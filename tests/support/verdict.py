"""What the shards of the suite add up to: each test that was found ran once, and what became of them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypedDict

_TESTS_FAILED = 1
"""pytest's exit status where it ran to its end, and tests failed."""


class Record(TypedDict):
    """What one process wrote down; tests by their ids."""

    found: dict[str, str]
    """Every test that it read of, and the shard that each is in."""
    runs: dict[str, int]
    outcomes: dict[str, str]
    seconds: dict[str, float]
    unreadable: list[str]
    """Files whose tests could not be found."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``faults`` are lines for people; ``failed`` and ``unsteady`` are ids of tests and files."""

    passed: int
    skipped: int
    failed: tuple[str, ...]
    faults: tuple[str, ...]
    unsteady: tuple[str, ...] = ()
    """Tests that failed, and passed when they were repeated: counted as passed, but somebody should look."""

    @property
    def is_fine(self) -> bool:
        """Whether tests ran, all of them, and none failed."""
        return self.passed > 0 and not self.failed and not self.faults

    @property
    def line(self) -> str:
        """The line that CI reads."""
        return f"{self.passed} passed, {len(self.failed)} failed, {self.skipped} skipped"


def add_up(
    records: Mapping[str, Record],
    exits: Mapping[str, int],
    shards: Collection[str],
    repeated: Mapping[str, str] | None = None,
) -> Verdict:
    """Add up what ``shards`` should have done, by their records and the exit statuses of all processes.

    ``repeated`` is what became of the failed tests that ran once more, by their ids.
    """
    wanted = {test for record in records.values() for test, shard in record["found"].items() if shard in shards}
    runs = sum((Counter(record["runs"]) for record in records.values()), Counter[str]())
    strays = {test: runs[test] for test in sorted(wanted | set(runs)) if runs[test] != 1}
    outcomes = {test: outcome for record in records.values() for test, outcome in record["outcomes"].items()}
    better = {test for test, outcome in (repeated or {}).items() if outcome == "passed" and outcomes[test] == "failed"}
    outcomes |= dict.fromkeys(better, "passed")
    outcomes |= dict.fromkeys(strays, "failed")
    outcomes |= dict.fromkeys((file for record in records.values() for file in record["unreadable"]), "failed")
    count = Counter(outcomes.values())
    excused = {
        name for name, record in records.items() if exits.get(name) == _TESTS_FAILED and _failed(record) <= better
    }
    faults = [f"{name} ended with {status}" for name, status in exits.items() if status != 0 and name not in excused]
    faults += [f"{name} wrote no record" for name in shards if name not in records]
    faults += [f"{test} ran {times} times, not once" for test, times in strays.items()]
    failed = tuple(sorted(test for test, outcome in outcomes.items() if outcome == "failed"))
    return Verdict(count["passed"], count["skipped"], failed, tuple(faults), tuple(sorted(better)))


def _failed(record: Record) -> set[str]:
    """What failed in one process, and is the reason why it ended so."""
    return {test for test, outcome in record["outcomes"].items() if outcome == "failed"} | set(record["unreadable"])
