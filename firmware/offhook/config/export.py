"""The config file's own description: JSON Schema for editors, a reference in Markdown for people.

Both come from the models, so they cannot disagree with what is accepted; the words are the models' docstrings.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from pydantic import JsonValue
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from offhook.config.board_schema import BoardConfig
from offhook.config.complaints import section_in
from offhook.config.scalars import UNITS, duration
from offhook.config.section import Section, settings_of

JsonObject = dict[str, JsonValue]


class _Shapes(GenerateJsonSchema):
    """Leaves defaults out: they are written below in the form that the file takes."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


_EDITOR_TEXT: list[JsonValue] = ["string", "number"]


def json_schema(model: type[Section]) -> JsonObject:
    """Return a JSON Schema (draft 2020-12) that takes what the loader takes, seen through an editor's eyes.

    Editors type scalars before they check, so a text field takes numbers too (``0112`` is one to them), and a setting
    that may be left out takes null (``audio:`` with nothing after it).
    """
    sections = list(dict.fromkeys(_sections(model)))
    definitions: JsonObject = {section.__name__: _section_schema(section) for section in sections}
    title = "offhook board file" if model is BoardConfig else "offhook config file"
    head: JsonObject = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return head | {"$ref": f"#/$defs/{model.__name__}", "$defs": definitions}


def _sections(model: type[Section]) -> Iterator[type[Section]]:
    """The section and all inside it."""
    yield model
    for field in settings_of(model).values():
        inner = section_in(field.annotation)
        if inner is not None:
            yield from _sections(inner)


def section_shape(model: type[Section]) -> JsonObject:
    """Return what each setting of a section takes, as pydantic's JSON Schema of it."""
    properties: JsonObject = model.model_json_schema(by_alias=True, schema_generator=_Shapes)["properties"]
    return properties


def _section_schema(model: type[Section]) -> JsonObject:
    raw = model.model_json_schema(by_alias=True, schema_generator=_Shapes)
    words = setting_words(model)
    fields = settings_of(model)
    properties: JsonObject = {}
    for name, shape in raw["properties"].items():
        plain = _relaxed(shape)
        value = plain if isinstance(plain, dict) else {}
        if not fields[name].is_required() and {"type": "null"} not in _options(value):
            value = {"anyOf": [value, {"type": "null"}]}
        default = default_text(fields[name])
        properties[name] = value | {"description": words[name] + (f" Default: {default}." if default else "")}
    required: list[JsonValue] = list(raw.get("required", []))
    whole: JsonObject = {"type": "object", "description": summary(model), "properties": properties}
    whole |= {"required": required, "additionalProperties": False}
    return whole if model.bare_setting is None else {"anyOf": [properties[model.bare_setting], whole]}


def _options(schema: JsonObject) -> list[JsonValue]:
    options = schema.get("anyOf")
    return options if isinstance(options, list) else []


def _relaxed(schema: object) -> JsonValue:
    """Let numbers stand where texts are asked for; drop titles and defaults, which are pydantic's words."""
    match schema:
        case dict():
            kept = {key: _relaxed(value) for key, value in schema.items() if key not in ("title", "default")}
            if kept.get("type") == "string" and "enum" not in kept and "const" not in kept:
                kept["type"] = _EDITOR_TEXT
            return kept
        case list():
            return [_relaxed(item) for item in schema]
        case str() | int() | float() | bool() | None:
            return schema
    return str(schema)


def summary(model: type[Section]) -> str:
    """Return the docstring of a section in one line."""
    return " ".join((model.__doc__ or "").split())


def setting_words(model: type[Section]) -> dict[str, str]:
    """Return what is said of each setting: the string that follows it in the source, of base sections too."""
    words: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, Section) and each is not Section:
            words |= _docstrings(each)
    names = {info.alias or name: words.get(name, "") for name, info in model.model_fields.items()}
    missing = [name for name, text in names.items() if not text]
    if missing:
        raise LookupError(f"{model.__name__}: say below {', '.join(missing)} what it means")
    return names


def _docstrings(model: type[Section]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for statement, after in pairwise(body):
        match statement, after:
            case (ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text))):
                found[name] = " ".join(text.split())
    return found


def default_text(field: FieldInfo) -> str:
    """Return the default as one writes it in the file; empty where there is none."""
    value = field.get_default(call_default_factory=False)
    if (
        field.is_required()
        or field.default_factory is not None
        or value is None
        or isinstance(value, Section)
        or value == ()
    ):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(str(item) for item in value)}]"
    if any(getattr(each, "func", None) is duration for each in field.metadata):
        return next(f"{value / seconds:g}{unit}" for unit, seconds in UNITS.items() if value % seconds == 0)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
