"""First boot: what is taken over, what is left on the card, and that no power cut leaves anything in between."""

import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product

import pytest

from offhook.config.disk import StoreError
from offhook.config.load import load
from offhook.device.appliedstate import AppliedState, Strip, load_state, save_state
from offhook.device.bootfile import BootFile
from offhook.device.bootpartition import CardError, is_torn, write_over
from offhook.device.cardsecrets import STORED
from offhook.device.firstboot import TARGETS, FirstBoot, Folder, Outcome
from offhook.device.notes import APPLIED, ERRORS
from tests.support.boot_files import BOARDS, CERTIFICATE, CERTIFIED, KEY, SECRETS, WHOLE, read
from tests.support.cut_card import CutCard, Power, PoweredDisk
from tests.support.cut_disk import PowerCut

FOLDERS: tuple[Folder, ...] = ("etc", "connections", "state", "ssh")
Files = dict[str, bytes]


@dataclass
class Device:
    """A phone's disks; ``start`` is one boot."""

    card: CutCard
    disks: dict[Folder, PoweredDisk]
    lines: list[str] = field(default_factory=list)
    remade: str | None = None

    @classmethod
    def holding(cls, card: Files, disks: dict[Folder, Files] | None = None, cut_after: int | None = None) -> "Device":
        power = Power(cut_after)
        made = {name: PoweredDisk(power=power) for name in FOLDERS}
        for name, files in (disks or {}).items():
            made[name].files, made[name].durable = dict(files), dict(files)
        return cls(CutCard.holding(card, power), made)

    @property
    def power(self) -> Power:
        return self.card.power

    def start(self) -> Outcome:
        def now() -> datetime:
            return datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

        def known(data: bytes, name: str, kept: Mapping[str, str]) -> BootFile:
            return read(data, kept, name)

        return FirstBoot(self.card, self.disks, known, now, self.lines.append, self.remade).run()

    def target(self, name: str) -> bytes | None:
        folder, file = TARGETS[name]
        return self.disks[folder].files.get(file)

    def targets(self) -> dict[str, bytes]:
        return {name: data for name in TARGETS if (data := self.target(name)) is not None}

    def content(self) -> tuple[Files, dict[Folder, Files]]:
        return dict(self.card.files), {name: dict(disk.files) for name, disk in self.disks.items()}

    def outcomes(self, rng: random.Random) -> Iterator[tuple[Files, dict[Folder, Files]]]:
        """What may be found on all disks when power is back."""
        cards = list(self.card.outcomes(rng))
        folders = product(*(list(self.disks[name].outcomes()) for name in FOLDERS))
        for card, found in product(cards, list(folders)):
            yield card, dict(zip(FOLDERS, found, strict=True))


def applied(text: str = WHOLE) -> Device:
    device = Device.holding({"offhook.yaml": text.encode()})
    assert device.start() is Outcome.APPLIED
    return device


