"""The table of an update is total, and every way through it ends."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from offhook.device.boot.slots import SLOTS
from offhook.device.update.updaterecord import STAGES, Before, Record, Records, decode, encode
from offhook.device.update.updatestate import TRANSITIONS, Happening, Phase, Step, at_rest
from tests.support.cut_disk import CutDisk, PowerCut


def test_the_table_says_something_of_every_happening_in_every_phase() -> None:
    assert set(TRANSITIONS) == set(product(Phase, Happening))


def test_every_phase_can_be_reached_and_comes_to_rest() -> None:
    reached = {Phase.IDLE}
    for _ in Phase:
        reached |= {TRANSITIONS[phase, happening][0] for phase in reached for happening in Happening}
    assert reached == set(Phase)
    for phase in Phase:
        seen = phase
        for _ in range(2):  # a power cut, and the trial that may follow, ended by another
            seen = TRANSITIONS[seen, Happening.NORMAL_START][0]
        assert at_rest(seen) or seen is Phase.INSTALLED
        tried = TRANSITIONS[seen, Happening.TRIAL_STARTED][0]
        assert at_rest(TRANSITIONS[tried, Happening.NORMAL_START][0])


def test_only_a_healthy_trial_is_committed() -> None:
    commits = [key for key, (_, steps) in TRANSITIONS.items() if Step.COMMIT in steps]
    assert commits == [(Phase.TRYING, Happening.HEALTHY)]
    into = {key for key, (phase, _) in TRANSITIONS.items() if phase is Phase.COMMITTED and key[0] is not phase}
    assert into == {(Phase.TRYING, Happening.HEALTHY)}


def test_no_update_that_failed_stays_armed() -> None:
    for (phase, _), (after, steps) in TRANSITIONS.items():
        if phase in (Phase.VERIFIED, Phase.INSTALLED, Phase.TRYING) and after in (Phase.FAILED, Phase.IDLE):
            assert Step.DISARM in steps


def test_while_one_is_under_way_another_waits() -> None:
    for phase in (Phase.FETCHING, Phase.VERIFIED, Phase.TRYING):
        assert TRANSITIONS[phase, Happening.REQUESTED] == (phase, ())


def test_a_record_follows_the_table() -> None:
    record, _ = Record(slot="b").after(Happening.REQUESTED, 5.0)
    assert (record.phase, record.changed, record.standing["b"]) == (Phase.FETCHING, 5.0, "bad")
    record, _ = record.after(Happening.FETCHED, 6.0)
    record = record.marked("b", "good")
    record, _ = record.after(Happening.INSTALLED, 7.0)
    record, _ = record.after(Happening.TRIAL_STARTED, 8.0)
    record = record.reached("daemon").reached("user space")
    assert record.stage == "daemon"
    failed, steps = record.after(Happening.UNHEALTHY, 9.0, "no card")
    assert steps == (Step.DISARM, Step.RESTART)
    assert (failed.phase, failed.reason, failed.stage, failed.standing["b"]) == (
        Phase.FAILED,
        "no card",
        "daemon",
        "bad",
    )
    assert failed.after(Happening.NORMAL_START, 10.0) == (failed, ())
    kept, steps = record.after(Happening.HEALTHY, 9.0)
    assert steps == (Step.COMMIT,)
    assert (kept.phase, kept.standing["b"]) == (Phase.COMMITTED, "good")


def test_a_slot_that_is_bad_is_not_armed() -> None:
    record = Record(armed="b")
    assert record.marked("b", "bad").armed is None
    assert record.marked("a", "bad").armed == "b"


SLOT = st.sampled_from(SLOTS)
RECORDS = st.builds(
    Record,
    st.sampled_from(Phase),
    st.none() | SLOT,
    st.text(max_size=9),
    st.text(max_size=9),
    st.text(max_size=30),
    st.sampled_from(STAGES),
    st.floats(0, 1e12),
    st.text(max_size=9),
    st.none() | SLOT,
    st.fixed_dictionaries({"a": st.sampled_from(["good", "bad"]), "b": st.sampled_from(["good", "bad"])}),
    st.builds(Before, st.booleans(), st.booleans(), st.lists(st.text(max_size=9), max_size=3).map(tuple)),
)


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert decode(encode(record)) == record


@given(st.none() | st.binary(max_size=60) | RECORDS.map(encode).flatmap(lambda data: st.just(data[: len(data) // 2])))
def test_a_file_that_is_not_ours_counts_as_none(data: bytes | None) -> None:
    assert decode(data) == Record()


def test_a_record_survives_every_cut() -> None:
    old, new = Record(), Record(phase=Phase.TRYING, slot="b", version="2")
    before = CutDisk()
    Records(before).save(old)
    for cut in range(5):
        disk = CutDisk.holding(dict(before.files), cut_after=cut)
        try:
            Records(disk).save(new)
        except PowerCut:
            assert cut < 4
        else:
            assert cut == 4
        for outcome in disk.outcomes():
            assert Records(CutDisk.holding(outcome)).read() in (old, new)


def test_a_record_that_did_not_change_costs_no_write() -> None:
    disk = CutDisk()
    Records(disk).save(Record(version="2"))
    count = disk.operations
    Records(disk).save(Record(version="2"))
    assert disk.operations == count
