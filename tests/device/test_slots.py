"""The slot files of both schemes: what we write we read, and nothing else is taken for ours."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.device.boot.slots import (
    AUTOBOOT,
    CONFIG,
    LENGTH,
    SLOTS,
    TRYBOOT,
    Choice,
    Scheme,
    Slot,
    SlotError,
    autoboot_text,
    choice_in,
    files_for,
    kernel_command_line,
    other,
    prefix_text,
    read_autoboot,
    read_prefix,
    slot_named,
)

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("slot", SLOTS)
def test_what_is_written_is_read(scheme: Scheme, slot: Slot) -> None:
    files = files_for(scheme, slot)
    assert choice_in(scheme, files) == Choice(slot, other(slot))
    assert {len(data) for data in files.values()} == {LENGTH}


def test_autoboot_reads_as_the_boot_firmware_documents_it() -> None:
    text = autoboot_text("a").decode().rstrip("\n")
    assert text == "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3"
    assert prefix_text("b").decode().rstrip("\n") == "os_prefix=b/\ninclude phone.txt"


def test_a_file_that_a_pc_saved_is_read() -> None:
    text = (
        b"# slots\r\n[all]\r\ntryboot_a_b=1\r\nboot_partition=3 # b\r\n[none]\r\nx=1\r\n[tryboot]\r\nboot_partition=2"
    )
    assert read_autoboot(text) == Choice("b", "a")
    assert read_prefix(b"os_prefix=b/\r\ninclude phone.txt\r\n") == "b"


def test_without_a_word_on_trials_the_primary_slot_is_tried() -> None:
    assert read_autoboot(b"tryboot_a_b=1\nboot_partition=2\n") == Choice("a", "a")
    assert choice_in("prefix", {CONFIG: prefix_text("b")}) == Choice("b", "b")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "tryboot_a_b=1 is missing"),
        (b"[all]\ntryboot_a_b=0\nboot_partition=2\n", "tryboot_a_b=1 is missing"),
        (b"tryboot_a_b=1\n[tryboot]\nboot_partition=3\n", "no boot_partition under [all]"),
        (b"tryboot_a_b=1\nboot_partition=4\n", "boot_partition is 2 (slot a) or 3"),
        (b"tryboot_a_b=1\nboot_partition=2\nkernel=x\n", "'kernel=x' is not understood"),
        (b"tryboot_a_b=1\nboot_partition=2\n[pi4]\n", "'[pi4]' is not understood"),
        (b"tryboot_a_b=1\nboot_partition=2\n[all\n", "'[all' is not understood"),
        (b"\xff\xfe", "not plain text"),
        (b"\n" * 513, "512 are the most"),
    ],
)
def test_an_autoboot_that_is_not_ours_is_refused_in_one_line(text: bytes, word: str) -> None:
    with pytest.raises(SlotError) as caught:
        read_autoboot(text)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "must stand there"),
        (b"os_prefix=a/\n", "must stand there"),
        (b"include phone.txt\n", "must stand there"),
        (b"os_prefix=c/\ninclude phone.txt\n", "os_prefix is a/ or b/"),
        (b"os_prefix=a/\ninclude phone.txt\ndtparam=audio=on\n", "is not understood"),
    ],
)
def test_a_config_txt_that_is_not_ours_is_refused_in_one_line(text: bytes, word: str) -> None:
    with pytest.raises(SlotError) as caught:
        read_prefix(text)
    assert word in str(caught.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_missing_slot_file_is_told(scheme: Scheme) -> None:
    with pytest.raises(SlotError, match="is missing on the boot partition"):
        choice_in(scheme, {})


@given(st.binary(max_size=600), st.sampled_from(SCHEMES))
def test_any_content_is_read_or_refused(data: bytes, scheme: Scheme) -> None:
    try:
        found = choice_in(scheme, {AUTOBOOT: data, CONFIG: data, TRYBOOT: data})
    except SlotError:
        return
    assert found.primary in SLOTS


LINES = st.lists(
    st.sampled_from(
        [
            "[all]",
            "[tryboot]",
            "[none]",
            "tryboot_a_b=1",
            "boot_partition=2",
            "boot_partition=3",
            "# x",
            "",
            "os_prefix=a/",
        ]
    ),
    max_size=8,
)


@given(LINES)
def test_any_order_of_known_lines_is_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_autoboot("\n".join(lines).encode())
    except SlotError:
        return
    assert "tryboot_a_b=1" in lines
    assert (f"boot_partition={2 if found.primary == 'a' else 3}") in lines


def test_the_command_line_names_this_slots_root_and_keeps_the_rest() -> None:
    old = "console=ttyS0 root=PARTLABEL=root_a offhook.slot=a offhook.scheme=prefix ro quiet offhook.tryboot=1\n"
    assert kernel_command_line(old, "b", "partition") == (
        "root=PARTLABEL=root_b offhook.slot=b offhook.scheme=partition console=ttyS0 ro quiet panic=10"
    )
    assert kernel_command_line("ro panic=3", "a", "prefix").endswith(" ro panic=3")


@given(st.text(max_size=200), st.sampled_from(SLOTS), st.sampled_from(SCHEMES))
def test_a_command_line_is_one_line_and_made_once(text: str, slot: Slot, scheme: Scheme) -> None:
    made = kernel_command_line(text, slot, scheme)
    assert kernel_command_line(made, slot, scheme) == made
    assert made.split().count(f"offhook.slot={slot}") == 1


def test_a_slot_is_a_or_b() -> None:
    assert [slot_named("a"), slot_named("b")] == ["a", "b"]
    with pytest.raises(SlotError, match="write a or b"):
        slot_named("rootfs.0")
