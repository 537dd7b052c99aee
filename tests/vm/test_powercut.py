"""Cuts of power at any moment: a recorded phone, replayed.

One short run is recorded: config after config, a config from afar, a boot file taken over, commits of a slot in both
schemes, and three bad writers. Then the disk is put together as each cut left it: 60 cuts, and 1000 in ``--all``.
"""

import sys
from pathlib import Path

import pytest

from tests.vm.powercut.record import record
from tests.vm.powercut.replay import Recording, Result, replay
from tests.vm.powercut.verdicts import BAD, GOOD

pytestmark = pytest.mark.vm

WORKLOADS = {"store": 40, "provisioning": 8, "firstboot": 8, "slots": 20, "in-place": 40, "no-sync": 40, "fat-anew": 20}
SEED = 20


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    from imagebuild.image import BUILD

    return record(Path(BUILD) / "image" / "amd64", tmp_path_factory.mktemp("powercut"), WORKLOADS)


def tried(recording: Recording, count: int) -> Result:
    found = replay(recording, count, SEED, {**GOOD, **BAD})
    bad = {workload: found.count(workload) for workload in (*GOOD, *BAD)}
    sys.stderr.write(f"\n{found.tried} cuts, {dict(found.losses)}, within {dict(found.within)}: bad {bad}\n")
    return found


def test_every_step_was_acknowledged(recording: Recording) -> None:
    said = [mark.said for mark in recording.marks if not {"begins", "card"} & set(mark.said)]
    for workload, count in {**WORKLOADS, "partition": 20, "prefix": 20}.items():
        if workload != "slots":
            assert [words["number"] for words in said if words["workload"] == workload] == list(range(1, count + 1))


def test_no_cut_harms_the_phone_and_bad_writers_are_found_out(recording: Recording) -> None:
    found = tried(recording, 60)
    assert {workload: found.bad[workload] for workload in GOOD if workload in found.bad} == {}
    assert any(found.count(workload) for workload in BAD)
    assert all(found.losses[loss] for loss in ("none", "writes", "sectors"))


@pytest.mark.long
def test_a_thousand_cuts_harm_nothing_and_find_out_every_bad_writer(recording: Recording) -> None:
    found = tried(recording, 1000)
    assert {workload: found.bad[workload] for workload in GOOD if workload in found.bad} == {}
    assert all(found.count(workload) for workload in BAD)
    assert set(GOOD) <= set(found.within)
