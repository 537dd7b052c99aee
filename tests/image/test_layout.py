"""Where partitions lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagebuild.layout import MIB, SCHEMES, DiskLayout, Scheme

SIZES = st.integers(min_value=1, max_value=4096)


@given(st.sampled_from(SCHEMES), SIZES, SIZES, SIZES)
def test_partitions_follow_one_another_and_leave_room_for_both_tables(
    scheme: Scheme, root: int, data: int, boot: int
) -> None:
    layout = DiskLayout.of(scheme, root=root, data=data, boot=boot)
    end = MIB
    for number, partition in enumerate(layout.partitions, start=1):
        assert (partition.number, partition.offset) == (number, end)
        end += partition.length
    assert layout.size == end + MIB


def test_autoboot_txt_counts_the_slots_as_they_are_laid_out() -> None:
    layout = DiskLayout.of("partition", root=300, data=100)
    assert [(layout.named(name).number, layout.named(name).filesystem) for name in ("bootcfg", "boot_a", "boot_b")] == [
        (1, "vfat"),
        (2, "vfat"),
        (3, "vfat"),
    ]
    assert [partition.name for partition in layout.partitions[3:]] == ["root_a", "root_b", "data"]


def test_one_fat_partition_serves_both_slots_of_the_older_machines() -> None:
    layout = DiskLayout.of("prefix", root=300, data=100)
    assert [partition.name for partition in layout.partitions] == ["bootcfg", "root_a", "root_b", "data"]
    with pytest.raises(KeyError):
        layout.named("boot_a")


def test_sfdisk_is_told_names_and_types() -> None:
    script = DiskLayout.of("prefix", root=300, data=100, boot=64).sfdisk_script().splitlines()
    assert script[0] == "label: gpt"
    assert script[1] == "start=1MiB, size=64MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=bootcfg"
    assert script[2] == "start=65MiB, size=300MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=root_a"
    assert len(script) == 5
