"""YAML text as a tree: what survives, what is a fault and where."""

import pytest
import yaml

from offhook.config.nodes import MAX_BYTES, Mapping, Scalar, compose, data_of


@pytest.fixture(params=["libyaml", "python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both scanners of PyYAML: with and without its C part."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CBaseLoader")
    return str(request.param)


def faults_of(text: str | bytes) -> list[str]:
    return [f"{fault.line}:{fault.column}: {fault.path}: {fault.message}" for fault in compose(text, "f")[1]]


def only_fault(text: str | bytes) -> str:
    (fault,) = faults_of(text)
    return fault


@pytest.mark.usefixtures("loader")
class TestScalars:
    def test_scalars_stay_as_they_were_written(self) -> None:
        text = "a: 0112\nb: NO\nc: +4512345678\nd: 12:30:00\ne: 1_000\nf: 1e3\ng: 0x10\nh: 2026-11-22\ni: yes\n"
        root, faults = compose(text, "f")
        assert root is not None
        assert faults == []
        assert data_of(root) == {
            "a": "0112",
            "b": "NO",
            "c": "+4512345678",
            "d": "12:30:00",
            "e": "1_000",
            "f": "1e3",
            "g": "0x10",
            "h": "2026-11-22",
            "i": "yes",
        }

    def test_nothing_tilde_and_null_mean_not_set_unless_quoted(self) -> None:
        root, _ = compose('a:\nb: ~\nc: null\nd: "null"\ne: "~"\nf: ""\n', "f")
        assert root is not None
        assert data_of(root) == {"a": None, "b": None, "c": None, "d": "null", "e": "~", "f": ""}

    def test_every_node_knows_its_place(self) -> None:
        root, _ = compose('a: 1\nlist:\n  - x\n  - {k: "v"}\n', "f")
        assert isinstance(root, Mapping)
        entry = root.get("list")
        assert entry is not None
        assert (entry.mark.line, entry.mark.column) == (2, 1)
        assert (entry.value.mark.line, entry.value.mark.column) == (3, 3)

    def test_a_text_knows_whether_its_characters_stand_as_written(self) -> None:
        root, _ = compose('a: plain\nb: "two"\nc: "\\x41"\nd: |\n  block\ne: two\n  lines\n', "f")
        assert isinstance(root, Mapping)
        straight = {entry.key: isinstance(entry.value, Scalar) and entry.value.straight for entry in root.entries}
        assert straight == {"a": True, "b": True, "c": False, "d": False, "e": False}

    def test_an_empty_file_has_no_tree_and_no_fault(self) -> None:
        assert compose("", "f") == (None, [])
        assert compose("# nothing\n", "f") == (None, [])

    def test_byte_order_mark_and_carriage_returns_are_taken(self) -> None:
        root, faults = compose(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "f")
        assert root is not None
        assert data_of(root) == {"a": "1", "b": "2"}
        assert faults == []


@pytest.mark.usefixtures("loader")
class TestFaults:
    def test_a_doubled_name_is_told_with_both_places(self) -> None:
        assert only_fault("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n") == (
            "5:3: b.c: is set twice, first in line 3: remove one of the two"
        )

    def test_an_alias_is_a_fault_that_does_not_show_its_name(self) -> None:
        assert only_fault("dialplan: *98\n") == (
            "1:11: dialplan: a value that begins with * needs quotes (YAML aliases are not used here)"
        )

    def test_a_merge_key_is_a_fault(self) -> None:
        assert "merge keys" in faults_of("a: &x {b: 1}\nc:\n  <<: *x\n")[0]

    def test_a_tag_is_a_fault(self) -> None:
        assert only_fault("a: !secret pw\n").startswith("1:4: a: a value that begins with ! needs quotes")
        assert only_fault("a: !!python/object:os.system [x]\n").startswith("1:4: a: YAML tags")

    def test_a_second_document_is_a_fault(self) -> None:
        assert only_fault("a: 1\n---\nb: 1\n").startswith("2:1: : a second document")

    def test_a_list_as_a_name_is_a_fault(self) -> None:
        assert only_fault("? [a, {b: c}]\n: 1\nd: 2\n").startswith("1:3: : a setting's name must be plain text")

    def test_typographic_quotes_are_told(self) -> None:
        assert only_fault("a: “hello”\n") == "1:4: a: is in typographic quotes: use the plain ones, \" or '"
        assert only_fault("“a”: 1\n") == "1:1: : this name is in typographic quotes: write it without quotes"

    def test_a_typographic_apostrophe_inside_a_text_is_no_fault(self) -> None:
        assert faults_of("a: Ola’s phone\n") == []

    @pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a: 1\n\tb: 1\n", "\ta: 1\n", "a:\n  - b\n\t- c\n"])
    def test_a_tab_is_called_a_tab(self, text: str) -> None:
        assert "a tab is used here" in only_fault(text)

    def test_an_unclosed_quote_is_told_where_it_opens(self) -> None:
        assert only_fault('a: 1\nb: "two\nc: 3\n') == (
            "2:4: : the text that begins with a quotation mark here is never closed: close it"
        )

    def test_an_unclosed_bracket_is_told(self) -> None:
        assert "is not closed with ]" in only_fault("a: [1, 2\n")
        assert "are not closed with }" in only_fault("a: {b: 2\n")

    def test_a_colon_inside_a_value_is_told(self) -> None:
        assert only_fault("a: b: c\n") == (
            '1:5: : a second ": " is in this line: put the value in quotes, or mend the indentation'
        )

    def test_a_missing_space_after_a_colon_is_hinted_at(self) -> None:
        assert "a space is missing after a colon" in only_fault("country:NO\nlanguage: nb\n")

    @pytest.mark.parametrize("char", ["@", "`", "%"])
    def test_a_reserved_first_character_is_named(self, char: str) -> None:
        assert only_fault(f"a: {char}x\n") == f"1:4: : a value that begins with {char} needs quotes"

    def test_too_deep_nesting_is_a_fault(self) -> None:
        assert "deeper than 20 levels" in only_fault("[" * 3000)
        assert "deeper than 20 levels" in only_fault("{a: " * 3000)
        assert faults_of("[" * 20 + "]" * 20) == []

    def test_too_deep_nesting_inside_a_name_is_a_fault(self) -> None:
        assert "deeper than 20 levels" in faults_of("? " + "[" * 300)[-1]


class TestBytes:
    def test_a_megabyte_is_refused_at_once(self) -> None:
        assert only_fault(b"a: 1\n" * 200_000) == (
            f"1:1: : is 1000000 bytes long; {MAX_BYTES} are the most: is it the right file?"
        )

    def test_utf_16_is_told_what_to_do(self) -> None:
        assert only_fault("a: 1".encode("utf-16")) == "1:1: : is UTF-16 text: save it as UTF-8"

    def test_latin_1_is_told_where(self) -> None:
        assert only_fault("a: 1\nby: Bodø\n".encode("latin-1")) == (
            "2:8: : this is not UTF-8 text: save the file as UTF-8"
        )

    @pytest.mark.parametrize("char", ["\x00", "\u00a0", "\u2028", "\x85", "\x1b", "\ufeff", "\ud800"])
    def test_invisible_characters_are_named(self, char: str) -> None:
        fault = only_fault(f"a: 1\nb: x{char}\n")
        assert fault.startswith("2:5: : an invisible character is here (U+")
        assert f"U+{ord(char):04X}" in fault
