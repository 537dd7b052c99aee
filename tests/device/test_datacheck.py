"""When the data partition is made anew, and above all when it is not; and that no power cut leaves it half made."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from offhook.device.data.datacheck import LABEL, ROUNDS, UNFINISHED, Said, Verdict, of_check, of_mount, settle
from offhook.errors import DeviceError
from tests.support.cut_disk import PowerCut

NO_SUPERBLOCK = "e2fsck: Bad magic number in super-block while trying to open /dev/vda6"
NOT_VALID = "The superblock could not be read or does not describe a valid ext2/ext3/ext4"
GONE = Said(8, (NO_SUPERBLOCK, NOT_VALID))
TROUBLE = Said(8, ("e2fsck: Input/output error while trying to open /dev/vda6",))
FINE = Said(0)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (FINE, Verdict.GOOD),
        (Said(1, ("FILE SYSTEM WAS MODIFIED",)), Verdict.GOOD),
        (Said(2), Verdict.GOOD),
        (Said(4), Verdict.REMAKE),
        (Said(5), Verdict.REMAKE),
        (GONE, Verdict.REMAKE),
        (Said(8, ("The filesystem size (according to the superblock) is 76800 blocks",)), Verdict.REMAKE),
        (TROUBLE, Verdict.TROUBLE),
        (Said(4, ("Error reading block 131 (Input/output error).  Ignore error? yes",)), Verdict.TROUBLE),
        (Said(12, ("Error writing block 3 (Attempt to write block resulted in short write)",)), Verdict.TROUBLE),
        (Said(8, ("e2fsck: No such file or directory while trying to open /dev/vda6",)), Verdict.LEAVE),
        (Said(8, ("e2fsck: Read-only file system while trying to open /dev/vda6",)), Verdict.LEAVE),
        (Said(8, ("/dev/vda6 is in use.",)), Verdict.LEAVE),
        (Said(8, ("/dev/vda6 has unsupported feature(s): FEATURE_I31",)), Verdict.LEAVE),
        (Said(8, ("Error while iterating over blocks: Memory allocation failed",)), Verdict.LEAVE),
        (Said(8, ("e2fsck: No medium found while trying to open /dev/sda6", NOT_VALID)), Verdict.TROUBLE),
        (Said(8, ("e2fsck: No such device while trying to open /dev/sda6", NOT_VALID)), Verdict.TROUBLE),
        (Said(8, ("e2fsck: Connection timed out while trying to open /dev/sda6", NOT_VALID)), Verdict.TROUBLE),
        (Said(8, ("e2fsck: Cannot allocate memory while trying to open /dev/vda6", NOT_VALID)), Verdict.LEAVE),
        (Said(8, ("e2fsck: The journal superblock is corrupt while checking journal for data",)), Verdict.LEAVE),
        (Said(8), Verdict.LEAVE),
        (Said(16), Verdict.LEAVE),
        (Said(32, (NO_SUPERBLOCK,)), Verdict.LEAVE),
        (Said(127), Verdict.LEAVE),
        (Said(-9, (NO_SUPERBLOCK,)), Verdict.LEAVE),
    ],
)
def test_a_check_is_judged_by_its_status_and_what_it_says(said: Said, verdict: Verdict) -> None:
    assert of_check(said) is verdict


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("mount: /x: mount(2) system call failed: Structure needs cleaning.", Verdict.REMAKE),
        ("mount: /x: wrong fs type, bad option, bad superblock on /dev/vda6, missing codepage", Verdict.LEAVE),
        ("mount: /x: mount(2) system call failed: Bad message.", Verdict.REMAKE),
        ("mount: /x: can't read superblock on /dev/vda6.", Verdict.TROUBLE),
        ("mount: /x: special device /dev/vda6 does not exist.", Verdict.LEAVE),
        ("mount: /x: /dev/vda6 already mounted or mount point busy.", Verdict.LEAVE),
        ("mount: /x: unknown filesystem type 'ext4'.", Verdict.LEAVE),
        ("mount: /x: permission denied.", Verdict.LEAVE),
    ],
)
def test_a_mount_is_judged_by_what_it_says(words: str, verdict: Verdict) -> None:
    assert of_mount(Said(32, (words,))) is verdict
    assert of_mount(Said(0, (words,))) is Verdict.GOOD


@dataclass
class Partition:
    """A partition with a file system, or with what is left of one; ``cut_after``: operations that succeed."""

    checks: list[Said] = field(default_factory=lambda: [FINE])
    mounts: list[Said] = field(default_factory=lambda: [FINE])
    name: str = LABEL
    record: str | None = None
    cut_after: int | None = None
    operations: int = 0
    half_made: tuple[list[Said], str] = ([GONE], "")
    name_mended: str | None = None

    def label(self) -> str:
        return self.name

    def check(self, *, overwrite: bool) -> Said:
        self.overwrites.append(overwrite)
        self.name = self.name if self.name_mended is None else self.name_mended
        return self.checks.pop(0) if len(self.checks) > 1 else self.checks[0]

    def try_mount(self) -> Said:
        return self.mounts.pop(0) if len(self.mounts) > 1 else self.mounts[0]

    def make(self, reason: str) -> None:
        if self.operations == self.cut_after:
            self.checks, self.name = list(self.half_made[0]), self.half_made[1]
            self.name_mended = UNFINISHED if self.checks == [Said(1)] else None
            raise PowerCut
        self.operations += 1
        self.checks, self.mounts, self.name, self.record = [FINE], [FINE], UNFINISHED, reason
        self.name_mended = None

    def finish(self) -> None:
        if self.operations == self.cut_after:
            raise PowerCut
        self.operations += 1
        self.name = LABEL

    def settle(self, *, trial: bool = False) -> str | None:
        self.pauses: list[float] = []
        self.lines: list[str] = []
        self.overwrites: list[bool] = []
        return settle(self, trial=trial, pause=self.pauses.append, say=self.lines.append)


def test_what_is_in_order_is_left_alone() -> None:
    partition = Partition()
    assert partition.settle() is None
    assert (partition.operations, partition.pauses, partition.lines) == (0, [], [])


def test_what_a_second_look_mends_is_not_made_anew() -> None:
    partition = Partition(checks=[Said(4), Said(1)])
    assert partition.settle() is None
    assert partition.operations == 0


def test_what_cannot_be_mended_is_made_anew_after_three_looks_and_says_why() -> None:
    partition = Partition(checks=[GONE])
    reason = partition.settle()
    assert reason == f"e2fsck ended with 8: {NO_SUPERBLOCK}"
    assert (partition.name, partition.record) == (LABEL, reason)
    assert len(partition.pauses) == ROUNDS - 1
    assert partition.lines[-1] == f"the data partition is made anew, all that it kept is gone: {reason}"


def test_what_is_whole_and_cannot_be_mounted_is_made_anew() -> None:
    partition = Partition(mounts=[Said(32, ("mount(2) system call failed: Structure needs cleaning.",))])
    assert partition.settle() == "it cannot be mounted: mount(2) system call failed: Structure needs cleaning."


def test_a_superblock_that_only_the_mount_finds_bad_is_left_and_said() -> None:
    words = "mount: /x: wrong fs type, bad option, bad superblock on /dev/vda6, missing codepage"
    partition = Partition(mounts=[Said(32, (words,))])
    with pytest.raises(DeviceError, match=r"left as it is \(it cannot be mounted: .*bad superblock"):
        partition.settle()
    assert partition.operations == 0
    assert words in partition.lines[-1]
    partition.mounts = [Said(32, (words,)), FINE]
    assert partition.settle() is None


@pytest.mark.parametrize(
    "checks",
    [
        *([TROUBLE], [TROUBLE, GONE], [GONE, TROUBLE, GONE], [Said(4), Said(4), TROUBLE]),
        *([Said(-9)], [Said(8)], [Said(16)], [Said(-9), GONE], [GONE, Said(8), GONE]),
    ],
)
def test_trouble_with_the_card_is_no_reason_to_make_it_anew(checks: list[Said]) -> None:
    partition = Partition(checks=list(checks))
    with pytest.raises(DeviceError, match="it is tried again at the next start"):
        partition.settle()
    assert partition.operations == 0


def test_what_cannot_be_read_is_written_over_in_the_last_look_only_and_in_no_trial() -> None:
    partition = Partition(checks=[TROUBLE])
    for trial, overwrites in ((False, [False, False, True]), (True, [False, False, False])):
        with pytest.raises(DeviceError, match="cannot be read or written"):
            partition.settle(trial=trial)
        assert partition.overwrites == overwrites


def test_trouble_that_a_repeat_heals_is_forgotten() -> None:
    partition = Partition(checks=[TROUBLE, TROUBLE, FINE])
    assert partition.settle() is None
    assert partition.operations == 0


@pytest.mark.parametrize("partition", [Partition(checks=[GONE]), Partition(name=UNFINISHED)])
def test_the_trial_of_an_update_makes_nothing_anew(partition: Partition) -> None:
    with pytest.raises(DeviceError, match="a trial makes none anew"):
        partition.settle(trial=True)
    assert partition.operations == 0


def test_a_card_on_which_even_the_new_one_cannot_be_mounted_says_so() -> None:
    class Worn(Partition):
        def make(self, reason: str) -> None:
            super().make(reason)
            self.mounts = [TROUBLE]

    partition = Worn(checks=[GONE])
    with pytest.raises(DeviceError, match="change the card"):
        partition.settle()
    assert partition.name == UNFINISHED


def half_made() -> Iterator[tuple[list[Said], str]]:
    """What mke2fs may leave when power goes: nothing that is one, or one that can be mended but lacks its content."""
    for check in ([GONE], [Said(4)], [Said(1)], [FINE], [Said(9)]):
        yield check, UNFINISHED
    yield [GONE], ""
    yield [Said(1)], ""  # its superblock comes back from a copy


@pytest.mark.parametrize("left", list(half_made()))
@pytest.mark.parametrize("cut", [0, 1])
def test_after_a_cut_while_it_is_made_the_next_start_makes_it_again(cut: int, left: tuple[list[Said], str]) -> None:
    partition = Partition(checks=[GONE], cut_after=cut, half_made=left)
    with pytest.raises(PowerCut):
        partition.settle()
    partition.cut_after = None
    reason = partition.settle()
    assert reason is not None
    assert (partition.name, partition.record) == (LABEL, reason)
    assert partition.settle() is None
