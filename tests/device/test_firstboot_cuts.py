"""First boot where the system refuses to write or power is cut: no start leaves anything in between for long."""

import random
from contextlib import suppress

import pytest

from offhook.config.disk import StoreError
from offhook.device.boot.bootpartition import CardError, is_torn, write_over
from offhook.device.card.appliedstate import AppliedState, Strip, load_state, save_state
from offhook.device.card.cardsecrets import STORED
from offhook.device.card.firstboot import TARGETS, Outcome
from offhook.device.card.notes import APPLIED, ERRORS
from tests.support.boot_device import Device, applied
from tests.support.boot_files import CERTIFIED, SECRETS, WHOLE, read
from tests.support.cut_card import CutCard, Power, PoweredDisk
from tests.support.cut_disk import PowerCut


class TestWhatTheSystemRefuses:
    def test_a_card_that_cannot_be_written_is_applied_and_stripped_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        device = Device.holding({"offhook.yaml": WHOLE.encode()})

        def refuse(self: CutCard, name: str, data: bytes) -> None:
            raise CardError("read-only")

        with monkeypatch.context() as patch:
            patch.setattr(CutCard, "overwrite", refuse)
            assert device.start() is Outcome.CARD
            assert device.targets().keys() == TARGETS.keys() - {"certificates"}
            device.disks["etc"].files["offhook.yaml"] = b"country: FI\n"  # a change by hand is not undone meanwhile
            assert device.start() is Outcome.CARD
        assert device.start() is Outcome.APPLIED
        assert device.card.files["offhook.yaml"] == read(WHOLE).bare
        assert device.target("config") == b"country: FI\n"

    def test_one_target_that_cannot_be_written_keeps_nothing_else_from_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device = Device.holding({"offhook.yaml": WHOLE.encode()})

        def refuse(name: str, data: bytes) -> None:
            raise StoreError("no such place")

        with monkeypatch.context() as patch:
            patch.setattr(device.disks["connections"], "write", refuse)
            assert device.start() is Outcome.PARTLY
            assert "wifi" not in device.targets()
            assert device.target("config") == read(WHOLE).config
            assert b"is tried again at every start: offhook-wifi.nmconnection" in device.card.files[APPLIED]
            assert STORED.encode() in device.card.files["offhook.yaml"]
        assert device.start() is Outcome.NOTHING
        assert b"psk=correct" in (device.target("wifi") or b"")
        assert load_state(device.disks["state"]).pending is None

    @pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b'{"pending": 3}', b"\xff\x00", b"[" * 100000])
    def test_a_damaged_state_is_none(self, text: bytes) -> None:
        assert load_state(PoweredDisk(files={"firstboot.json": text})) == AppliedState()

    def test_the_state_comes_back_as_it_was_saved(self) -> None:
        disk = PoweredDisk()
        state = AppliedState(
            "a", "b", frozenset({"ssh"}), {"wifi": "æ"}, {"ssh": None, "board": b"\xff"}, Strip(b"a", b"b"), ("w",)
        )
        save_state(disk, state)
        assert load_state(disk) == state


LONG = "# " + "x" * 700 + "\n"
OLD = "country: SE\nnetwork: {wifi: {ssid: old, psk: old password}}\n"
TWO_SECTORS = OLD.replace("old", "new") + LONG + "accounts: [{name: a, uri: 'sip:1@a', password: hunter2-secret}]\n"
GROWING = LONG + "country: NO\naccounts: [{name: a, uri: 'sip:1@a', password: abc}]\n" + LONG


