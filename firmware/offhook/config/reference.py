"""The reference of the config and board files, in Markdown."""

from pydantic import JsonValue

from offhook.config.board_schema import BoardConfig
from offhook.config.boot_schema import BootSettings
from offhook.config.complaints import section_in
from offhook.config.export import JsonObject, default_text, section_shape, setting_words, summary
from offhook.config.schema import Config
from offhook.config.section import Section, settings_of

_HEAD = """\
# Config reference

Made by `offhook schema --markdown`; do not edit by hand. `offhook check FILE` (`--board` for a board file) says what
is wrong with a file, with line and column. For an editor that completes and checks while you type, write the schema
once with `offhook schema > offhook.schema.json` and put this in the first line of the file:

```yaml
# yaml-language-server: $schema=offhook.schema.json
```

Files are YAML, but nothing is guessed: every value is text until a setting gives it its type. `0112` stays `0112`,
`NO` is Norway, `+4512345678` keeps its plus. Whole numbers have no leading zeros, yes and no are written `true` and
`false`, a length of time carries its unit (`30s`, `15m`, `6h`). A setting with nothing after the colon is not set.
Unknown and doubled names are faults. A value that begins with `*`, `&`, `!`, `@` or `#` needs quotes.

A file for a phone at home:

```yaml
%s```

And for the board that it stands on:

```yaml
%s```
"""

EXAMPLE_CONFIG = """\
country: NO
accounts:
  - name: home
    uri: sip:1001@pbx.example
    password: "change me"
    transport: tcp
dialplan: "(1xx|[2-9]xxxxxxx|00x.T|*xx)"
location:
  civic: {country: NO, A3: Oslo, PC: "0155", RD: Storgata, HNO: "1", FLR: "3", NAM: Nordmann}
audio: {capture: "hw:CARD=Device", playback: "hw:CARD=Device"}
"""
"""A config file that the reference shows."""

EXAMPLE_BOARD = """\
kind: gpio
keypad: 4x3
hook: {pin: 17, normally: open}
matrix: {rows: [5, 6, 13, 19], columns: [12, 16, 20]}
ringer: {pin: 25}
lamps: [{name: message, pin: 24}]
"""
"""A board file that the reference shows."""


def reference() -> str:
    """Return the reference of both files."""
    parts = [
        _HEAD % (EXAMPLE_CONFIG, EXAMPLE_BOARD),
        "## The config file\n",
        *_section(Config, "", ""),
        "## The board file\n",
    ]
    parts += _section(BoardConfig, "", " (board)")
    parts += ["## The file on the boot partition\n", *_section(BootSettings, "", " (boot)")]
    return "\n".join(parts)


def _section(model: type[Section], path: str, file: str) -> list[str]:
    """The table of one section, then those of the sections inside it."""
    title = [f"### `{path}`{file}\n"] if path else []
    lines = [*title, summary(model) + "\n", "| setting | value | default | |", "|---|---|---|---|"]
    shape, words, inside = section_shape(model), setting_words(model), []
    for name, field in settings_of(model).items():
        inner = section_in(field.annotation)
        shown = _value(shape[name])
        if inner is BoardConfig:  # a section of its own
            shown = "name, or [settings](#the-board-file)"
        elif inner is not None:
            listed = "[]" if "list" in shown else ""
            below = f"{path}.{name}{listed}" if path else f"{name}{listed}"
            shown = f"{'list of ' if listed else ''}[settings](#{_anchor(below + file)})"
            inside.append((inner, below))
        default = "required" if field.is_required() else default_text(field)
        shown_default = f"`{default}`" if default and not field.is_required() else default
        lines.append(f"| `{name}` | {shown} | {shown_default} | {words[name].replace('|', chr(92) + '|')} |")
    result = ["\n".join(lines) + "\n"]
    for inner, below in inside:
        result += _section(inner, below, file)
    return result


def _anchor(path: str) -> str:
    return "".join(ch for ch in path.lower().replace(" ", "-") if ch.isalnum() or ch in "_-")


def _value(shape: JsonValue) -> str:
    """Say in a few words what a setting takes."""
    if not isinstance(shape, dict):
        return "text"
    match shape:
        case {"anyOf": list(options)}:
            return _value(next((each for each in options if each != {"type": "null"}), None))
        case {"enum": list(names)}:
            return " ".join(f"`{name}`" for name in names)
        case {"const": str(only)}:
            return f"`{only}`"
        case {"type": "array", "items": items}:
            return f"list: {_value(items)}"
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "integer" | "number" as kind}:
            return ("whole number" if kind == "integer" else "number") + _range(shape)
        case {"type": "object"}:
            return "settings"
        case {"pattern": str(pattern)} if "(ms|s|m|h|d)" in pattern:
            return "length of time"
    return "text"


def _range(shape: JsonObject) -> str:
    least, most, step = shape.get("minimum"), shape.get("maximum"), shape.get("multipleOf")
    words = f", {_short(least)} to {_short(most)}" if least is not None and most is not None else ""
    return words + (f" by {_short(step)}" if step is not None else "")


def _short(value: JsonValue) -> str:
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)