class TestTakingOver:
    def test_everything_is_written_and_the_card_loses_its_secrets(self) -> None:
        device = applied()
        expected = read(WHOLE)
        assert device.target("config") == expected.config
        assert device.target("board") == BOARDS.text("usb-handset-4x3")
        assert device.target("hostname") == b"kitchen\n"
        assert device.target("wifi-country") == b"COUNTRY=SE\n"
        assert device.target("ssh") == f"{KEY}\n".encode()
        assert b"psk=correct horse battery\n" in (device.target("wifi") or b"")
        assert device.card.files["offhook.yaml"] == expected.bare
        for secret in SECRETS:
            assert all(secret.encode() not in data for data in device.card.files.values())

    def test_certificates_lie_where_the_config_names_them(self) -> None:
        device = applied(CERTIFIED)
        assert device.target("certificates") == CERTIFICATE.encode()
        assert load(device.target("config") or b"").update.ca_file == f"/etc/offhook/{TARGETS['certificates'][1]}"
        device.card.files["offhook.yaml"] = b"network: {hostname: hall}\n"
        assert device.start() is Outcome.APPLIED
        assert device.target("certificates") == CERTIFICATE.encode(), "the config stays, so does what it names"

    def test_the_card_says_what_was_taken_over(self) -> None:
        note = applied().card.files[APPLIED].decode()
        assert note.startswith("offhook has taken over offhook.yaml.\r\nWhen: 2026-11-30 12:00 UTC")
        assert "Wi-Fi: Ærlig; nett\r\n" in note
        assert "accounts: home, work\r\n" in note
        assert note.count("\n") == note.count("\r\n")

    def test_a_start_with_nothing_new_writes_nothing_and_reads_no_yaml(self) -> None:
        device = applied()
        device.power.operations = 0

        def unread(data: bytes, name: str, kept: object) -> None:
            raise AssertionError("nothing is new")

        first = FirstBoot(device.card, device.disks, unread, lambda: datetime.now(UTC), device.lines.append)  # type: ignore[arg-type]
        assert first.run() is Outcome.NOTHING
        assert device.power.operations == 0

    def test_without_a_file_nothing_happens(self) -> None:
        device = Device.holding({"config.txt": b""})
        assert device.start() is Outcome.NOTHING
        assert (device.power.operations, device.targets()) == (0, {})

    @pytest.mark.parametrize("name", ["OFFHOOK.YAM.txt", "._offhook.yaml", "offhook-example.yaml", "offhook.yaml~"])
    def test_other_files_are_not_taken_for_it(self, name: str) -> None:
        assert Device.holding({name: WHOLE.encode()}).start() is Outcome.NOTHING

    @pytest.mark.parametrize("name", ["OFFHOOK.YAML", "offhook.yml", "offhook.yaml.txt", "Offhook.yml.TXT"])
    def test_what_editors_make_of_the_name_is_accepted(self, name: str) -> None:
        device = Device.holding({name: WHOLE.encode()})
        assert device.start() is Outcome.APPLIED
        assert device.card.files[name] == read(WHOLE).bare
        assert device.start() is Outcome.NOTHING

    def test_two_files_are_told_and_none_is_taken(self) -> None:
        device = Device.holding({"offhook.yaml": WHOLE.encode(), "offhook.yaml.txt": WHOLE.encode()})
        assert device.start() is Outcome.FAULTY
        assert b"offhook.yaml, offhook.yaml.txt" in device.card.files[ERRORS]
        assert device.targets() == {}
        del device.card.files["offhook.yaml.txt"]
        assert device.start() is Outcome.APPLIED
        assert ERRORS not in device.card.files


