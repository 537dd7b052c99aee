"""Arming and committing, in both schemes, over every cut of power."""

import random
from typing import get_args

import pytest

from offhook.device.boot.bootpartition import CardError
from offhook.device.boot.slotfiles import SlotFiles
from offhook.device.boot.slots import (
    CONFIG,
    SLOTS,
    TRYBOOT,
    Choice,
    Scheme,
    Slot,
    SlotError,
    choice_in,
    files_for,
    other,
)
from tests.support.cut_card import CutCard, Power
from tests.support.cut_disk import PowerCut

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
RNG = random.Random(4)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("slot", SLOTS)
def test_a_commit_swaps_the_slots(scheme: Scheme, slot: Slot) -> None:
    disk = CutCard.holding(files_for(scheme, slot))
    files = SlotFiles(scheme, disk)
    files.prepare(other(slot))
    assert disk.power.operations == 0, "the other slot is the one to try already"
    files.commit(other(slot))
    assert files.choice() == Choice(other(slot), slot)
    files.commit(other(slot))
    assert files.choice() == Choice(other(slot), slot)
    with pytest.raises(SlotError, match="starts already"):
        files.prepare(other(slot))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_at_every_cut_of_a_commit_one_of_the_two_starts_and_a_repeat_ends_it(scheme: Scheme) -> None:
    whole = CutCard.holding(files_for(scheme, "a"))
    SlotFiles(scheme, whole).commit("b")
    primaries = set()
    for cut in range(whole.power.operations + 1):
        disk = CutCard.holding(files_for(scheme, "a"), Power(cut))
        try:
            SlotFiles(scheme, disk).commit("b")
        except PowerCut:
            assert cut < whole.power.operations
        for found in disk.outcomes(RNG):
            choice = choice_in(scheme, found)
            primaries.add(choice.primary)
            if cut == whole.power.operations:
                assert choice == Choice("b", "a"), "what was acknowledged stays"
            again = SlotFiles(scheme, CutCard.holding(found))
            again.commit("b")
            assert again.choice() == Choice("b", "a")
    assert primaries == {"a", "b"}


def test_a_prefix_that_was_left_between_its_two_files_is_put_right_before_the_next_trial() -> None:
    left = {CONFIG: files_for("prefix", "b")[CONFIG], TRYBOOT: files_for("prefix", "a")[TRYBOOT]}
    files = SlotFiles("prefix", CutCard.holding(left))
    assert files.choice() == Choice("b", "b")
    files.prepare("a")
    assert files.choice() == Choice("b", "a")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_not_understood_is_not_overwritten(scheme: Scheme) -> None:
    disk = CutCard.holding({name: b"kernel=mine\n".ljust(480) for name in files_for(scheme, "a")})
    with pytest.raises(SlotError, match="nothing is changed"):
        SlotFiles(scheme, disk).commit("b")
    with pytest.raises(SlotError, match="nothing is changed"):
        SlotFiles(scheme, disk).prepare("b")
    assert disk.power.operations == 0


def test_a_file_that_is_too_short_is_found_out_before_the_trial() -> None:
    autoboot = b"[all]\ntryboot_a_b=1\nboot_partition=2\n"
    with pytest.raises(CardError, match="copy it anew"):
        SlotFiles("partition", CutCard.holding({"autoboot.txt": autoboot})).prepare("b")
