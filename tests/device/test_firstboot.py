"""First boot: what is taken over, what is left on the card, and what is told of faults."""

from datetime import UTC, datetime

import pytest

from offhook.config.load import load
from offhook.device.card.appliedstate import load_state
from offhook.device.card.cardsecrets import STORED
from offhook.device.card.firstboot import TARGETS, FirstBoot, Outcome
from offhook.device.card.notes import APPLIED, ERRORS
from tests.support.boot_device import Device, applied
from tests.support.boot_files import BOARDS, CERTIFICATE, CERTIFIED, KEY, SECRETS, WHOLE, read


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
