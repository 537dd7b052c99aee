"""The program that writes the number table, by its two readers."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "image-build" / "number_table.py"
    spec = importlib.util.spec_from_file_location("number_table_program", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROGRAM = load()


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("911", {"911"}),
        ("112|9(?:11|9[89])", {"112", "911", "998", "999"}),
        ("1(?:1[02-4]|2?3)", {"110", "112", "113", "114", "123", "13"}),
        (r"1(?:3\d|8)", {"18", *(f"13{digit}" for digit in range(10))}),
    ],
)
def test_a_pattern_is_written_out(pattern: str, numbers: set[str]) -> None:
    assert PROGRAM.expand(pattern) == numbers


def test_a_pattern_with_signs_that_are_new_stops_the_program() -> None:
    with pytest.raises(AssertionError):
        PROGRAM.expand("1{3}")


def test_the_typed_list_is_read_by_country_and_number() -> None:
    text = """revision: 1
countries {
  iso_code: "NO"
  eccs {
    phone_number: "112"
    types: POLICE
    routing: EMERGENCY
  }
  eccs {
    phone_number: "116117"
    types: TYPE_UNSPECIFIED
  }
  ecc_fallback: "112"
}
countries {
  iso_code: "US"
  eccs {
    phone_number: "911"
    types: POLICE
    types: AMBULANCE
    types: FIRE
  }
}
"""
    typed = PROGRAM.read_ecc(text)
    assert typed == {"NO": {"112": "P", "116117": ""}, "US": {"911": "PAF"}}
    assert PROGRAM.rows_of({"110", "112"}, typed["NO"]) == ["110/-/p", "112/P/pa"]
    assert list(PROGRAM.lines_of("NO", ["112/P/pa"])) == ['    "NO": "112/P/pa",']
