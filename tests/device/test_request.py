"""What the phone may ask of root, and what root takes for a request."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.device.update.request import RequestError, UpdateRequest, decode, encode, take, write

ASKED = UpdateRequest("https://u.example/phone.raucb", "2.1", "02:00-05:00", "/etc/ssl/ca.pem")


def test_a_request_is_taken_once(tmp_path: Path) -> None:
    place = tmp_path / "update-request"
    assert take(place) is None
    write(ASKED, place)
    assert [entry.name for entry in tmp_path.iterdir()] == ["update-request"]
    assert take(place) == ASKED
    assert take(place) is None


def test_the_least_that_a_request_needs() -> None:
    assert decode(b'{"url": "https://u.example/x", "version": "2"}') == UpdateRequest("https://u.example/x", "2")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"url": "http://u.example/x"}, "https"),
        ({"url": "file:///etc/shadow"}, "address"),
        ({"url": 7}, "no short text"),
        ({"version": "2\n3"}, "no short text"),
        ({"version": "x" * 2000}, "no short text"),
        ({"when": "soon"}, "no window"),
        ({"run": "rm"}, "a request for an update has"),
    ],
)
def test_root_refuses_in_one_line(fields: dict[str, object], word: str) -> None:
    good = {"url": "https://u.example/x", "version": "2"}
    with pytest.raises(RequestError) as caught:
        decode(json.dumps(good | fields).encode())
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=80))
def test_any_file_is_a_request_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except RequestError:
        return


def test_what_lies_there_and_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(encode(ASKED))
    place = tmp_path / "update-request"
    place.symlink_to(secret)
    with pytest.raises(RequestError, match="no plain file"):
        take(place)
    assert secret.exists()
    assert not place.is_symlink()
    place.mkdir()
    with pytest.raises(RequestError, match="no plain file"):
        take(place)
    assert take(place) is None


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no update can be asked for"):
        write(ASKED, tmp_path / "gone" / "update-request")
