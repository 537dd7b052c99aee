"""docs/sip.md names tests that exist."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "sip.md"


def test_every_test_that_the_document_names_exists() -> None:
    tests = {
        node.name
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", DOCUMENT.read_text()))
    assert len(named) > 60
    assert named - tests == set()
