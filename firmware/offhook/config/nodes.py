"""YAML text as a tree whose scalars are all text and whose every node knows its line and column.

YAML's own idea of types is dangerous in a phone: ``0112`` is 74 to it, ``NO`` is false and ``+4512345678`` is an
integer. So nothing is typed here: the schema does that. The tree is built from the parser's events, without
recursion. What makes a file hard to read or to bound is a fault: duplicate keys, aliases, merge keys, tags, several
documents, nesting deeper than :data:`MAX_DEPTH`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from offhook.config.faults import Fault, joined
from offhook.config.syntax import plain_words, text_of, tricky_characters

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_FAULTS = 200
UNSET = frozenset({"", "~", "null", "Null", "NULL"})
TYPOGRAPHIC_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text.

    ``plain``: written without quotes, so that ``~`` and nothing at all mean not set. ``straight``: it stands in the
    file as it is, on one line and without escapes, so that the place of each of its characters can be told.
    """

    text: str
    mark: Mark
    plain: bool = True
    straight: bool = True

    @property
    def unset(self) -> bool:
        """Whether the file says: not set."""
        return self.plain and self.text in UNSET


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple["Node", ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key: value``; ``mark`` is the key's."""

    key: str
    mark: Mark
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Settings by name, each name once."""

    entries: tuple[Entry, ...]
    mark: Mark

    def get(self, key: str) -> "Entry | None":
        """Return the entry of that name."""
        return next((entry for entry in self.entries if entry.key == key), None)


@dataclass(frozen=True, slots=True)
class Broken:
    """A node that a fault was reported for: no further fault is due at or below it."""

    mark: Mark


Node = Scalar | Sequence | Mapping | Broken


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    path: str
    mark: Mark
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    seen: dict[str, Mark] = field(default_factory=dict)
    key: str | None = None
    key_mark: Mark | None = None
    broken_key: bool = False

    def node(self) -> Node:
        if self.is_mapping:
            return Mapping(tuple(self.entries), self.mark)
        return Sequence(tuple(self.items), self.mark)


@dataclass(slots=True)
class _Composer:
    """Turns parser events into nodes; collects faults."""

    file: str
    faults: list[Fault] = field(default_factory=list)
    stack: list[_Frame] = field(default_factory=list)
    root: Node | None = None
    skipping: int = 0  # depth inside a collection that is skipped because it is used as a key

    def fault(self, mark: Mark, path: str, message: str, suggestion: str | None = None) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(self.file, mark.line, mark.column, path, message, suggestion))

    def child_path(self) -> str:
        if not self.stack:
            return ""
        frame = self.stack[-1]
        if frame.is_mapping:
            return joined(frame.path, frame.key) if frame.key is not None else frame.path
        return f"{frame.path}[{len(frame.items)}]"

    def expects_key(self) -> bool:
        return bool(self.stack) and self.stack[-1].is_mapping and self.stack[-1].key is None

    def put(self, node: Node) -> None:
        """Hang a finished value into the collection that is open."""
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if not frame.is_mapping:
            frame.items.append(node)
            return
        if frame.key is not None and frame.key_mark is not None and not frame.broken_key:
            frame.entries.append(Entry(frame.key, frame.key_mark, node))
        frame.key, frame.broken_key = None, False

    def put_key(self, text: str, mark: Mark, *, plain: bool) -> None:
        frame = self.stack[-1]
        frame.key, frame.key_mark = text, mark
        path = joined(frame.path, text)
        if plain and text[:1] in TYPOGRAPHIC_QUOTES and text:
            self.fault(mark, frame.path, "this name is in typographic quotes: write it without quotes")
        elif plain and text == "<<":
            self.fault(mark, frame.path, "merge keys (<<) are not used here: write the settings out")
        elif plain and text in UNSET:
            self.fault(mark, frame.path, "a setting's name is missing before the colon")
        elif text in frame.seen:
            first = frame.seen[text]
            self.fault(mark, path, f"is set twice, first in line {first.line}: remove one of the two")
        else:
            frame.seen[text] = mark
            return
        frame.broken_key = True

    def broken_key(self, mark: Mark) -> None:
        frame = self.stack[-1]
        self.fault(mark, frame.path, "a setting's name must be plain text, not a list or settings: remove the brackets")
        frame.key, frame.key_mark, frame.broken_key = "?", mark, True

    def scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        plain = bool(event.implicit[0]) and event.style in (None, "")
        if self.expects_key():
            self.put_key(event.value, mark, plain=plain)
            return
        if event.tag is not None:
            self.fault(mark, self.child_path(), "a value that begins with ! needs quotes (YAML tags are not used here)")
            self.put(Broken(mark))
        elif plain and event.value[:1] in TYPOGRAPHIC_QUOTES and event.value:
            self.fault(mark, self.child_path(), "is in typographic quotes: use the plain ones, \" or '")
            self.put(Broken(mark))
        else:
            text = event.value.removesuffix("\n") if event.style in ("|", ">") else event.value
            self.put(Scalar(text, mark, plain, _straight(event, plain=plain)))

    def open(self, event: yaml.CollectionStartEvent, mark: Mark) -> None:
        if self.skipping:
            self.skipping += 1
        elif self.expects_key():
            self.broken_key(mark)
            self.skipping = 1
        else:
            if event.tag is not None:
                self.fault(mark, self.child_path(), "YAML tags (!...) are not used here: remove it")
            self.stack.append(_Frame(self.child_path(), mark, isinstance(event, yaml.MappingStartEvent)))

    def close(self) -> None:
        if self.skipping:
            self.skipping -= 1
        else:
            self.put(self.stack.pop().node())

    def take(self, event: yaml.Event) -> bool:
        """Take one event; False when reading on makes no sense."""
        mark = _mark(event)
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(self.stack) + self.skipping >= MAX_DEPTH:
                    self.fault(mark, "", f"brackets or indentation go deeper than {MAX_DEPTH} levels: remove some")
                    return False
                self.open(event, mark)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.close()
            case yaml.ScalarEvent() if not self.skipping:
                self.scalar(event, mark)
            case yaml.AliasEvent() if not self.skipping:
                if self.expects_key():
                    self.broken_key(mark)
                else:
                    what = "a value that begins with * needs quotes (YAML aliases are not used here)"
                    self.fault(mark, self.child_path(), what)
                    self.put(Broken(mark))
            case yaml.DocumentStartEvent() if self.root is not None:
                self.fault(mark, "", "a second document begins here: remove the line --- and keep one document")
                return False
        return True


def compose(source: bytes | str, file: str) -> tuple[Node | None, list[Fault]]:
    """Read YAML into a tree; None where there is none. Every fault that the tree alone shows comes back beside it.

    A tree that comes with faults may lack the parts that they are about (see :class:`Broken`); after a fault of
    syntax there is no tree at all.
    """
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        return None, [Fault(file, 1, 1, "", f"is {size} bytes long; {MAX_BYTES} are the most: is it the right file?")]
    text, faults = text_of(source, file)
    faults = faults or tricky_characters(text, file)
    if faults:
        return None, faults
    composer = _Composer(file)
    try:
        for event in _events(text):
            if not composer.take(event):
                return None, composer.faults
    except yaml.YAMLError as error:
        return None, [*composer.faults, plain_words(error, text, file)]
    return composer.root, composer.faults


def _mark(event: yaml.Event) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1) if start is not None else Mark(1, 1)


def _straight(event: yaml.ScalarEvent, *, plain: bool) -> bool:
    first, last = event.start_mark, event.end_mark
    if first is None or last is None:
        return False
    return first.line == last.line and last.column - first.column == len(event.value) + (0 if plain else 2)


def _events(text: str) -> Iterator[yaml.Event]:
    """Parse with libyaml where PyYAML has it (nine times faster), else in Python."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return iter(yaml.parse(text, Loader=loader))


def data_of(node: Node) -> object:
    """Return dicts, lists and texts; None for what is not set. Broken settings are left out."""
    match node:
        case Scalar():
            return None if node.unset else node.text
        case Sequence():
            return [data_of(item) for item in node.items]  # a broken one keeps its place, so that indices stay true
        case Mapping():
            return {entry.key: data_of(entry.value) for entry in node.entries if not isinstance(entry.value, Broken)}
        case Broken():
            return None
