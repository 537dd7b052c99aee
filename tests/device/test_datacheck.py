"""When the data partition is made anew, and above all when it is not; and that no power cut leaves it half made."""

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offhook.device import datapartition
from offhook.device.datacheck import LABEL, ROUNDS, UNFINISHED, Said, Verdict, of_check, of_mount, settle
from offhook.device.datapartition import DataPartition
from offhook.device.remade import NAME, encode, read_remade
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


@pytest.mark.parametrize(
    ("seen", "overwrite", "mends"),
    [
        (Said(4), False, True),
        (Said(12, ("Error reading block 7332 (Input/output error).  Ignore error? no",)), False, False),
        (Said(0, ("Error reading block 7332 (Input/output error).  Ignore error? no",)), False, False),
        (Said(12, ("Error reading block 7332 (Input/output error).  Ignore error? no",)), True, True),
        (Said(12, ("(Input/output error)", "e2fsck: The journal superblock is corrupt")), False, False),
        (Said(12, ("size (according to the superblock) is 76800", "resulted in short read")), False, True),
    ],
)
def test_nothing_is_written_where_something_cannot_be_read(
    seen: Said, overwrite: bool, mends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*command: str) -> Said:
        return {"-n": seen, "-y": FINE}[command[2]]

    monkeypatch.setattr(datapartition, "run", run)
    said = DataPartition(Path("/dev/vda6")).check(overwrite=overwrite)
    assert of_check(said) is (Verdict.GOOD if mends else Verdict.TROUBLE)


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


def test_a_partition_says_itself_why_it_was_made_anew(tmp_path: Path) -> None:
    assert read_remade(tmp_path) is None
    assert read_remade(tmp_path / "none") is None
    (tmp_path / NAME).write_bytes(encode("e2fsck ended with 8: «…»"))
    assert read_remade(tmp_path) == "e2fsck ended with 8: «…»"
    for text in (b"", b"[]", b"{}", b"\xff", b"[" * 4000):
        (tmp_path / NAME).write_bytes(text)
        assert read_remade(tmp_path) == "the reason cannot be read"


@pytest.mark.peer
class TestRealTools:
    """On a file, which e2fsck and mke2fs take for a partition."""

    @pytest.fixture
    def image(self, tmp_path: Path) -> Path:
        path = tmp_path / "data.img"
        with path.open("wb") as file:
            file.truncate(160 * 2**20)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-L", "data", path], check=True)
        return path

    def zero(self, path: Path, start: int, length: int) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(bytes(length))

    def test_a_superblock_is_mended_from_its_copy(self, image: Path) -> None:
        self.zero(image, 0, 4096)
        partition = DataPartition(image)
        assert of_check(partition.check(overwrite=False)) is Verdict.GOOD
        assert partition.label() == "data"

    def test_without_any_superblock_it_cannot_be_mended(self, image: Path) -> None:
        self.zero(image, 0, 160 * 2**20)
        partition = DataPartition(image)
        assert of_check(partition.check(overwrite=False)) is Verdict.REMAKE
        assert partition.label() == ""

    def test_one_that_is_larger_than_its_partition_cannot_be_mended(self, image: Path) -> None:
        with image.open("r+b") as file:
            file.truncate(100 * 2**20)
        assert of_check(DataPartition(image).check(overwrite=False)) is Verdict.REMAKE

    def test_a_partition_that_is_not_there_is_left(self, tmp_path: Path) -> None:
        partition = DataPartition(tmp_path / "none")
        assert of_check(partition.check(overwrite=False)) is Verdict.LEAVE
        assert partition.label() == ""

    def test_a_new_one_holds_the_reason_and_counts_once_it_is_finished(self, image: Path) -> None:
        self.zero(image, 0, 160 * 2**20)
        partition = DataPartition(image)
        partition.make("why")
        assert partition.label() == UNFINISHED
        partition.finish()
        assert partition.label() == LABEL
        assert partition.check(overwrite=False).status == 0
        shown = subprocess.run(["debugfs", "-R", f"cat {NAME}", image], capture_output=True, check=True)
        assert shown.stdout == encode("why")
        root = subprocess.run(["debugfs", "-R", "stat /", image], capture_output=True, check=True, text=True)
        assert "Mode:  0755" in root.stdout

    def test_a_cut_before_the_new_one_is_written_leaves_no_old_one_to_be_mended(self, old: Path) -> None:
        before = DataPartition(old)
        assert of_check(before.check(overwrite=False)) is Verdict.GOOD
        self.forget(before)
        assert of_check(before.check(overwrite=False)) is Verdict.REMAKE
        assert before.label() == ""

    @pytest.mark.parametrize("seed", range(6))
    def test_whatever_a_cut_leaves_of_one_that_was_being_made_is_made_again(self, old: Path, seed: int) -> None:
        """Of all blocks that mke2fs writes a random part is on the disk, in no order: harsher than a disk is."""
        image = old
        self.forget(DataPartition(image))
        before = image.read_bytes()
        DataPartition(image).make("first")
        rng, step = random.Random(seed), 4096
        after = image.read_bytes()
        share = rng.random()
        with image.open("r+b") as file:
            for at in range(0, len(after), step):
                if after[at : at + step] != before[at : at + step] and rng.random() < share:
                    file.seek(at)
                    file.write(before[at : at + step])

        class Mountable(DataPartition):
            def try_mount(self) -> Said:
                return FINE  # a mount needs a device

        reason = settle(Mountable(image), trial=False, pause=lambda _: None, say=lambda _: None)
        assert reason is not None
        assert DataPartition(image).label() == LABEL
        shown = subprocess.run(["debugfs", "-R", f"cat {NAME}", image], capture_output=True, check=True)
        assert shown.stdout == encode(reason)
        assert settle(Mountable(image), trial=False, pause=lambda _: None, say=lambda _: None) is None

    @pytest.fixture(params=[1024, 4096])
    def old(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        """A file system with files in it, as an image has it (small ones have small blocks)."""
        path, content = tmp_path / "old.img", tmp_path / "content"
        content.mkdir()
        for number in range(64):
            (content / f"{number}.txt").write_bytes(random.Random(number).randbytes(50_000))
        with path.open("wb") as file:
            file.truncate(160 * 2**20)
        options = ["-q", "-F", "-t", "ext4", "-b", str(request.param), "-L", "data", "-d", content]
        subprocess.run(["mke2fs", *options, path], check=True)
        return path

    def forget(self, partition: DataPartition) -> None:
        """Begin to make it anew, and lose power before mke2fs has written anything."""

        def cut(*_command: str, **_limit: float) -> None:
            raise PowerCut

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datapartition, "_must", cut)
            with pytest.raises(PowerCut):
                partition.make("first")

    def test_one_that_cannot_be_made_is_told_in_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(DeviceError, match="look at the card"):
            DataPartition(tmp_path / "none").make("why")
