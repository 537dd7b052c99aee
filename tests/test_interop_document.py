"""docs/interop.md names tests; those tests exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_test_that_the_interop_document_names_exists() -> None:
    text = (ROOT / "docs" / "interop.md").read_text()
    defined = set(re.findall(r"^def (test_\w+)", "\n".join(p.read_text() for p in ROOT.glob("tests/e2e/*.py")), re.M))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    assert not named - defined
    files = set(re.findall(r"`(tests/\S+\.py)`", text))
    assert files
    assert all((ROOT / file).is_file() for file in files)
