"""First boot of a phone whose memory was made anew: what the card says of it, and for how long."""

import random
from contextlib import suppress

import pytest

from offhook.device.card.cardsecrets import STORED
from offhook.device.card.firstboot import Outcome
from offhook.device.card.notes import APPLIED, ERRORS
from tests.support.boot_device import Device, Files, applied
from tests.support.boot_files import WHOLE, read
from tests.support.cut_disk import PowerCut


class TestAMemoryThatWasMadeAnew:
    REASON = "e2fsck ended with 8: Bad magic number in super-block"

    def remade(self, card: Files) -> Device:
        """A phone whose data partition was made anew: nothing on it but the reason."""
        device = Device.holding(card)
        device.remade = self.REASON
        return device

    def note(self, device: Device, name: str = ERRORS) -> str:
        return device.card.files[name].decode()

    def test_passwords_that_were_taken_from_the_card_are_told_to_be_gone(self) -> None:
        device = self.remade(dict(applied().card.files))
        assert device.start() is Outcome.FAULTY
        note = self.note(device)
        assert note.startswith("The phone could not read its own memory any more, and made it anew.\r\nWhy: e2fsck")
        assert "All that it kept is gone" in note
        assert "Until it can, the phone is as it came from the image." in note
        assert "what it had before" not in note
        assert note.count(f"says {STORED}, but this phone keeps none: write it again") == 4
        assert device.targets() == {}

    def test_the_note_goes_away_with_a_new_file_and_does_not_come_back(self) -> None:
        device = self.remade(dict(applied().card.files))
        device.start()
        device.card.files["offhook.yaml"] = WHOLE.encode()
        assert device.start() is Outcome.APPLIED
        assert ERRORS not in device.card.files
        assert "made it anew" in self.note(device, APPLIED)
        assert device.target("config") == read(WHOLE).config
        for text in (b"contry: NO\n", b""):
            device.card.files["offhook.yaml"] = text
            device.start()
            assert ERRORS not in device.card.files or "made it anew" not in self.note(device)

    def test_a_file_without_secrets_is_applied_again_at_once(self) -> None:
        plain = b"country: NO\nboard: usb-handset-4x3\n"
        device = self.remade(dict(applied(plain.decode()).card.files))
        assert device.start() is Outcome.APPLIED
        assert "All that this file says is there again." in self.note(device, APPLIED)
        assert device.target("config") is not None

    @pytest.mark.parametrize("card", [{}, {"offhook.yaml": b"# nothing\n"}])
    def test_without_a_file_the_card_says_what_to_do(self, card: Files) -> None:
        device = self.remade(card)
        assert device.start() is Outcome.NOTHING
        assert "write offhook.yaml anew (offhook-example.yaml shows how)" in self.note(device)
        device.power.operations = 0
        assert device.start() is Outcome.NOTHING
        assert device.power.operations == 0

    def test_a_cut_leaves_the_note_to_the_next_start(self) -> None:
        card, rng = dict(applied().card.files), random.Random(8)
        whole = self.remade(card)
        whole.start()
        for cut in range(whole.power.operations + 1):
            device = Device.holding(card, cut_after=cut)
            device.remade = self.REASON
            with suppress(PowerCut):
                device.start()
            for files, disks in device.outcomes(rng):
                again = Device.holding(files, disks)
                again.remade = self.REASON
                assert again.start() is Outcome.FAULTY
                assert again.card.files[ERRORS] == whole.card.files[ERRORS]
