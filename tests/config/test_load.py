"""From text to a whole model, or to every fault with its place."""

import copy
import pickle

import pytest

from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board, origins
from offhook.config.scalars import HostPort, PortRange, Secret
from offhook.errors import OffhookError

LEAST = """\
country: NO                       # home country: tones, emergency numbers
accounts:
  - name: desk
    uri: sip:1001@pbx.test
    user: "1001"                  # auth id, if it differs from the uri's user
    password: secret1001
    server: 10.77.0.1:5060        # ip or name, port optional
    transport: udp                # udp | tcp | tls
    register: true                # false: calls go straight to `server`, and the account counts as in service
sip: {listen: "10.77.0.2:0"}      # port 0: any
rtp: {ports: 20000-20100}
dialplan: "(xx.T|*xx)"
location: {civic: {country: NO, A3: Oslo, RD: Storgata, HNO: "1", FLR: "3"}}
audio: {capture: phone_mic, playback: phone_ear}     # ALSA PCM names
"""


class MapError(OffhookError):
    """What a dial plan's parser raises."""

    def __init__(self, position: int) -> None:
        super().__init__("no such key; use 0-9")
        self.position = position


def faults_of(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return str(caught.value).splitlines()


def only_fault(text: str) -> str:
    (fault,) = faults_of(text)
    return fault


class TestGoodFiles:
    def test_the_least_config_of_the_simulated_board_is_taken(self) -> None:
        config = load(LEAST)
        (account,) = config.accounts
        assert (config.country, account.name, account.transport, account.registers) == ("NO", "desk", "udp", True)
        assert account.password == Secret("secret1001")
        assert config.sip.listen == HostPort("10.77.0.2", 0)
        assert config.rtp.ports == PortRange(20000, 20100)
        assert config.location is not None
        assert config.location.civic is not None
        assert config.location.civic.elements() == {
            "country": "NO",
            "A3": "Oslo",
            "RD": "Storgata",
            "HNO": "1",
            "FLR": "3",
        }
        assert (config.audio.capture, config.audio.playback) == ("phone_mic", "phone_ear")

    def test_a_country_is_enough(self) -> None:
        config = load("country: US\n")
        assert config.accounts == ()
        assert config.sip.listen == HostPort("::", 5060)
        assert config.provisioning.url is None

    def test_the_least_board_is_taken(self) -> None:
        board = load_board("kind: simulated\nkeypad: 4x4\nlamps: [line, message, battery]\nbuttons: [volume_up]\n")
        assert [lamp.name for lamp in board.lamps] == ["line", "message", "battery"]
        assert [button.name for button in board.buttons] == ["volume_up"]

    def test_settings_without_value_take_their_defaults(self) -> None:
        config = load("country: NO\naccounts:\naudio:\nrtp: ~\nweb: {port: }\nlocation: null\n")
        assert config == load("country: NO\n")

    def test_numbers_keep_their_zeros_and_pluses(self) -> None:
        text = 'country: NO\nemergency: {numbers: [0112, "#99", {number: 0117, service: sos.fire}]}\n'
        numbers = load(text).emergency.numbers
        assert [(each.number, each.urn) for each in numbers] == [
            ("0112", "urn:service:sos"),
            ("#99", "urn:service:sos"),
            ("0117", "urn:service:sos.fire"),
        ]

    def test_an_account_falls_back_to_its_uri(self) -> None:
        (account,) = load("country: NO\naccounts: [{name: a, uri: 'sip:0100@pbx.test:5070'}]\n").accounts
        assert (account.auth_user, account.next_hop) == ("0100", "pbx.test:5070")


class TestFaults:
    def test_every_fault_comes_at_once_in_the_order_of_the_file(self) -> None:
        text = """\
country: no
accounts:
  - name: desk
    pasword: hunter2
    uri: 1001@pbx
    transport: tsl
    register: yes
    expires: 0112
  - name: desk
    tls: {key: own.pem}
rtp: {ptime: 25, codecs: [pcmu]}
capture: mic
emergency: {numbers: [{number: 112, service: sos.fir}]}
sip: {}
sip: {}
"""
        assert faults_of(text) == [
            'offhook.yaml:1:10: country: "no" is not a country: write its two capital letters (ISO 3166), '
            'such as NO or US (did you mean "NO"?)',
            'offhook.yaml:4:5: accounts[0].pasword: there is no such setting (did you mean "password"?)',
            "offhook.yaml:5:10: accounts[0].uri: is not an address such as sip:1001@pbx.example "
            '(did you mean "sip:1001@pbx"?)',
            'offhook.yaml:6:16: accounts[0].transport: "tsl" is not one of auto, udp, tcp, tls (did you mean "tls"?)',
            'offhook.yaml:7:15: accounts[0].register: must be true or false, not "yes" (did you mean "true"?)',
            'offhook.yaml:8:14: accounts[0].expires: "0112" is not a whole number (did you mean "112"?)',
            "offhook.yaml:9:5: accounts[1].uri: is missing: add it, as in uri: sip:1001@pbx.example",
            "offhook.yaml:9:11: accounts[1].name: is the name of the account in line 3 already",
            "offhook.yaml:10:16: accounts[1].tls.key: has no certificate: set tls.certificate too",
            'offhook.yaml:11:14: rtp.ptime: "25" must be a multiple of 10',
            'offhook.yaml:11:27: rtp.codecs[0]: "pcmu" is not one of PCMU, PCMA (did you mean "PCMU"?)',
            "offhook.yaml:12:1: capture: stands in the wrong place: it belongs under audio",
            'offhook.yaml:13:46: emergency.numbers[0].service: "sos.fir" is not one of sos, sos.ambulance, '
            "sos.animal-control, sos.fire, sos.gas, sos.marine, sos.mountain, sos.physician, sos.poison, sos.police "
            '(did you mean "sos.fire"?)',
            "offhook.yaml:15:1: sip: is set twice, first in line 14: remove one of the two",
        ]

    def test_an_empty_file_lacks_its_country(self) -> None:
        assert only_fault("") == "offhook.yaml:1:1: country: is missing: add it, as in country: NO"

    @pytest.mark.parametrize("text", ["hello", "- a\n- b\n", "'quoted'", "42"])
    def test_a_file_without_settings_is_told_so(self, text: str) -> None:
        assert "does not hold settings" in only_fault(text)

    def test_a_broken_value_hides_no_other_fault_and_causes_none(self) -> None:
        text = "country: *NO\naccounts: [*a, {name: x, uri: *b, expires: 1}]\n"
        paths = [line.split(": ")[1] for line in faults_of(text)]
        assert paths == ["country", "accounts[0]", "accounts[1].uri", "accounts[1].expires"]

    def test_settings_where_a_text_belongs_are_told(self) -> None:
        assert "must be one text" in only_fault("country: NO\nlanguage: {a: b}\n")
        assert "must hold settings" in only_fault("country: NO\naudio: card\n")
        assert "must be a list" in only_fault("country: NO\naccounts: desk\n")

    def test_a_wrong_key_of_the_case_is_recognised(self) -> None:
        text = "country: NO\nlocation: {civic: {country: NO, hno: 1}}\n"
        assert only_fault(text).endswith('hno: there is no such setting (did you mean "HNO"?)')

    def test_rules_between_settings_name_the_setting(self) -> None:
        fault = only_fault("country: NO\nphone:\n  flash_max_ms: 200\n  flash_min_ms: 300\n")
        assert fault == "offhook.yaml:3:17: phone.flash_max_ms: must be longer than flash_min_ms"
        assert "critical_percent: must be below low_percent" in only_fault("country: NO\npower: {low_percent: 3}\n")
        assert "playback is missing" in only_fault("country: NO\naudio: {capture: x}\n")
        assert "needs civic" in only_fault("country: NO\nlocation: {}\n")

    @pytest.mark.parametrize("name", ["hw:0", "hw:1,0", "plughw:0,0", "hw:CARD=1", "dmix:0", "sysdefault:1"])
    def test_cards_by_number_are_refused_with_advice(self, name: str) -> None:
        fault = only_fault(f"country: NO\naudio: {{capture: '{name}', playback: ear}}\n")
        assert "write hw:CARD=NAME" in fault

    @pytest.mark.parametrize("name", ["hw:CARD=Device", "plughw:CARD=Device,DEV=0", "default", "phone_mic"])
    def test_cards_by_name_are_taken(self, name: str) -> None:
        config = load(f"country: NO\naudio: {{capture: '{name}', playback: '{name}'}}\n")
        assert config.audio.capture == name

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("rtp: {codecs: []}", "rtp.codecs: is empty: name PCMU, PCMA or both"),
            ("rtp: {codecs: [PCMU, PCMU]}", "rtp.codecs: names a codec twice"),
            ("log: {level: [info]}", "log.level: must be one of debug, info, warning, error"),
            ("log: {colour: red}", "there is no such setting: remove it (here go level)"),
            ("nothing_like_it: 1", "there is no such setting: remove it (see docs/config-reference.md)"),
            ("web: {port: 70000}", 'web.port: "70000" is too large: 65535 is the most'),
            ("power: {supply: ''}", "power.supply: is empty"),
            ("emergency: {numbers: [112, 112]}", "emergency.numbers: names a number twice"),
            ("accounts: [desk]", "accounts[0]: must hold settings"),
            ("audio: {capture: -x, playback: -x}", "audio.capture: is not the name of an ALSA device"),
            ("location: {civic: {country: NO, LOC: " + "x" * 256 + "}}", "is too long: 255 characters are the most"),
            ("accounts: [" + "{name: a, uri: 'sip:a@b'}," * 65 + "]", "accounts: is too long: 64 are the most"),
            ("provisioning: {url: https://c.example/, interval: 0s}", '"0s" is too small: 1 is the least'),
        ],
    )
    def test_each_fault_says_what_to_do(self, line: str, words: str) -> None:
        assert any(words in fault for fault in faults_of(f"country: NO\n{line}\n"))

    def test_faults_are_values(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load("country: no\n", file="a.yaml")
        (fault,) = caught.value.faults
        assert (fault.file, fault.line, fault.column, fault.path) == ("a.yaml", 1, 10, "country")
        assert fault.suggestion == "NO"
        assert str(caught.value.for_file("b.yaml")).startswith("b.yaml:1:10: country: ")
        assert pickle.loads(pickle.dumps(caught.value)).faults == (fault,)


class TestValidators:
    @pytest.mark.parametrize(
        ("line", "column"),
        [
            ('dialplan: "(xqx)"', 14),
            ("dialplan: (xqx)", 13),
            ('dialplan: "(x\\x71x)"', 11),
            ("dialplan: |\n  (xqx)", 11),
        ],
    )
    def test_a_fault_of_a_validator_stands_at_the_character_where_that_can_be_told(
        self, line: str, column: int
    ) -> None:
        def parse(text: str) -> None:
            raise MapError(text.index("q"))

        with pytest.raises(ConfigError) as caught:
            load(f"country: NO\n{line}\n", validators={"dialplan": parse})
        assert str(caught.value) == f"offhook.yaml:2:{column}: dialplan: no such key; use 0-9"

    def test_validators_are_asked_beside_other_faults(self) -> None:
        def refuse(text: str) -> None:
            raise ValueError(f"not this: {text}")

        with pytest.raises(ConfigError) as caught:
            load("dialplan: a\n", validators={"dialplan": refuse})
        assert len(caught.value.faults) == 2

    def test_what_is_not_set_is_not_validated(self) -> None:
        load("country: NO\ndialplan:\n", validators={"dialplan": lambda text: pytest.fail("was asked")})


class TestSecrets:
    SPILLS = (
        "password: [hunter2, hunter2]",
        "password: {hunter2: hunter2}",
        "password: {hunter2: x, hunter2: y}",
        "password: {a: {hunter2: x, hunter2: y}}",
        "password: [[*hunter2]]",
        "password: *hunter2",
        "password: !hunter2",
        "password: !hunter2 hunter2",
        "password: &hunter2",
        "password: “hunter2”",
        "password: hunter2: hunter2",
        "password: @hunter2",
        'password: "hunter2',
        'password: "hunter2\\q"',
        'password: "hunter2\\n"',
        "password: |\n      hunter2",
        "password: %hunter2",
        "pasword: hunter2",
        "passwrd: {hunter2: 1}",
        "uri: sip:1001:hunter2@pbx.test",
        "? {password: hunter2}\n    : hunter2",
        "password:\n      hunter2: hunter2",
    )

    @pytest.mark.parametrize("line", SPILLS)
    def test_no_fault_shows_a_secret(self, line: str) -> None:
        text = f"country: NO\naccounts:\n  - name: a\n    {line}\n    expires: 1\n"
        for fault in faults_of(text):
            assert "hunter2" not in fault

    def test_a_provisioning_url_with_a_password_is_refused_unseen(self) -> None:
        fault = only_fault("country: NO\nprovisioning: {url: 'https://joe:hunter2@host/'}\n")
        assert "hunter2" not in fault
        assert "must not hold a user or password" in fault

    def test_a_loaded_secret_shows_itself_nowhere(self) -> None:
        config = load(LEAST)
        password = config.accounts[0].password
        assert password is not None
        shown = [repr(config), str(config), str(config.model_dump()), config.model_dump_json(), f"{password}"]
        assert not any("secret1001" in text for text in shown)
        assert "%s" % password == "***"  # noqa: UP031
        assert copy.deepcopy(password) == password
        assert password.reveal() == "secret1001"
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(password)


class TestBoard:
    def test_a_wired_board_is_taken(self) -> None:
        board = load_board(
            """\
kind: gpio
keypad: 4x3
hook: {pin: GPIO17, normally: closed}
matrix: {rows: [5, 6, 13, 19], columns: [12, 16, 20]}
lamps: [{name: line, pin: 24, active: low}]
ringer: {pin: 25}
power: kernel
"""
        )
        assert board.hook is not None
        assert (board.hook.pin, board.hook.normally) == (17, "closed")
        assert board.matrix is not None
        assert board.matrix.columns == (12, 16, 20)

    def test_every_fault_of_a_board_comes_at_once(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load_board(
                "kind: gpio\nkeypad: 4x3\nmatrix: {rows: [1, 2], columns: [3, 4, GPIO3]}\n"
                'lamps: [line, {name: x, pin: 99}]\nkeys: {"1": 5, x: 6}\n',
                "b.yaml",
            )
        assert str(caught.value).splitlines() == [
            "b.yaml:1:1: hook: is missing: a gpio board needs its hook switch, as hook: {pin: 17}",
            "b.yaml:3:16: matrix.rows: has 2 pins, and keypad 4x3 has 4 rows: mend one of the two",
            "b.yaml:3:40: matrix.columns[2]: GPIO3 is taken by matrix.columns[0] already: every pin has one use",
            "b.yaml:4:9: lamps[0]: has no pin: on a gpio board write {name: line, pin: 24}",
            "b.yaml:4:30: lamps[1].pin: there is no GPIO99 on the header: BCM numbers go from 0 to 27",
            'b.yaml:5:19: keys.x: "x" is not a telephone key: 0-9, *, # and A-D are',
        ]

    @pytest.mark.parametrize(("keypad", "section"), [("direct", "keys"), ("rotary", "rotary"), ("4x4", "matrix")])
    def test_a_keypad_without_pins_is_told(self, keypad: str, section: str) -> None:
        with pytest.raises(ConfigError, match=f"{section}: is missing: keypad {keypad} needs its pins"):
            load_board(f"kind: gpio\nkeypad: {keypad}\nhook: {{pin: 4}}\n")

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("hook: {pin: D17}", '"D17" is not a pin: write its BCM number'),
            ("hook: {pin: [4]}", "must be one text"),
            ("keys: {1: GPIO99}", "there is no GPIO99"),
            ("gpio: {factory: pigpio}", "gpio.factory"),
            ('gpio: {chip: "pinctrl-ø"}', "is no label of a GPIO chip: gpiodetect shows it in brackets"),
            (f"gpio: {{chip: {'x' * 32}}}", "is no label of a GPIO chip"),
            ("keys: [1]", "must hold settings"),
            ("keypad: 5x5", "is not one of 4x4, 4x3, direct, rotary, none"),
            ("lamps: [[line]]", "must hold settings"),
            ("matrix: {rows: 5, columns: [1]}", "must be a list"),
            ("audio: {capture: a, playback: b, mixer: [Capture]}", "must hold settings"),
        ],
    )
    def test_each_fault_of_a_board_says_what_to_do(self, line: str, words: str) -> None:
        with pytest.raises(ConfigError) as caught:
            load_board(f"kind: simulated\n{line}\n")
        assert words in str(caught.value)

    def test_a_gpio_board_may_go_without_keypad(self) -> None:
        assert load_board("kind: gpio\nkeypad: none\nhook: {pin: 4}\n").matrix is None

    def test_origins_tell_where_each_pin_is_named(self) -> None:
        where = origins('kind: gpio\nhook:\n  pin: 4\nkeys: {"1": 5}\n', "b.yaml")
        assert where["hook.pin"] == "b.yaml:3: hook.pin"
        assert where['keys."1"'] == 'b.yaml:4: keys."1"'
