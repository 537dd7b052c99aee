import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.emergency.invite import invite_with_location, invite_without_location
from offhook.emergency.numbers import EmergencyError

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"


def test_the_location_travels_by_value_and_is_pointed_at() -> None:
    invite = invite_with_location(SDP, b"<presence/>", "loc.1@phone.example.net", "bnd7f3a")
    assert invite.headers == (
        ("Geolocation", "<cid:loc.1@phone.example.net>"),
        ("Geolocation-Routing", "yes"),
        ("Priority", "emergency"),
        ("MIME-Version", "1.0"),
    )
    assert invite.content_type == "multipart/mixed;boundary=bnd7f3a"
    assert invite.body == (
        b"--bnd7f3a\r\n"
        b"Content-Type: application/sdp\r\n\r\n" + SDP + b"\r\n"
        b"--bnd7f3a\r\n"
        b"Content-Type: application/pidf+xml\r\n"
        b"Content-ID: <loc.1@phone.example.net>\r\n"
        b"Content-Disposition: by-reference;handling=optional\r\n\r\n"
        b"<presence/>\r\n"
        b"--bnd7f3a--\r\n"
    )


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_another_mime_reader_finds_the_same_two_parts(sdp: bytes, pidf: bytes) -> None:
    try:
        invite = invite_with_location(sdp, pidf, "a@b", "Boundary0123456789")
    except EmergencyError:
        return
    pieces = invite.body.split(b"--Boundary0123456789")
    assert [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:3]] == [sdp, pidf]
    assert pieces[3] == b"--\r\n"


def test_the_standard_librarys_mime_parser_reads_it() -> None:
    invite = invite_with_location(SDP, b"<presence/>", "loc.1@phone.example.net", "bnd7f3a")
    head = f"MIME-Version: 1.0\r\nContent-Type: {invite.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + invite.body, policy=email.policy.HTTP)
    first, second = message.iter_parts()
    assert first.get_content_type() == "application/sdp"
    assert second.get_content_type() == "application/pidf+xml"
    assert second["Content-ID"] == "<loc.1@phone.example.net>"
    assert second.get_payload(decode=True) == b"<presence/>"
    assert not message.defects


def test_without_location_there_is_no_word_of_it() -> None:
    invite = invite_without_location(SDP)
    assert invite.headers == (("Priority", "emergency"),)
    assert (invite.content_type, invite.body) == ("application/sdp", SDP)


@pytest.mark.parametrize(
    ("content_id", "boundary"),
    [
        ("loc", "b"),
        ("a@b>\r\nX: y", "b"),
        ("a b@c", "b"),
        ("a@b", ""),
        ("a@b", "with space"),
        ("a@b", "x" * 61),
        ("a@b", "v"),
    ],
)
def test_identifiers_that_would_break_the_message_are_refused(content_id: str, boundary: str) -> None:
    with pytest.raises(EmergencyError):
        invite_with_location(SDP, b"<presence/>", content_id, boundary)