class TestChanging:
    def test_another_setting_is_applied_and_the_secrets_are_kept(self) -> None:
        device = applied()
        before = device.targets()
        edited = device.card.files["offhook.yaml"].replace(b"level: info", b"level: debug")
        device.card.files["offhook.yaml"] = edited
        assert device.start() is Outcome.APPLIED
        after = device.targets()
        assert load(after["config"]) == load(before["config"].replace(b"level: info", b"level: debug"))
        assert {**after, "config": b""} == {**before, "config": b""}
        assert device.card.files["offhook.yaml"] == edited

    def test_a_changed_secret_replaces_the_stored_one(self) -> None:
        device = applied()
        edited = device.card.files["offhook.yaml"].replace(b"psk: <stored>", b"psk: a new one")
        device.card.files["offhook.yaml"] = edited
        assert device.start() is Outcome.APPLIED
        assert b"psk=a new one\n" in (device.target("wifi") or b"")
        assert b"a new one" not in device.card.files["offhook.yaml"]
        assert b"hunter2-secret" in (device.target("config") or b"")

    def test_a_file_that_leaves_the_config_alone_leaves_its_secrets_alone_too(self) -> None:
        device = applied()
        stripped, config = device.card.files["offhook.yaml"], device.target("config")
        device.card.files["offhook.yaml"] = b"network:\n  hostname: hall\n"
        assert device.start() is Outcome.APPLIED
        assert load_state(device.disks["state"]).secrets.keys() == {"account home", "account work", "provisioning"}
        device.card.files["offhook.yaml"] = stripped.replace(b"psk: <stored>", b"psk: abcdefgh")
        assert device.start() is Outcome.APPLIED
        assert load(device.target("config") or b"") == load(config or b"")

    def test_the_old_file_copied_back_is_stripped_again(self) -> None:
        device = applied()
        device.card.files["offhook.yaml"] = WHOLE.encode()
        assert device.start() is Outcome.APPLIED
        assert device.card.files["offhook.yaml"] == read(WHOLE).bare

    def test_what_the_file_no_longer_says_is_taken_back_but_never_the_phones_config(self) -> None:
        device = applied()
        config, board = device.target("config"), device.target("board")
        device.card.files["offhook.yaml"] = b"network:\n  hostname: hall\n"
        assert device.start() is Outcome.APPLIED
        assert device.targets().keys() == {"config", "board", "overlays", "hostname", "ethernet"}
        assert (device.target("config"), device.target("board")) == (config, board)
        device.card.files["offhook.yaml"] = b"country: SE\n"
        assert device.start() is Outcome.APPLIED
        assert device.targets().keys() == {"config", "board", "overlays"}

    @pytest.mark.parametrize("rest", [b"", b"# nothing\n", b"\n"])
    def test_an_emptied_or_deleted_file_takes_nothing_back(self, rest: bytes) -> None:
        device = applied()
        before = device.targets()
        device.card.files["offhook.yaml"] = rest
        assert device.start() is Outcome.NOTHING
        del device.card.files["offhook.yaml"]
        assert device.start() is Outcome.NOTHING
        assert device.targets() == before

    def test_files_made_by_hand_stay_where_the_boot_file_never_said_anything(self) -> None:
        device = Device.holding({"offhook.yaml": b"country: NO\n"}, {"ssh": {"authorized_keys": b"mine"}})
        assert device.start() is Outcome.APPLIED
        assert device.target("ssh") == b"mine"


class TestFaults:
    def test_a_file_with_faults_changes_nothing_and_is_told_in_plain_words(self) -> None:
        device = applied()
        before = device.targets()
        device.card.files["offhook.yaml"] = b"country: NO\nnetwork:\n  wifi: {ssid: a, psk: short}\n"
        assert device.start() is Outcome.FAULTY
        assert device.targets() == before
        note = device.card.files[ERRORS].decode()
        assert "offhook could not use offhook.yaml.\r\nNothing was changed" in note
        assert "* Line 3, column 24: network.wifi.psk is 5 characters long: a Wi-Fi password has 8 to 63.\r\n" in note
        assert device.lines == [
            "offhook.yaml:3:24: network.wifi.psk: is 5 characters long: a Wi-Fi password has 8 to 63"
        ]

    def test_the_note_goes_away_when_all_is_well(self) -> None:
        device = Device.holding({"offhook.yaml": b"contry: NO\n"})
        assert device.start() is Outcome.FAULTY
        assert b"The phone has no settings yet." in device.card.files[ERRORS]
        device.card.files["offhook.yaml"] = b"country: NO\n"
        assert device.start() is Outcome.APPLIED
        assert ERRORS not in device.card.files

    def test_the_same_faults_are_not_looked_for_at_every_start(self) -> None:
        device = Device.holding({"offhook.yaml": b"contry: NO\n"})
        device.start()
        device.power.operations, device.lines = 0, []
        assert device.start() is Outcome.FAULTY
        assert (device.power.operations, device.lines) == (0, [])

    def test_the_note_goes_away_when_the_applied_file_comes_back(self) -> None:
        device = applied()
        good = device.card.files["offhook.yaml"]
        device.card.files["offhook.yaml"] = b"contry: NO\n"
        device.start()
        device.card.files["offhook.yaml"] = good
        assert device.start() is Outcome.NOTHING
        assert ERRORS not in device.card.files

    def test_a_card_that_went_to_another_phone_says_what_to_do(self) -> None:
        card = dict(applied().card.files)
        other = Device.holding(card)
        assert other.start() is Outcome.FAULTY
        assert other.card.files[ERRORS].decode().count(f"says {STORED}, but this phone keeps none: write it again") == 4


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
