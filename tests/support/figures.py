"""Figures that a soak shows, though its tests pass."""

import sys

import pytest


def show(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Write a line past what pytest captures."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")
