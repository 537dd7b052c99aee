"""Where in a YAML text its values stand, so that parts of it are cut and replaced and the rest stays as written.

Offsets count characters. Only for texts in which :func:`offhook.config.nodes.compose` found no fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from offhook.config.faults import joined


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end``, the latter not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the outermost level: its name, the place of the name, and that of the value, comments excluded."""

    name: str
    key: Span
    value: Span


@dataclass(frozen=True, slots=True)
class Spans:
    """The places of a text.

    Attributes:
        values: the place of each text by its path, quotes included, in the order of the file.
        texts: the places of all texts, names too.
        settings: the outermost settings in the order of the file.
        braces: whether the outermost settings stand in ``{ }``.
    """

    values: dict[str, Span]
    texts: tuple[Span, ...]
    settings: tuple[Setting, ...]
    braces: bool

    @classmethod
    def of(cls, text: str) -> "Spans":
        """Find the places."""
        walk = _Walk()
        for event in _events(text):
            walk.take(event)
        return cls(walk.values, tuple(walk.texts), tuple(walk.settings), walk.braces)


@dataclass(slots=True)
class _Frame:
    path: str
    is_mapping: bool
    braces: bool
    start: int
    count: int = 0
    key: str | None = None
    key_span: Span = Span(0, 0)


@dataclass(slots=True)
class _Walk:
    values: dict[str, Span] = field(default_factory=dict)
    texts: list[Span] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    braces: bool = False
    stack: list[_Frame] = field(default_factory=list)
    content_end: int = 0  # where what was read so far ends: a block's own end mark lies behind the comments after it

    def path(self) -> str:
        if not self.stack:
            return ""
        frame = self.stack[-1]
        return joined(frame.path, frame.key or "") if frame.is_mapping else f"{frame.path}[{frame.count}]"

    def take(self, event: yaml.Event) -> None:
        if event.start_mark is None or event.end_mark is None:
            return
        start, end = event.start_mark.index, event.end_mark.index
        match event:
            case yaml.ScalarEvent():
                self.scalar(event.value, Span(start, end))
            case yaml.CollectionStartEvent():
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                braces = bool(event.flow_style)
                if not self.stack:
                    self.braces = braces
                self.stack.append(_Frame(self.path(), is_mapping, braces, start))
            case yaml.CollectionEndEvent():
                frame = self.stack.pop()
                if frame.braces:
                    self.content_end = end
                self.value(Span(frame.start, self.content_end))

    def scalar(self, text: str, span: Span) -> None:
        if span.end > span.start:
            self.texts.append(span)
            self.content_end = span.end
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.is_mapping and frame.key is None:
            frame.key, frame.key_span = text, span
            return
        self.values[self.path()] = span
        self.value(span)

    def value(self, span: Span) -> None:
        """Take the end of a value: the collection around it waits for the next."""
        if not self.stack:
            return
        frame = self.stack[-1]
        if len(self.stack) == 1 and frame.is_mapping and frame.key is not None:
            end = max(frame.key_span.end, min(span.end, self.content_end))
            self.settings.append(Setting(frame.key, frame.key_span, Span(min(span.start, end), end)))
        frame.key = None
        frame.count += 1


def _events(text: str) -> Iterator[yaml.Event]:
    return iter(yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)))
