"""Cuts of power at any moment: a recorded phone, replayed.

One short run is recorded: config after config, a config from afar, a boot file taken over, commits of a slot in both
schemes, and three bad writers. Then the disk is put together as each cut left it. ``--soak`` tries 1000 cuts, else 60.
"""

import sys
from pathlib import Path

import pytest

from tests.vm.powercut.replay import Recording, Result, replay
from tests.vm.powercut.verdicts import BAD, GOOD

pytestmark = pytest.mark.vm

WORKLOADS = {"store": 40, "provisioning": 8, "firstboot": 8, "slots": 20, "in-place": 40, "no-sync": 40, "fat-anew": 20}
SEED = 20


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    from tests.vm.powercut.record import record

    return record(Path("build/image/amd64").resolve(), tmp_path_factory.mktemp("powercut"), WORKLOADS)


@pytest.fixture(scope="module")
def result(recording: Recording, request: pytest.FixtureRequest) -> Result:
    count = 1000 if request.config.getoption("--soak") else 60
    found = replay(recording, count, SEED, {**GOOD, **BAD})
    bad = {workload: found.count(workload) for workload in (*GOOD, *BAD)}
    sys.stderr.write(f"\n{found.tried} cuts, {dict(found.losses)}, within {dict(found.within)}: bad {bad}\n")
    return found


def test_every_step_was_acknowledged(recording: Recording) -> None:
    said = [mark.said for mark in recording.marks if not {"begins", "card"} & set(mark.said)]
    for workload, count in {**WORKLOADS, "partition": 20, "prefix": 20}.items():
        if workload != "slots":
            assert [words["number"] for words in said if words["workload"] == workload] == list(range(1, count + 1))


def test_cuts_fell_into_every_workload(result: Result) -> None:
    assert set(GOOD) <= set(result.within)
    assert all(result.losses[loss] for loss in ("none", "writes", "sectors"))


@pytest.mark.parametrize("workload", GOOD)
def test_no_cut_harms_the_phone_and_nothing_acknowledged_is_lost(result: Result, workload: str) -> None:
    assert result.bad.get(workload, []) == []


def test_the_same_cuts_find_bad_writers(result: Result) -> None:
    assert any(result.count(workload) for workload in BAD)
    if result.tried >= 1000:
        assert all(result.count(workload) for workload in BAD)