@pytest.mark.parametrize("new", [WHOLE, TWO_SECTORS, GROWING, CERTIFIED], ids=["whole", "two", "growing", "certified"])
@pytest.mark.parametrize("before", [None, OLD], ids=["first", "second"])
def test_a_power_cut_after_any_operation_is_made_good_at_the_next_start(before: str | None, new: str) -> None:
    old = applied(before) if before else Device.holding({})
    card, disks = old.content()
    card["offhook.yaml"] = new.encode()
    done = Device.holding(card, disks)
    assert done.start() is Outcome.APPLIED
    wanted = done.targets()
    assert wanted["config"] == read(new).config
    rng = random.Random(1)
    seen = 0
    for cut in range(done.power.operations + 1):
        device = Device.holding(card, disks, cut)
        try:
            device.start()
        except PowerCut:
            pass
        else:
            assert cut == done.power.operations
        for found_card, found_disks in device.outcomes(rng):
            again = Device.holding(found_card, found_disks)
            again.start()
            assert again.targets() == wanted
            assert again.card.files["offhook.yaml"] == done.card.files["offhook.yaml"]
            assert all(secret.encode() not in b"".join(again.card.files.values()) for secret in SECRETS)
            assert ERRORS not in again.card.files
            assert load_state(again.disks["state"]) == load_state(done.disks["state"])
            assert again.start() is Outcome.NOTHING
            seen += 1
    assert seen > done.power.operations


def test_a_file_that_was_edited_after_the_cut_is_what_counts() -> None:
    card, disks = {"offhook.yaml": WHOLE.encode()}, applied(OLD).content()[1]
    done = Device.holding(card, disks)
    done.start()
    newest = WHOLE.replace("kitchen\n", "hall\n").encode()
    wanted = applied(newest.decode()).targets()
    for cut in range(done.power.operations + 1):
        device = Device.holding(card, disks, cut)
        with suppress(PowerCut):
            device.start()
        for _, found in device.outcomes(random.Random(1)):
            again = Device.holding({"offhook.yaml": newest}, found)
            assert again.start() is Outcome.APPLIED
            assert again.targets() == wanted


def test_a_card_that_is_spoilt_after_the_cut_leaves_the_old_settings_or_the_new_and_no_mixture() -> None:
    card, disks = applied(OLD).content()
    before = Device.holding(card, disks).targets()
    card["offhook.yaml"] = WHOLE.encode()
    done = Device.holding(card, disks)
    done.start()
    seen = set()
    for cut in range(done.power.operations + 1):
        device = Device.holding(card, disks, cut)
        with suppress(PowerCut):
            device.start()
        for _, found in device.outcomes(random.Random(1)):
            again = Device.holding({"offhook.yaml": b"contry: NO\n"}, found)
            assert again.start() is Outcome.FAULTY
            assert again.targets() in (before, done.targets())
            seen.add(again.targets() == before)
    assert seen == {True, False}


def test_a_faulty_file_and_a_cut_leave_the_old_settings() -> None:
    card, disks = applied(OLD).content()
    before = Device.holding(card, disks).targets()
    card["offhook.yaml"] = b"contry: NO\n"
    done = Device.holding(card, disks)
    done.start()
    for cut in range(done.power.operations + 1):
        device = Device.holding(card, disks, cut)
        with suppress(PowerCut):
            device.start()
        for found_card, found_disks in device.outcomes(random.Random(1)):
            again = Device.holding(found_card, found_disks)
            assert again.start() is Outcome.FAULTY
            assert again.targets() == before
            assert again.card.files["offhook.yaml"] == b"contry: NO\n"
            assert b"there is no such setting" in again.card.files[ERRORS]


class TestWritingOver:
    def test_a_file_of_the_same_length_is_written_over_and_nothing_else(self) -> None:
        device = applied()
        sizes = [(before, after) for name, before, after in device.card.overwritten if name == "offhook.yaml"]
        assert sizes == [(len(WHOLE.encode()),) * 2]

    def test_what_is_as_it_should_be_is_not_written(self) -> None:
        card = CutCard.holding({"a": b"x"}, Power())
        write_over(card, "a", b"x")
        assert card.overwritten == []

    def test_half_a_change_is_told_from_an_edit(self) -> None:
        old, new = b"a" * 512 + b"b" * 100, b"A" * 512 + b"B" * 100
        assert is_torn(old, old, new)
        assert is_torn(new[:512] + old[512:], old, new)
        assert not is_torn(old[:600], old, new)  # a person cut it short
        assert not is_torn(b"a" * 511 + b"x" + b"b" * 100, old, new)
        assert not is_torn(b"", b"", b"")
