"""The phone's own UUID."""

import uuid
from pathlib import Path

import pytest

from offhook.daemon.identity import device_uuid


def test_it_is_made_once(tmp_path: Path) -> None:
    first = device_uuid(tmp_path / "state")
    assert device_uuid(tmp_path / "state") == first
    assert uuid.UUID(first).version == 4


def test_one_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "device-uuid").write_bytes(b"\xff rubbish")
    first = device_uuid(tmp_path)
    assert device_uuid(tmp_path) == first


def test_a_state_directory_that_cannot_be_written_does_not_take_the_phone_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert uuid.UUID(device_uuid(tmp_path / "file" / "state"))
    assert "--state-dir" in caplog.text
