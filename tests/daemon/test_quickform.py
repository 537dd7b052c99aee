"""The form that is read at the start in place of the files: what it holds is what they say, or it is not there."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json, to_builtins
from msgspec.structs import replace

from offhook import __version__
from offhook.config.disk import Directory
from offhook.config.load import load, load_board, origins
from offhook.config.reference import EXAMPLE_BOARD, EXAMPLE_CONFIG
from offhook.config.store import Candidate, ConfigStore, Remote, digest_of
from offhook.daemon import life
from offhook.daemon.boardfile import board_settings
from offhook.daemon.files import VALIDATORS
from offhook.daemon.options import Options
from offhook.daemon.quickform import NAME, QuickForm, decode, encode, key_of, recall, remember, texts_of
from offhook.daemon.startfiles import quick_form

BOARDS = [*sorted(Path("boardconfig").glob("*.yaml"))]
CONFIGS = {
    "example": EXAMPLE_CONFIG,
    "least": "country: NO\naccounts: [{name: a, uri: 'sip:1@x.test', password: y}]\n",
    "much": EXAMPLE_CONFIG
    + "language: nb-NO\nlog: {level: debug}\nphone: {flash_min_ms: 80, flash_max_ms: 700}\npower: {supply: /tmp/s}\n"
    + "emergency: {numbers: [{number: '0112', service: sos}]}\n",
}
KEY = "k"


def form_of(config: str, board: str, name: str = "board.yaml") -> QuickForm:
    model = load_board(board, name)
    wiring = board_settings(model, origins(board, name))
    return quick_form(load(config, "offhook.yaml", VALIDATORS), model, wiring)


FORM = form_of(CONFIGS["much"], EXAMPLE_BOARD)
DATA = encode(FORM, KEY)
ROW: dict[str, Any] = to_builtins(FORM)


def file_of(row: dict[str, Any]) -> bytes:
    """The file with this form, whatever it is."""
    body = json.encode({"key": KEY, "form": row})
    return digest_of(body).encode() + b"\n" + body


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.stem)
def test_what_is_read_back_is_what_the_files_say(config: str, board: Path) -> None:
    form = form_of(config, board.read_text(), str(board))
    assert decode(encode(form, KEY), KEY) == form


@pytest.mark.parametrize("country", ["US", "GB", "SE", "DE", "JP", "NZ"])
def test_a_countrys_phone_is_read_back_as_it_was(country: str) -> None:
    form = form_of(CONFIGS["least"].replace("NO", country), EXAMPLE_BOARD)
    assert decode(encode(form, KEY), KEY) == form
    assert form.handset.media.country == country


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_form_with_any_byte_changed_is_no_form(at: int, change: int) -> None:
    assert decode(DATA[:at] + bytes([DATA[at] ^ change]) + DATA[at + 1 :], KEY) is None


@given(st.integers(0, len(DATA) - 1))
def test_a_form_that_was_cut_off_is_no_form(length: int) -> None:
    assert decode(DATA[:length], KEY) is None


@given(st.binary(max_size=200))
def test_whatever_the_file_holds_nothing_is_raised(body: bytes) -> None:
    assert decode(digest_of(body).encode() + b"\n" + body, KEY) is None
    assert decode(body, KEY) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists))
def test_what_is_read_is_exactly_what_stands_there_or_nothing(value: object) -> None:
    for name in ROW:
        data = file_of({**ROW, name: value})
        made = decode(data, KEY)
        assert made is None or encode(made, KEY) == data


@pytest.mark.parametrize(
    ("name", "value"),
    [("flash", [1, 2]), ("flash", [0.1]), ("flash", "ab"), ("supply", None), ("board", []), ("log_level", True)],
)
def test_a_value_of_another_kind_is_no_form(name: str, value: object) -> None:
    assert decode(file_of(ROW), KEY) == FORM
    assert decode(file_of({**ROW, name: value}), KEY) is None


def test_a_field_more_or_less_is_no_form() -> None:
    media = dict(ROW["handset"]["media"])
    assert media.pop("realtime") is True, "what is left out here would be filled in by its default"
    for wrong in (ROW | {"more": 1}, ROW | {"handset": ROW["handset"] | {"media": media}}):
        assert decode(file_of(wrong), KEY) is None


class Phone:
    """The files of a phone that was started once."""

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "state"
        self.config, self.board = folder / "offhook.yaml", folder / "board.yaml"
        self.config.write_text(CONFIGS["least"])
        self.board.write_text(EXAMPLE_BOARD)
        self.form = form_of(CONFIGS["least"], EXAMPLE_BOARD, str(self.board))
        self.keep()

    def store(self) -> ConfigStore:
        return ConfigStore(Directory(self.state_dir))

    def key(self, version: str = "1") -> str | None:
        return key_of(texts_of(self.config, self.board), self.store().state, version)

    def keep(self) -> None:
        self.store().remember_local(self.config.read_bytes())
        self.remember()

    def remember(self, version: str = "1") -> None:
        remember(self.state_dir, self.form, self.key(version))

    def recall(self, version: str = "1") -> QuickForm | None:
        return recall(self.state_dir, self.config, self.board, version)


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path)


def test_a_form_is_there_for_the_files_that_it_was_made_of(phone: Phone) -> None:
    assert phone.recall() == phone.form


def test_a_form_that_the_phone_cannot_start_on_is_tried_once(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken by the test")

    async def begin() -> None:
        async with AsyncExitStack() as stack:
            await life._begin(options, phone.state_dir, None, stack)

    phone.remember(__version__)
    monkeypatch.setattr(life, "EarlyPhone", broken)
    options = Options(config=phone.config, board=phone.board, state_dir=phone.state_dir)
    with pytest.raises(RuntimeError):
        asyncio.run(begin())
    assert phone.recall(__version__) is None
    asyncio.run(begin())  # there is none: nothing is begun


def test_nobody_else_may_read_it(phone: Phone) -> None:
    assert (phone.state_dir / NAME).stat().st_mode & 0o077 == 0


def test_a_form_of_the_same_content_is_not_written_again(phone: Phone) -> None:
    before = (phone.state_dir / NAME).stat().st_ino
    phone.keep()
    assert (phone.state_dir / NAME).stat().st_ino == before


def test_another_version_of_the_program_reads_the_files_and_says_so(
    phone: Phone, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert recall(tmp_path / "elsewhere", phone.config, phone.board, "1") is None
    assert phone.recall() is not None
    assert caplog.messages == [], "the first start of all is nothing to wonder at"
    assert phone.recall("2") is None
    (line,) = caplog.messages
    assert line == "what was kept of the last start is not used: files or version are others, or it is damaged"


@pytest.mark.parametrize("name", ["config", "board"])
@pytest.mark.parametrize("edit", ["edited", "broken", "removed"])
def test_a_file_that_was_touched_is_read(phone: Phone, name: str, edit: str) -> None:
    file: Path = getattr(phone, name)
    if edit == "removed":
        file.unlink()
    else:
        file.write_text(file.read_text() + ("# a word\n" if edit == "edited" else "]\n"))
    assert phone.recall() is None


@pytest.mark.parametrize("name", ["config", "board"])
def test_a_form_is_not_taken_for_that_of_a_file_which_was_written_while_the_phone_ran(phone: Phone, name: str) -> None:
    texts = texts_of(phone.config, phone.board)
    file: Path = getattr(phone, name)
    file.write_text(file.read_text() + "# a word\n")
    remember(phone.state_dir, phone.form, key_of(texts, phone.store().state, "1"))  # a config from afar was kept
    assert phone.recall() is None


def test_a_form_is_bound_to_its_board_file_and_config_file_and_not_to_one_of_them(phone: Phone, tmp_path: Path) -> None:
    assert recall(phone.state_dir, phone.board, phone.config, "1") is None
    assert recall(phone.state_dir, None, phone.board, "1") is None
    assert recall(phone.state_dir, phone.config, None, "1") is None
    assert recall(tmp_path / "elsewhere", phone.config, phone.board, "1") is None


def test_another_config_from_afar_makes_it_void_and_one_on_trial_is_never_started_quickly(phone: Phone) -> None:
    remote = Remote("d" * 64, "https://x.test/a.yaml")
    store = phone.store()
    store.save(replace(store.state, candidate=Candidate(remote)))
    assert phone.recall() is None
    phone.keep()  # writes nothing: there is nothing that it could be bound to
    assert phone.recall() is None
    store.save(replace(store.state, candidate=None, kept=remote))
    assert phone.recall() is None
    phone.keep()
    assert phone.recall() == phone.form
    store = phone.store()
    store.save(replace(store.state, kept=replace(remote, url="https://y.test/a.yaml")))
    assert phone.recall() is None


def test_a_state_directory_that_cannot_be_read_is_no_fault(phone: Phone) -> None:
    (phone.state_dir / NAME).unlink()
    (phone.state_dir / NAME).mkdir()
    assert phone.recall() is None


def test_the_same_board_file_under_another_name_is_read_since_its_wires_say_where_they_are_named(phone: Phone) -> None:
    phone.board = phone.board.rename(phone.board.with_name("other.yaml"))
    assert phone.recall() is None
