"""Changing a YAML text without writing it anew: ``0112``, ``NO`` and every comment stay as a person wrote them."""

from collections.abc import Collection, Iterable, Mapping

from offhook.config import nodes
from offhook.config.faults import joined
from offhook.config.nodes import Node, compose, data_of
from offhook.device.card.spans import Setting, Span, Spans

Edit = tuple[Span, str]


def without(text: str, spans: Spans, names: Collection[str], replaced: Mapping[str, str]) -> str:
    """Return the text without the outermost settings of these names, and with some values replaced, by path.

    Comments above a setting that goes stay; those in its own lines go with it.
    """
    gone = [setting for setting in spans.settings if setting.name in names]
    kept = [setting for setting in spans.settings if setting.name not in names]
    cuts = _cut_braces(spans, names) if spans.braces else [_lines(text, setting) for setting in gone]
    edits = [(cut, "") for cut in cuts]
    for path, value in replaced.items():
        span = spans.values.get(path)
        if span is not None and any(setting.value.start <= span.start < setting.value.end for setting in kept):
            edits.append((span, quoted_scalar(value) + _line_end(text, span)))
    return edited(text, edits)


def block_of(text: str, spans: Spans, name: str) -> str | None:
    """Return the settings under an outermost name as a text of their own; None where they are not in lines below it."""
    setting = next((each for each in spans.settings if each.name == name), None)
    if setting is None or spans.braces or text[setting.value.start : setting.value.start + 1] in ("", "{", "["):
        return None
    begin = text.rfind("\n", 0, setting.value.start) + 1
    margin = text[begin : setting.value.start]
    if margin.strip() or begin <= setting.key.start:
        return None
    first = text.find("\n", setting.key.end) + 1 or begin  # comments above the first setting belong to it
    lines = text[min(first, begin) : _lines(text, setting).end].splitlines(keepends=True)
    return "".join(line.removeprefix(margin) for line in lines)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with each of these places replaced."""
    for span, new in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def says(text: str, data: object) -> bool:
    """Whether a text is free of faults and says exactly this."""
    root, faults = compose(text, "")
    return not faults and (data_of(root) if root is not None else None) == data


def written(data: Mapping[str, object]) -> str:
    """Return a text that says this: the way out where the original cannot be cut."""
    return "".join(f"{quoted_scalar(name)}: {_flow(value)}\n" for name, value in data.items())


def quoted_scalar(text: str) -> str:
    """Return a text in double quotes, as YAML reads it."""
    return '"' + "".join(_escaped(ch) for ch in text) + '"'


def replaced_in(node: Node, values: Mapping[str, str | None], path: str = "") -> Node:
    """Return the tree with other texts at some paths; None makes the node one that a fault was told of."""
    match node:
        case nodes.Scalar() if path in values:
            value = values[path]
            if value is None:
                return nodes.Broken(node.mark)
            return nodes.Scalar(value, node.mark, plain=False, straight=False)
        case nodes.Sequence():
            items = (replaced_in(item, values, f"{path}[{index}]") for index, item in enumerate(node.items))
            return nodes.Sequence(tuple(items), node.mark)
        case nodes.Mapping():
            return nodes.Mapping(
                tuple(
                    nodes.Entry(entry.key, entry.mark, replaced_in(entry.value, values, joined(path, entry.key)))
                    for entry in node.entries
                ),
                node.mark,
            )
    return node


def _escaped(ch: str) -> str:
    if ch in '"\\':
        return f"\\{ch}"
    if ch == " " or (ch.isprintable() and ch not in "\u00a0\ufeff"):
        return ch
    code = ord(ch)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _flow(value: object) -> str:
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(_flow(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"{quoted_scalar(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    return quoted_scalar(str(value))


def _lines(text: str, setting: Setting) -> Span:
    """The whole lines of a setting, the end of the last one included."""
    begin = max(text.rfind("\n", 0, setting.key.start), text.rfind("\r", 0, setting.key.start)) + 1
    end = setting.key.start + len(text[setting.key.start : setting.value.end].rstrip())
    after = min((at for at in (text.find("\n", end), text.find("\r", end)) if at >= 0), default=len(text))
    after += 2 if text.startswith("\r\n", after) else 1 if after < len(text) else 0
    return Span(begin, after)


def _line_end(text: str, span: Span) -> str:
    """The line end that a block text (``|``) takes with it."""
    return "\n" if text[span.start : span.start + 1] in ("|", ">") else ""


def _cut_braces(spans: Spans, names: Collection[str]) -> list[Span]:
    """Cut from name to name, commas included; at the end of the list from the value before."""
    cuts: list[Span] = []
    last_kept: Setting | None = None
    for index, setting in enumerate(spans.settings):
        if setting.name not in names:
            last_kept = setting
        elif any(each.name not in names for each in spans.settings[index + 1 :]):
            cuts.append(Span(setting.key.start, spans.settings[index + 1].key.start))
        else:
            start = last_kept.value.end if last_kept is not None else setting.key.start
            cuts.append(Span(start, spans.settings[-1].value.end))
            break
    return cuts
