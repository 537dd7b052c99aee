"""The boot file: what it means, what is wrong with it, and what is left of it on the card."""

import json
from textwrap import indent

import pytest

from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board
from offhook.device.card.bootfile import HEAD
from offhook.device.card.cardsecrets import STORED
from tests.support.boot_files import BOARDS, CERTIFICATE, KEY, SECRETS, WHOLE, read


def faults(data: bytes | str, stored: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(data, stored)
    return [str(fault).removeprefix("offhook.yaml:") for fault in caught.value.faults]


class TestWhatItMeans:
    def test_the_phone_gets_its_own_part_with_every_comment_and_every_digit_as_written(self) -> None:
        config = read(WHOLE).config
        assert config is not None
        assert config.decode() == (
            HEAD
            + """\
# My phone
country: NO       # Norway
accounts:
  - name: home
    uri: sip:1001@pbx.example
    password: hunter2-secret   # was hunter2-secret
    # after the account
  - {name: work, uri: "sip:2@work.example", password: 'it''s "secret" too'}
emergency: {numbers: [0112]}
# wiring
provisioning: {url: "https://config.example/phones/8f2k-kitchen.yaml", interval: 6h}
# net
# remote
# log at last
log: {level: info}
"""
        )
        assert load(config).emergency.numbers[0].number == "0112"

    def test_network_and_ssh_are_read(self) -> None:
        file = read(WHOLE)
        assert file.network.hostname == "kitchen"
        assert file.network.wifi is not None
        assert file.network.wifi.ssid == "Ærlig; nett"
        assert file.ssh.authorized_keys == (KEY,)
        assert file.country == "SE"

    def test_radio_rules_are_those_of_the_phones_country_where_wifi_names_none(self) -> None:
        assert read("country: NO\nnetwork: {wifi: {ssid: a}}\n").country == "NO"

    @pytest.mark.parametrize("written", ["|", "|-", ">"])
    @pytest.mark.parametrize("around", ["", "subject=CN = a\n"])
    def test_certificates_are_read_as_they_lie_in_their_file(self, written: str, around: str) -> None:
        lines = indent(f"{around}{CERTIFICATE}" * 2, "  ")
        file = read(f"country: NO\ncertificates: {written}\n{lines}log: {{}}\n")
        assert file.certificates == CERTIFICATE * 2
        assert file.config is not None
        assert b"CERTIFICATE" not in file.config
        assert file.words[-1] == "Certificates of your own: 2, in /etc/offhook/ca.pem"

    def test_a_board_by_name_is_that_boards_file(self) -> None:
        assert read(WHOLE).board == BOARDS.text("usb-handset-4x3")

    def test_a_board_in_lines_is_moved_to_the_margin_with_its_comments(self) -> None:
        file = read("country: NO\nboard:\n    # mine\n    kind: simulated\n    keypad: 4x3  # small\nlog: {}\n")
        assert file.board is not None
        assert file.board.decode() == HEAD + "# mine\nkind: simulated\nkeypad: 4x3  # small\n"
        assert load_board(file.board).keypad == "4x3"

    def test_a_board_in_braces_is_read(self) -> None:
        file = read('country: NO\nboard: {kind: gpio, keypad: direct, hook: {pin: 17}, keys: {"#": 6}}\n')
        assert file.board is not None
        assert load_board(file.board).keys == {"#": 6}

    def test_a_whole_file_in_braces_is_read(self) -> None:
        text = '{"board": "usb-handset-4x3", "country": "NO", "network": {"hostname": "a"}, "log": {}, "ssh": {}}'
        config = read(text).config
        assert config is not None
        assert config.decode() == HEAD + '{"country": "NO", "log": {}}\n'

    def test_a_file_without_phone_settings_leaves_the_config_alone(self) -> None:
        file = read("network: {wifi: {ssid: a, psk: abcdefgh}}\n")
        assert file.config is None
        assert file.board is None

    @pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n", "---\n"])
    def test_an_empty_file_says_nothing(self, text: str) -> None:
        assert read(text).config is None


class TestHowItIsWritten:
    @pytest.mark.parametrize(
        "data",
        [
            WHOLE.encode("utf-8-sig"),
            WHOLE.replace("\n", "\r\n").encode(),
            WHOLE.replace("\n", "\r\n").encode("utf-8-sig"),
            b"\xff\xfe" + WHOLE.replace("\n", "\r\n").encode("utf-16-le"),
            b"\xfe\xff" + WHOLE.encode("utf-16-be"),
        ],
        ids=["bom", "crlf", "bom-crlf", "utf-16-le", "utf-16-be"],
    )
    def test_every_way_in_which_editors_save_text_means_the_same(self, data: bytes) -> None:
        file, plain = read(data), read(WHOLE)
        assert (file.config, file.board, file.network, file.ssh) == (
            plain.config,
            plain.board,
            plain.network,
            plain.ssh,
        )
        assert len(file.bare) == len(data)
        assert file.bare[:3] == data[:3]
        assert file.bare.count(b"\r") == data.count(b"\r")
        again = read(file.bare, file.secrets)
        assert (again.config is not None, again.secrets, again.bare) == (True, file.secrets, file.bare)

    def test_smart_quotes_are_named_where_they_are(self) -> None:
        assert faults("country: NO\nnetwork:\n  wifi: {ssid: “a”, psk: „abcdefgh”}\n") == [
            "3:16: network.wifi.ssid: is in typographic quotes: use the plain ones, \" or '",
            "3:26: network.wifi.psk: is in typographic quotes: use the plain ones, \" or '",
        ]

    def test_every_tab_is_named(self) -> None:
        found = faults("country: NO\nnetwork:\n\thostname: a\n\twifi:\n\t\tssid: b\n")
        assert [line.split(": ")[0] for line in found] == ["3:1", "4:1", "5:1"]
        assert all("replace the tab by spaces" in line for line in found)

    def test_no_break_spaces_are_named_with_what_to_type(self) -> None:
        assert faults("country: NO\nnetwork:\n\u00a0\u00a0hostname: a\n") == [
            "3:1: an invisible character is here (U+00A0, no-break space): type a plain space in its place",
            "3:2: an invisible character is here (U+00A0, no-break space): type a plain space in its place",
        ]

    def test_text_of_an_old_editor_is_told_where(self) -> None:
        assert faults("country: NO\nserial: Bodø\n".encode("cp1252")) == [
            "2:12: this is not UTF-8 text: save the file as UTF-8"
        ]

    @pytest.mark.parametrize("data", [b"\xff\xfea", b"\xff\xfe\x00\xd8a\x00", b"a\x00b\x00", b"\x00" * 600])
    def test_what_is_no_text_is_a_fault(self, data: bytes) -> None:
        assert len(faults(data)) >= 1


class TestWhatIsWrong:
    def test_every_fault_is_told_at_once(self) -> None:
        found = faults(
            "contry: NO\nboard: usb-handset\nnetwork:\n  hostname: my phone\n  wifi: {ssid: a, psk: short}\n"
            "  ethernet: {address: 10.0.0.5/24, gateway: 10.0.1.1}\nssh: {authorized_keys: [x]}\npsk: abcdefgh\n"
        )
        assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in found] == [
            "1:1 contry",
            "1:1 country",
            "2:8 board",
            "4:13 network.hostname",
            "5:24 network.wifi.psk",
            "6:45 network.ethernet.gateway",
            "7:25 ssh.authorized_keys[0]",
            "8:1 psk",
        ]

    @pytest.mark.parametrize(
        ("section", "message"),
        [
            ('network: {wifi: {ssid: ""}}', "must be 1 to 32 bytes long, not 0"),
            ("network: {wifi: {ssid: " + "æ" * 17 + "}}", "must be 1 to 32 bytes long, not 34"),
            ("network: {wifi: {ssid: a, psk: short}}", "is 5 characters long: a Wi-Fi password has 8 to 63"),
            ("network: {wifi: {ssid: a, psk: " + "a" * 65 + "}}", "is 65 characters long"),
            ("network: {wifi: {ssid: a, psk: " + "g" * 64 + "}}", "is 64 characters long"),
            ("network: {wifi: {ssid: a, psk: blåbærsyltetøy}}", "its character number 3 is none of a Wi-Fi password's"),
            ("network: {wifi: {ssid: a, security: wpa3}}", "wpa3 needs a password"),
            ("network: {wifi: {ssid: a, country: Norway}}", "is not a country"),
            ("network: {wifi: {ssid: a, dns: [1.1.1.1]}}", "goes with a fixed address"),
            ("network: {hostname: a.b}", "is no host name"),
            ("network: {hostname: -a}", 'did you mean "a"'),
            ("network: {ethernet: {address: 10.0.0.5}}", 'did you mean "10.0.0.5/24"'),
            ("network: {ethernet: {address: 10.0.0.0/24}}", "the address of the network itself"),
            ("network: {ethernet: {address: 10.0.0.5/24, gateway: 10.0.0.5}}", "is the phone's own address"),
            ("network: {ethernet: {address: 10.0.0.5/24, gateway: 'fd00::1'}}", "does not lie in the network"),
            ("network: {ethernet: {address: 10.0.0.300/24}}", "is not an address such as"),
            ("ssh: {authorized_keys: [ssh-ed25519 AAAA]}", "is not the whole SSH public key"),
            ("ssh: {authorized_keys: ['ssh-dss AAAA']}", "is no SSH public key"),
            ('ssh: {authorized_keys: ["-----BEGIN OPENSSH PRIVATE KEY-----"]}', "is a private key: keep that"),
            ('ssh: {authorized_keys: \'command="x" ' + KEY + "'}", "must be a list"),
            ("certificates: /boot/firmware/ca.pem", "is no certificate: write | after the colon"),
            ("certificates: [a]", "is no certificate"),
            ('certificates: "-----BEGIN CERTIFICATE----- -----END CERTIFICATE-----"', "is no whole certificate"),
            (f"certificates: {json.dumps(CERTIFICATE[:-80])}", "is no certificate"),
            (f"certificates: {json.dumps(CERTIFICATE.replace('MII', 'MI'))}", "is no whole certificate"),
            (f"certificates: {json.dumps(CERTIFICATE + CERTIFICATE.replace('MII', ''))}", "is no whole certificate"),
            ('certificates: "-----BEGIN EC PRIVATE KEY-----"', "holds a private key: keep that to yourself"),
            ("board: {kind: gpio, keypad: none}", "board.hook: is missing"),
            ("board: {kind: gpoi}", 'board.kind: "gpoi" is not one of'),
            ("board: {kind: gpio, keypad: none, hook: {pin: 17}, ringer: {pin: 17}}", "GPIO17 is taken by"),
            ("board: usb-handset-4x4", 'did you mean "usb-handset-4x3"'),
            ("board: ../../etc/passwd", "there is no board"),
            ("board: [a]", "must hold settings"),
            ("network: {wifi: {ssid: a, psk: " + STORED + "}}", "but this phone keeps none: write it again"),
        ],
    )
    def test_each_rule_has_its_words(self, section: str, message: str) -> None:
        (found,) = faults(f"country: NO\n{section}\n")
        assert message in found

    @pytest.mark.parametrize("before", ["country: NO\ncertificates: |\n", "certificates:\n", "certificates: |\r\n"])
    def test_certificates_that_are_not_indented_are_told_where_they_begin(self, before: str) -> None:
        first = faults(f"{before}{CERTIFICATE * 2}log: {{}}\n")[0]
        line = before.count("\n") + 1
        assert first == f"{line}:1: certificates: put two spaces in front of each line of the certificate"

    def test_a_private_key_over_several_lines_is_recognised_and_not_repeated(self) -> None:
        (found,) = faults(
            "country: NO\nssh:\n  authorized_keys:\n    - |\n      -----BEGIN OPENSSH PRIVATE KEY-----\n"
            "      b3BlbnNzaC1rZXktdjEA\n"
        )
        assert "is a private key" in found
        assert "b3Bl" not in found

    @pytest.mark.parametrize("psk", ["abcdefgh", "a" * 63, "0123456789abcdefABCDEF" + "0" * 42, "æ"])
    def test_a_wifi_password_shows_itself_in_no_fault(self, psk: str) -> None:
        found = faults(f"country: XX\nnetwork: {{wifi: {{ssid: a, psk: [{psk}]}}}}\n")
        assert len(found) == 2
        assert psk not in "\n".join(found)


