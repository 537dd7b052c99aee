"""Every start of a device: a good trial commits, a bad one goes back with its reason, a silent one is found out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from offhook.device.boot.bootstate import BootState
from offhook.device.boot.slots import Slot
from offhook.device.update.health import Patience
from offhook.device.update.quiet import Status
from offhook.device.update.trial import Starter, TrialLimits
from offhook.device.update.updaterecord import Record, Records
from offhook.device.update.updatestate import Phase
from tests.device.test_health import status
from tests.support.cut_disk import CutDisk, PowerCut

OLD, TRIAL = BootState("a", "partition", False), BootState("b", "partition", True)
TRYING = Record(phase=Phase.TRYING, slot="b", version="2", armed="b")
LIMITS = TrialLimits(within=300, patience=Patience(20, 120))


@dataclass
class Scene:
    """A device whose time passes while it is waited for."""

    record: Record = TRYING
    boot: BootState = TRIAL
    phone: Callable[[float], Status | None] = lambda now: status(now)
    disk: CutDisk = field(default_factory=CutDisk)
    done: list[str] = field(default_factory=list)
    now: float = 0.0
    bundle: bool = True

    def __post_init__(self) -> None:
        Records(self.disk).save(self.record)

    def commit(self, slot: Slot) -> None:
        self.done.append(f"commit {slot}")

    def settled(self) -> None:
        if "settled" not in self.done:
            self.done.append("settled")

    def restart(self) -> None:
        self.done.append("restart")

    def drop_bundle(self) -> None:
        self.bundle = False

    def resume(self) -> None:
        self.done.append("resume")

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 2000

    def start(self) -> Record:
        starter = Starter(
            self.boot,
            Records(self.disk),
            self,
            lambda: self.phone(self.now),
            version="2",
            clock=lambda: self.now,
            wall=lambda: 1e9 + self.now,
            sleep=self.sleep,
            limits=LIMITS,
        )
        record = starter.run()
        assert not self.bundle, "what a power cut left of one would take its room for ever"
        assert record == Records(self.disk).read()
        return record


def test_a_good_trial_is_committed() -> None:
    scene = Scene()
    record = scene.start()
    assert scene.done == ["commit b", "settled"]
    assert (record.phase, record.stage, record.standing["b"], record.reason) == (Phase.COMMITTED, "steady", "good", "")


def test_a_trial_that_a_person_began_counts_too() -> None:
    scene = Scene(Record())
    assert (scene.start().phase, scene.done) == (Phase.COMMITTED, ["commit b", "settled"])


def test_a_trial_without_a_card_goes_back_with_the_reason() -> None:
    scene = Scene(phone=lambda now: status(now, audio={"state": "missing", "detail": "plug it in"}))
    record = scene.start()
    assert scene.done == ["settled", "restart"]
    assert (record.phase, record.stage, record.standing["b"], record.armed) == (
        Phase.FAILED,
        "sound process",
        "bad",
        None,
    )
    assert record.reason == "the phone cannot open its sound card (plug it in) within 300 s"
    assert 300 <= scene.now < 305


def test_a_trial_whose_daemon_keeps_ending_goes_back() -> None:
    scene = Scene(phone=lambda now: status(now % 15) if now % 15 > 3 else None)
    record = scene.start()
    assert record.phase is Phase.FAILED
    assert "restarted" in record.reason
    assert scene.done[-1] == "restart"


def test_no_call_is_cut_by_the_end_of_a_bad_trial() -> None:
    def phone(now: float) -> Status:
        calls = [{"call": "o1"}] if now < 900 else []
        return status(now, audio={"state": "missing"}, calls=calls)

    scene = Scene(phone=phone)
    assert scene.start().phase is Phase.FAILED
    assert 900 <= scene.now < 905
    assert scene.done == ["settled", "restart"], "the guard was told before, or it would have cut the call"


def test_stages_are_on_the_disk_when_they_are_reached() -> None:
    seen: list[tuple[float, str]] = []

    def phone(now: float) -> Status | None:
        seen.append((now, Records(scene.disk).read().stage))
        return None if now < 5 else status(now, audio={"beats": now >= 10}) if now < 15 else status(now)

    scene = Scene(phone=phone)
    scene.start()
    stages = dict(seen)
    assert [stages[now] for now in (1.0, 6.0, 11.0, 21.0)] == ["user space", "daemon", "pins", "pins"]


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (TRYING, "did not come as far as its health check"),
        (replace(TRYING, stage="sound process"), "ended without a word"),
    ],
)
def test_a_trial_that_never_reported_is_found_at_the_next_start(record: Record, word: str) -> None:
    scene = Scene(record, OLD)
    found = scene.start()
    assert (found.phase, found.standing["b"], found.armed, scene.done) == (Phase.FAILED, "bad", None, [])
    assert word in found.reason
    assert found.stage == record.stage
    assert scene.start() == found, "told once"


def test_a_cut_between_the_commit_and_its_note_is_no_failure() -> None:
    scene = Scene(boot=replace(TRIAL, trial=False))
    assert scene.start().phase is Phase.COMMITTED
    assert scene.done == ["commit b", "settled"], "the second file of scheme prefix may be missing still"


@pytest.mark.parametrize(("phase", "after"), [(Phase.FETCHING, Phase.IDLE), (Phase.VERIFIED, Phase.IDLE)])
def test_what_was_under_way_at_a_cut_is_forgotten(phase: Phase, after: Phase) -> None:
    scene = Scene(replace(TRYING, phase=phase), OLD)
    record = scene.start()
    assert (record.phase, scene.done) == (after, [])
    assert "was restarted before version 2 was installed" in record.reason


def test_what_was_installed_goes_on_to_its_trial() -> None:
    scene = Scene(replace(TRYING, phase=Phase.INSTALLED), OLD)
    assert scene.start().phase is Phase.INSTALLED
    assert scene.done == ["resume"]


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.COMMITTED, Phase.FAILED])
def test_an_ordinary_start_changes_nothing(phase: Phase) -> None:
    scene = Scene(replace(TRYING, phase=phase, armed=None), OLD)
    count = scene.disk.operations
    assert scene.start().phase is phase
    assert (scene.done, scene.disk.operations) == ([], count)


def test_a_cut_at_any_write_of_a_trial_ends_in_one_of_two_ways() -> None:
    outcomes = set()
    for cut in range(60):
        scene = Scene()
        scene.disk.cut_after = scene.disk.operations + cut
        try:
            scene.start()
        except PowerCut:
            pass
        else:
            break
        committed = "commit b" in scene.done
        for files in scene.disk.outcomes():
            boot = BootState("b" if committed else "a", "partition", False)
            after = Scene(boot=boot)
            after.disk = CutDisk.holding(files)
            record = after.start()
            assert (record.phase is Phase.COMMITTED) == committed
            outcomes.add(record.phase)
    else:
        pytest.fail("no run came to its end")
    assert outcomes == {Phase.COMMITTED, Phase.FAILED}
