"""What YAML's parser would say of a text, in plain words: encodings, tabs, quotes, colons.

Nothing of the file's text goes into a message, except single characters: it might be a password.
"""

import re
import unicodedata
from itertools import islice

import yaml

from offhook.config.faults import Fault

_BOM = "\ufeff"
# What YAML takes as a line end and editors do not, what looks like a space and is none, and what cannot be seen.
_TRICKY = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u00a0\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")

_MOST_TRICKY = 20

_TAB = "a tab is used here: YAML wants spaces, so replace the tab by spaces"
_INDENT = "this line does not fit the lines around it: check its indentation and the colon after the name"

# What libyaml and PyYAML's own scanner say (beginning or part of it), and what a person can do about it.
_PROBLEMS: tuple[tuple[str, str], ...] = (
    ("tab character", _TAB),
    (
        "mapping values are not allowed",
        'a second ": " is in this line: put the value in quotes, or mend the indentation',
    ),
    (
        "could not find expected ':'",
        "a colon and a space are missing after this name, or a quotation mark is not closed",
    ),
    ("did not find expected key", _INDENT),
    ("expected <block end>", _INDENT),
    ("did not find expected '-' indicator", _INDENT),
    ("block sequence entries are not allowed", "a list that begins with - must start on a line of its own"),
    ("did not find expected ',' or ']'", "a list that begins with [ is not closed with ], or a comma is missing in it"),
    ("expected ',' or ']'", "a list that begins with [ is not closed with ], or a comma is missing in it"),
    (
        "did not find expected ',' or '}'",
        "settings that begin with { are not closed with }, or a comma is missing in them",
    ),
    ("expected ',' or '}'", "settings that begin with { are not closed with }, or a comma is missing in them"),
    ("unexpected end of stream", "the text that begins with a quotation mark here is never closed: close it"),
    ("unexpected document separator", "the text that begins with a quotation mark here is never closed: close it"),
    ("unknown escape character", "a backslash in \"...\" means something of its own: write it twice, or use '...'"),
    ("escape", "a backslash in \"...\" means something of its own: write it twice, or use '...'"),
    ("expected alphabetic or numeric", "a value that begins with * or & needs quotes"),
    ("directive", "a line that begins with % is not used here: remove it"),
    ("incompatible YAML document", "a line that begins with % is not used here: remove it"),
    ("tag", "a value that begins with ! needs quotes (YAML tags are not used here)"),
    (
        "expected <document start>",
        "something stands after the end of the file's settings: remove it or mend the indentation",
    ),
    ("document start", "something stands after the end of the file's settings: remove it or mend the indentation"),
)


def text_of(source: bytes | str, file: str) -> tuple[str, list[Fault]]:
    """Decode UTF-8, with or without a byte order mark; a text in another encoding is a fault at its first such byte."""
    if isinstance(source, str):
        return source.removeprefix(_BOM), []
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "", [Fault(file, 1, 1, "", "is UTF-16 text: save it as UTF-8")]
    try:
        return source.decode("utf-8").removeprefix(_BOM), []
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        line, column = _place(before.removeprefix(_BOM), len(before))
        return "", [Fault(file, line, column, "", "this is not UTF-8 text: save the file as UTF-8")]


def tricky_characters(text: str, file: str) -> list[Fault]:
    """Return a fault for each character that a person cannot see and that YAML stumbles over, a few at the most."""
    return [_tricky(text, found, file) for found in islice(_TRICKY.finditer(text), _MOST_TRICKY)]


def _tricky(text: str, found: re.Match[str], file: str) -> Fault:
    line, column = _place(text, found.start())
    code = ord(found.group())
    name = unicodedata.name(found.group(), "control character").lower()
    remedy = "type a plain space in its place" if code == 0xA0 else "remove it"
    return Fault(file, line, column, "", f"an invisible character is here (U+{code:04X}, {name}): {remedy}")


def plain_words(error: yaml.YAMLError, text: str, file: str) -> Fault:
    """Return a fault of syntax as one sentence that says what to do."""
    if not isinstance(error, yaml.MarkedYAMLError):
        position = getattr(error, "position", 0)
        line, column = _place(text, position if isinstance(position, int) else 0)
        return Fault(file, line, column, "", "a character that YAML does not allow is here: remove it")
    mark = error.problem_mark or error.context_mark
    problem = error.problem or ""
    if "unexpected end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    lines = text.splitlines()
    if line > len(lines) >= 1:  # libyaml puts the end of the file in a line of its own
        line, column = len(lines), len(lines[-1]) + 1
    here = lines[line - 1] if lines else ""
    message = _message(problem, here, column)
    if message == _TAB and "\t" in here:
        column = here.index("\t") + 1
    return Fault(file, line, column, "", message)


def _message(problem: str, here: str, column: int) -> str:
    indent = here[: len(here) - len(here.lstrip())]
    at = here[column - 1 : column]
    if "\t" in indent or at == "\t":
        return _TAB
    if "mapping values are not allowed" in problem and ": " not in here[: column - 1]:
        return "this line does not fit the line above: its indentation differs, or a space is missing after a colon"
    if "cannot start any token" in problem:
        return f"a value that begins with {at} needs quotes" if at.isprintable() and at else "put this value in quotes"
    for known, message in _PROBLEMS:
        if known in problem:
            return message
    return "this cannot be read: check the quotes, the colons and the indentation here and in the line above"


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