class TestSecrets:
    def test_no_secret_stays_not_even_in_a_comment(self) -> None:
        bare = read(WHOLE).bare
        assert len(bare) == len(WHOLE.encode())
        for secret in SECRETS:
            assert secret.encode() not in bare
        assert bare.count(STORED.encode()) == 4
        assert b"# was **************" in bare

    def test_a_file_without_secrets_stays_as_it_is(self) -> None:
        text = "country: NO  # hunter2\n"
        assert read(text).bare == text.encode()

    def test_what_is_stored_is_put_back_in_its_place(self) -> None:
        first = read(WHOLE)
        second = read(first.bare.replace(b"level: info", b"level: debug"), first.secrets)
        assert second.config is not None
        assert first.config is not None
        assert load(second.config) == load(first.config.replace(b"level: info", b"level: debug"))
        assert second.network == first.network
        assert second.secrets == first.secrets

    def test_an_account_finds_its_password_by_name(self) -> None:
        accounts = "country: NO\naccounts:\n  - {name: %s, uri: 'sip:1@a', password: %s}\n"
        two = accounts % ("b", STORED) + accounts.splitlines()[2] % ("a", STORED) + "\n"
        config = read(two, {"account a": "first", "account b": "second"}).config
        assert config is not None
        assert [a.password.reveal() for a in load(config).accounts if a.password] == ["second", "first"]

    def test_a_new_secret_replaces_the_stored_one(self) -> None:
        first = read(WHOLE)
        text = first.bare.decode().replace(f"psk: {STORED}", "psk: a new password ")
        second = read(text, first.secrets)
        assert second.secrets["wifi"] == "a new password"
        assert second.secrets["account home"] == first.secrets["account home"]
        assert b"a new password" not in second.bare

    def test_the_old_password_in_a_comment_goes_when_the_new_one_is_set(self) -> None:
        text = "network:\n  wifi:\n    ssid: a\n    # psk: old password\n    psk: new password\n"
        assert b"old" not in read(text, {"wifi": "old password"}).bare

    @pytest.mark.parametrize(
        "written",
        [
            *("hunter2", '"hunter2"', "'hunter2'", "|\n      hunter2\n", ">-\n      hunter2\n", "hunter2 # hunter2"),
            *("\n      hunter2", '"hunter\\u0032"', "&a hunter2"),
        ],
    )
    def test_however_a_secret_is_written_it_goes_and_the_rest_stays(self, written: str) -> None:
        text = f"country: NO\naccounts:\n  - name: a\n    password: {written}\n    uri: sip:1@a\nlog: {{}}\n"
        file = read(text)
        assert file.secrets == {"account a": "hunter2"}
        assert b"hunter" not in file.bare
        again = read(file.bare, file.secrets)
        assert again.secrets == file.secrets
        assert file.config is not None
        assert again.config is not None
        assert load(again.config) == load(file.config)

    def test_a_secret_shorter_than_the_marker_makes_the_file_longer(self) -> None:
        text = "country: NO\naccounts: [{name: a, uri: 'sip:1@a', password: abc}]\n"
        file = read(text)
        assert file.bare == text.replace("abc", STORED).encode()
