"""Bodies of several parts: built, read back, searched, and never worse than a RemoteError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.headers import MediaType
from offhook.sip.messages.multipart import MAX_PARTS, Part, build_multipart, find_part, parse_multipart

SDP = Part((("Content-Type", "application/sdp"),), b"v=0\r\n")
PIDF = Part((("Content-Type", "application/pidf+xml"), ("Content-ID", "<anna@h>")), b"<presence/>\n")
MIXED = MediaType("multipart", "mixed", (("boundary", "edge"),))

PARTS = st.lists(
    st.builds(
        Part,
        st.lists(st.tuples(st.sampled_from(["Content-Type", "X-Own"]), st.just("text/plain")), max_size=2).map(tuple),
        st.binary(max_size=40).filter(lambda content: b"--edge" not in content),
    ),
    max_size=4,
)


def test_what_is_built_can_be_read() -> None:
    content_type, body = build_multipart([SDP, PIDF], "edge")
    assert content_type == "multipart/mixed;boundary=edge"
    assert body.startswith(b"--edge\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--edge\r\n")
    assert body.endswith(b"\r\n--edge--\r\n")
    parts = parse_multipart(MediaType.parse(content_type), body)
    assert parts == (SDP, PIDF)
    assert parts[1].header("content-id") == "<anna@h>"
    assert parts[1].header("nothing") is None
    assert parts[1].content_type.name == "application/pidf+xml"


def test_a_part_is_found_at_any_depth_and_within_reason() -> None:
    inner_type, inner = build_multipart([PIDF, SDP], "inner", "alternative")
    content_type, body = build_multipart([PIDF, Part((("Content-Type", inner_type),), inner)], "outer")
    assert find_part(content_type, body, "Application/SDP") == SDP.content
    assert find_part("application/sdp; charset=utf-8", b"v=0", "application/sdp") == b"v=0"
    assert find_part(content_type, body, "image/png") is None
    for level in range(8):
        content_type, body = build_multipart([Part((("Content-Type", content_type),), body)], f"level{level}")
    assert find_part(content_type, body, "application/sdp") is None


@pytest.mark.parametrize("content_type", ["nonsense", "multipart/mixed", "multipart/mixed;boundary=x", "text/plain"])
def test_nothing_is_found_in_what_cannot_be_read(content_type: str) -> None:
    assert find_part(content_type, b"--y\r\n\r\nv=0\r\n--y--", "application/sdp") is None


def test_bytes_around_the_parts_do_not_matter() -> None:
    body = b"start --edge\r\n--edgeless\r\n--edge \t\r\n\r\none\r\n--edge x\r\n--edge\nX: y\r\n\r\ntwo\n--edge-- \r\n."
    assert parse_multipart(MIXED, body) == (Part((), b"one\r\n--edge x"), Part((("X", "y"),), b"two"))


def test_a_part_without_content_type_is_text() -> None:
    (part,) = parse_multipart(MIXED, b"--edge\r\nX: a\r\n b\r\n\r\n\r\n--edge--")
    assert part == Part((("X", "a b"),), b"")
    assert part.content_type.name == "text/plain"


@pytest.mark.parametrize("body", [b"", b"--edge", b"--edge\r\n\r\nx", b"x--edge--", b"--edge\r\n\r\nx\r\n--edge\r\n"])
def test_an_unfinished_body_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteError):
        parse_multipart(MIXED, body)


def test_a_body_of_too_many_parts_is_refused() -> None:
    _, body = build_multipart([SDP] * MAX_PARTS, "edge")
    assert len(parse_multipart(MIXED, body)) == MAX_PARTS
    _, body = build_multipart([SDP] * (MAX_PARTS + 1), "edge")
    with pytest.raises(RemoteError):
        parse_multipart(MIXED, body)


def test_only_multiparts_with_a_boundary_can_be_taken_apart() -> None:
    for media in (MediaType("multipart", "mixed"), MediaType("text", "plain", (("boundary", "edge"),))):
        with pytest.raises(RemoteError):
            parse_multipart(media, b"--edge--")


@pytest.mark.parametrize("boundary", ["", "a b", "ø", "x" * 71, "a\r\n"])
def test_a_boundary_of_ours_is_plain(boundary: str) -> None:
    with pytest.raises(LocalError):
        build_multipart([SDP], boundary)


def test_a_part_of_ours_can_neither_hold_the_boundary_nor_break_a_header() -> None:
    with pytest.raises(LocalError):
        build_multipart([Part((), b"x--edge")], "edge")
    with pytest.raises(LocalError):
        build_multipart([Part((("X", "a\r\nb"),), b"")], "edge")


@given(PARTS)
def test_any_parts_survive_being_joined_and_split(parts: list[Part]) -> None:
    content_type, body = build_multipart(parts, "edge")
    if parts:
        assert parse_multipart(MediaType.parse(content_type), body) == tuple(parts)


@given(st.lists(st.sampled_from([b"--edge", b"--", b"\r\n", b"\n", b"x", b"--edge--", b"X: y\r\n"]), max_size=20))
def test_any_body_gives_parts_or_a_remote_error(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    find_part("multipart/mixed;boundary=edge", body, "application/sdp")
    try:
        parts = parse_multipart(MIXED, body)
    except RemoteError:
        return
    assert sum(len(part.content) for part in parts) <= len(body)
