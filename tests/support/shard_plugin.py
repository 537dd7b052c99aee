"""The pytest side of ``tests/run.py``: run one shard's tests, and write down what became of each."""

import json
from pathlib import Path

import pytest

from tests.support.shards import Shards
from tests.support.verdict import Record

# A test is what its worst part is: set-up, call, clean-up.
_WORST = ("failed", "skipped", "passed")


class ShardPlugin:
    """Deselects the tests of other shards; at the end the file ``path`` holds what was found, and what came of ours."""

    def __init__(self, root: Path, shard: str, path: Path) -> None:
        self._shards, self._shard, self._path = Shards(root), shard, path
        self._record = Record(found={}, runs={}, outcomes={}, seconds={}, unreadable=[])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep our own of what nobody else has taken out, as the long tests of the virtual phone are."""
        found = self._record["found"]
        for item in items:
            found[item.nodeid] = self._shards.of(item.nodeid, {mark.name for mark in item.iter_markers()})
        config.hook.pytest_deselected(items=[item for item in items if found[item.nodeid] != self._shard])
        items[:] = [item for item in items if found[item.nodeid] == self._shard]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be read."""
        if report.failed:
            self._record["unreadable"].append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a part of a test."""
        test, record = report.nodeid, self._record
        record["runs"][test] = record["runs"].get(test, 0) + (report.when == "setup")
        record["seconds"][test] = record["seconds"].get(test, 0.0) + report.duration
        record["outcomes"][test] = min(record["outcomes"].get(test, "passed"), report.outcome, key=_WORST.index)

    def pytest_sessionfinish(self) -> None:
        """Write it all down."""
        self._path.write_text(json.dumps(self._record))
