"""The data partition by the real programs: what they say and mend, and what a cut leaves of one that is being made."""

import random
import subprocess
from pathlib import Path

import pytest

from offhook.device.data import datapartition
from offhook.device.data.datacheck import LABEL, UNFINISHED, Said, Verdict, of_check, settle
from offhook.device.data.datapartition import DataPartition
from offhook.device.data.remade import NAME, encode, read_remade
from offhook.errors import DeviceError
from tests.support.cut_disk import PowerCut

FINE = Said(0)


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
