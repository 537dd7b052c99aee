"""Whatever lies on the boot partition, reading it gives a boot file or a ConfigError; what it gives fits together."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offhook.config.boot_schema import BootConfig
from offhook.config.faults import ConfigError, Fault
from offhook.config.load import load, load_board
from offhook.config.nodes import compose, data_of
from offhook.device.card.bootfile import OWN_SECTIONS, BootFile
from offhook.device.card.cardsecrets import STORED
from offhook.device.card.cardtext import CardText
from offhook.device.card.yamledit import says, written
from tests.support.boot_files import WHOLE, read
from tests.support.mutate import mutations

WORDS = """: |- |[|]|{|}|"|'|&a |*a|!t |#|---|%|,|~|null|? |country|NO|0112|“|password: |psk: |network|wifi|ssid|board
ssh|authorized_keys|hostname|usb-handset-4x3|<stored>|>|kind: simulated|accounts|provisioning|url: |https://a.b/c""".replace(
    "\n", "|"
).split("|")
PIECES = st.sampled_from([*WORDS, "|\n", "\n", "  ", "\n  ", "\t", "\ufeff", "\u00a0", "\x00", "\r\n", " "])
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFFF, exclude_categories=["C", "Z"]) | st.just(" "))


def check(data: bytes | str, stored: dict[str, str] | None = None) -> BootFile | None:
    """Read, and hold what must be true of every file that is taken."""
    size = len(data) if isinstance(data, bytes) else len(data.encode())
    faults: tuple[Fault, ...] | None = None
    try:
        file = read(data, stored)
    except ConfigError as error:
        faults = error.faults
    if faults is not None:
        assert faults
        assert all(str(fault).isprintable() and fault.line >= 1 for fault in faults)
        return None
    assert len(file.bare) >= size
    if file.config is not None:
        load(file.config)
    if file.board is not None:
        load_board(file.board)
    again = read(file.bare, file.secrets)
    assert again.secrets == file.secrets
    assert again.bare == file.bare
    assert (again.network, again.ssh, again.board, again.country) == (file.network, file.ssh, file.board, file.country)
    assert (again.config and load(again.config)) == (file.config and load(file.config))
    return file


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"]))
def test_any_bytes(data: bytes, mark: bytes) -> None:
    check(mark + data)


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["", "country: NO\n", "network:\n  "]))
def test_any_heap_of_yaml(text: str, head: str) -> None:
    check(head + text, {"wifi": "abcdefgh", "account a": "x"})


def test_a_good_file_damaged_a_thousand_times() -> None:
    seeds = [WHOLE.encode(), WHOLE.replace("\n", "\r\n").encode("utf-8-sig"), b"\xff\xfe" + WHOLE.encode("utf-16-le")]
    taken = sum(check(data) is not None for data in mutations(seeds, 1000, seed=4))
    assert taken > 10  # the damage leaves some files whole: both sides of the reader are met


SECTIONS = {
    "country": "country: NO   # c\n",
    "accounts": "accounts:\n  # first\n  - name: a\n    uri: sip:1@a\n    password: {secret}\n",
    "log": "log:\n  level: debug\n",
    "emergency": "emergency: {{numbers: [0112, 0113]}}  # not 74\n",
    "board": "board:\n\n  kind: simulated # x\n  keypad: 4x3\n\n",
    "network": "network:\n  wifi: {{ssid: {ssid}, psk: {psk}}}\n",
    "ssh": "ssh:\n",
}


@settings(max_examples=300, deadline=None)
@given(
    st.permutations(list(SECTIONS)),
    st.integers(0, 2**7 - 1),
    st.lists(st.sampled_from(["", "# note\n", "\n", "  # indented\n", "#\n\n"]), min_size=8, max_size=8),
    TEXTS.filter(lambda text: len(text) >= 1),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63),
    st.sampled_from(["\n", "\r\n"]),
)
def test_the_phones_part_says_what_the_file_said_whatever_the_order(
    order: list[str], bits: int, notes: list[str], secret: str, psk: str, newline: str
) -> None:
    assume(STORED not in (secret.strip(), psk.strip()))
    chosen = [name for index, name in enumerate(order) if bits >> index & 1 or name == "country"]
    quoted = {"secret": _single(secret), "psk": _single(psk), "ssid": _single("Net")}
    parts = [note + SECTIONS[name].format(**quoted) for name, note in zip(chosen, notes, strict=False)]
    text = "".join(parts) + notes[7]
    file = check(text.replace("\n", newline).encode())
    assert file is not None
    root, _ = compose(text, "")
    whole = data_of(root) if root is not None else None
    assert isinstance(whole, dict)
    assert file.config is not None
    assert says(file.config.decode(), {name: value for name, value in whole.items() if name not in OWN_SECTIONS})
    assert b"# c" in file.config
    assert (b"# not 74" in file.config) is ("emergency" in chosen)
    if "accounts" in chosen and not set(secret) <= set(WHOLE + text.replace(secret, "")):
        assert secret.encode() not in file.bare
    assert psk == file.secrets.get("wifi", psk)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        TEXTS.filter(bool),
        st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)),
        max_size=4,
    )
)
def test_what_is_written_anew_says_the_same(data: dict[str, object]) -> None:
    assert says(written(data), data or None)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]))
def test_a_text_is_written_back_as_it_was_read(text: str, codec: str) -> None:
    try:
        data = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(codec, b"") + text.encode(codec)
        card = CardText.of(data, "x")
    except (UnicodeEncodeError, ConfigError):
        return
    assert card.encode(card.text) == data


def test_the_model_has_both_halves() -> None:
    assert {"country", "accounts", *OWN_SECTIONS} <= set(BootConfig.model_fields)
