"""What editors and people are told agrees with what the loader takes."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.config.board_schema import BoardConfig
from offhook.config.export import json_schema, setting_words
from offhook.config.faults import ConfigError
from offhook.config.load import load, load_board
from offhook.config.reference import EXAMPLE_BOARD, EXAMPLE_CONFIG, reference
from offhook.config.schema import Config
from offhook.config.section import Section
from offhook.daemon.files import VALIDATORS

DOCS = Path(__file__).parents[2] / "docs" / "config-reference.md"
SCHEMA = json_schema(Config)
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}


def accepts(schema: object, value: object) -> bool:
    """Check a value as an editor would: the part of JSON Schema that the export uses."""
    assert isinstance(schema, dict)
    unknown = set(schema) - {
        *("$schema", "$defs", "$ref", "title", "description", "type", "anyOf", "enum", "const", "pattern", "writeOnly"),
        *("minimum", "maximum", "multipleOf", "minItems", "maxItems", "maxLength", "uniqueItems", "items"),
        *("properties", "required", "additionalProperties"),
    }
    assert not unknown
    if ref := schema.get("$ref"):
        return accepts(SCHEMA["$defs"][ref.rpartition("/")[2]], value)  # type: ignore[index,call-overload]
    if options := schema.get("anyOf"):
        return any(accepts(option, value) for option in options)
    if kinds := schema.get("type"):
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not any(
            isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind != "boolean") for kind in kinds
        ):
            return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, str) and ("pattern" in schema and not re.search(schema["pattern"], value)):
        return False
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and value % schema.get("multipleOf", 1) == 0
    ):
        return "multipleOf" not in schema and schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if isinstance(value, list):
        return all(accepts(schema["items"], item) for item in value)
    if isinstance(value, dict):
        known = schema["properties"]
        return all(key in value for key in schema["required"]) and all(
            key in known and accepts(known[key], item) for key, item in value.items()
        )
    return True


def as_an_editor_sees(text: str) -> object:
    """Type scalars as YAML 1.2 editors do: numbers are numbers, ``NO`` is a text."""
    return _typed(yaml.load(text, Loader=yaml.BaseLoader))


def _typed(value: object) -> object:
    match value:
        case dict():
            return {key: _typed(item) for key, item in value.items()}
        case list():
            return [_typed(item) for item in value]
        case "true" | "false":
            return value == "true"
        case "" | "~" | "null":
            return None
        case str() if re.fullmatch(r"[-+]?[0-9]+", value):
            return int(value)
        case str() if re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", value):
            return float(value)
    return value


GOOD = """\
country: NO
serial: 7
accounts:
  - {name: desk, uri: "sip:1001@pbx.test", user: 0112, password: 1234, server: 10.7.0.1, expires: 600, register: true}
sip: {listen: "10.77.0.2:0"}
rtp: {ports: 20000-20100, ptime: 20, codecs: [PCMU]}
dialling: {first_digit_s: 7.5, outside_prefix: 0}
location: {civic: {country: NO, HNO: 1, FLR: 3.5}, geodetic: {latitude: 59.9, longitude: 10}}
emergency: {numbers: [0112, 4712, {number: 117, service: sos.fire}]}
audio:
provisioning: {url: "https://c.example/", interval: 6h}
"""


@pytest.mark.parametrize("model", [Config, BoardConfig])
def test_every_setting_is_described(model: type[Section]) -> None:
    assert all(setting_words(model).values())
    assert "PydanticUndefined" not in json.dumps(json_schema(model))


def test_the_editor_takes_what_the_loader_takes() -> None:
    load(GOOD)
    assert accepts(SCHEMA, as_an_editor_sees(GOOD))


@pytest.mark.parametrize(
    "text",
    [
        "language: nb",
        "country: NO\npasswords: x",
        "country: NO\naccounts: [{name: a, uri: 'sip:a@b', transport: tsl}]",
        "country: NO\nrtp: {ptime: 25}",
        "country: NO\nrtp: {ptime: 70}",
        "country: no",
        "country: NO\naccounts: [{name: a, uri: 'sip:a@b', expires: soon}]",
        "country: NO\nprovisioning: {interval: 5 weeks}",
    ],
)
def test_the_editor_refuses_what_the_loader_refuses(text: str) -> None:
    with pytest.raises(ConfigError):
        load(text)
    assert not accepts(SCHEMA, as_an_editor_sees(text))


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {"country": st.sampled_from(["NO", "US", "DE"])},
        optional={
            "serial": st.from_regex(r"[0-9]{1,6}", fullmatch=True),
            "rtp": st.fixed_dictionaries({}, optional={"ptime": st.sampled_from([10, 20, 60])}),
            "web": st.one_of(st.none(), st.fixed_dictionaries({"port": st.integers(0, 65535)})),
            "emergency": st.fixed_dictionaries({"numbers": st.lists(st.integers(100, 999), unique=True, max_size=4)}),
            "power": st.fixed_dictionaries({}, optional={"low_percent": st.integers(50, 100)}),
            "log": st.fixed_dictionaries({"level": st.sampled_from(["debug", "info"])}),
        },
    )
)
def test_whatever_loads_is_taken_by_the_editor(value: dict[str, object]) -> None:
    text = yaml.safe_dump(value)
    load(text)
    assert accepts(SCHEMA, as_an_editor_sees(text.replace("'", "")))


def test_the_reference_in_docs_is_up_to_date() -> None:
    assert DOCS.read_text("utf-8") == reference(), "run: offhook schema --markdown > docs/config-reference.md"


def test_the_examples_of_the_reference_have_no_faults() -> None:
    assert load(EXAMPLE_CONFIG, validators=VALIDATORS).accounts[0].auth_user == "1001"
    assert load_board(EXAMPLE_BOARD).keypad == "4x3"
    assert accepts(SCHEMA, as_an_editor_sees(EXAMPLE_CONFIG))


def test_links_of_the_reference_lead_somewhere() -> None:
    text = reference()
    titles = {
        re.sub(r"[^a-z0-9_-]", "", title.lower().replace(" ", "-")) for title in re.findall(r"^#+ (.*)$", text, re.M)
    }
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= titles
