"""Messages: headers in order and by name, typed values that follow a change, and what goes on the wire."""

import pytest

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.header_fields import COMPACT_FORMS, Headers
from offhook.sip.messages.headers import CSeq, Via
from offhook.sip.messages.message import Message, Request, Response
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.messages.uri import OtherUri, parse_uri

URI = parse_uri("sip:bo@h.test")


def headers(*fields: tuple[str, str]) -> Headers:
    result = Headers()
    for name, value in fields:
        result.add(name, value)
    return result


def usual() -> Headers:
    return headers(
        ("Via", "SIP/2.0/UDP one.test;branch=z9hG4bK1"),
        ("From", "<sip:a@h>;tag=1"),
        ("To", "<sip:b@h>"),
        ("Call-ID", "c@h"),
        ("CSeq", "1 INVITE"),
    )


def test_a_header_is_found_under_any_spelling() -> None:
    fields = headers(("v", "1"), ("VIA", "2"), ("X-Own", "3"), ("call-id", "4"))
    assert fields.get_all("Via") == ["1", "2"]
    assert (fields.get("x-oWN"), fields.get("i"), fields.get("From")) == ("3", "4", None)
    assert "CALL-ID" in fields
    assert "I" in fields
    assert "nothing" not in fields
    assert 5 not in fields
    assert list(fields) == [("Via", "1"), ("Via", "2"), ("X-Own", "3"), ("Call-ID", "4")]
    assert len(fields) == 4


def test_every_compact_form_is_written_out() -> None:
    for short, name in COMPACT_FORMS.items():
        assert list(headers((short, "x"), (short.upper(), "y"))) == [(name, "x"), (name, "y")]


def test_headers_keep_their_order_through_changes() -> None:
    fields = headers(("A", "1"), ("B", "2"), ("A", "3"), ("C", "4"))
    fields.set("a", "5")
    assert [value for _, value in fields] == ["5", "2", "4"]
    fields.prepend("B", "0")
    assert fields.get_all("b") == ["0", "2"]
    fields.replace_first("B", "9")
    assert fields.get_all("b") == ["9", "2"]
    fields.replace_first("D", "6")
    fields.set("E", "7")
    fields.remove("B")
    fields.remove("nothing")
    assert [value for _, value in fields] == ["5", "4", "6", "7"]


def test_a_copy_changes_on_its_own() -> None:
    fields = headers(("A", "1"))
    twin = fields.copy()
    twin.add("A", "2")
    fields.set("A", "3")
    assert (fields.get_all("A"), twin.get_all("A")) == (["3"], ["1", "2"])


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb"])
def test_no_value_of_ours_can_start_a_new_line(value: str) -> None:
    fields = headers(("Subject", "x"))
    for change in (fields.add, fields.set, fields.prepend, fields.replace_first):
        with pytest.raises(LocalError):
            change("Subject", value)
        with pytest.raises(LocalError):
            change("New", value)
    assert list(fields) == [("Subject", "x")]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ø"])
def test_a_header_name_is_a_token(name: str) -> None:
    with pytest.raises(LocalError):
        Headers().add(name, "x")


def test_a_typed_value_follows_its_header() -> None:
    request = Request("INVITE", URI, usual())
    assert request.cseq == CSeq(1, "INVITE")
    assert request.cseq is request.cseq
    request.headers.set("CSeq", "2 INVITE")
    assert request.cseq.number == 2
    request.headers.remove("CSeq")
    with pytest.raises(RemoteError) as caught:
        _ = request.cseq
    assert (caught.value.status, caught.value.reason) == (400, "Missing CSeq")
    request.headers.add("CSeq", "1 X")
    request.headers.add("CSeq", "2 X")
    with pytest.raises(RemoteError, match="Several CSeq"):
        _ = request.cseq


def test_the_top_via_is_replaced_and_those_below_stay() -> None:
    fields = headers(("Via", "SIP/2.0/UDP a, SIP/2.0/UDP b"), ("v", "SIP/2.0/TCP c"))
    request = Request("OPTIONS", URI, fields)
    request.replace_via(Via("UDP", "a", None, (("received", "192.0.2.1"),)))
    assert [str(via) for via in request.vias] == [
        "SIP/2.0/UDP a;received=192.0.2.1",
        "SIP/2.0/UDP b",
        "SIP/2.0/TCP c",
    ]
    assert fields.get_all("Via") == ["SIP/2.0/UDP a;received=192.0.2.1, SIP/2.0/UDP b", "SIP/2.0/TCP c"]
    assert request.via is request.vias[0]


def test_missing_lists_are_empty_and_missing_values_none() -> None:
    request = Request("OPTIONS", URI, Headers())
    assert (request.contacts, request.routes, request.record_routes) == ((), (), ())
    assert (request.require, request.supported, request.allow) == ((), (), ())
    assert (request.max_forwards, request.content_type, request.expires, request.retry_after) == (None,) * 4
    for read in (lambda: request.vias, lambda: request.from_, lambda: request.to, lambda: request.call_id):
        with pytest.raises(RemoteError):
            read()


def test_lists_are_read_across_lines() -> None:
    fields = headers(
        *(("Route", "<sip:a;lr>, <sip:b;lr>"), ("Route", "<sip:c;lr>"), ("Require", "x, ,y"), ("Require", "z")),
        *(("Contact", "*"), ("Allow", "INVITE,ACK")),
    )
    request = Request("OPTIONS", URI, fields)
    assert [str(route.uri) for route in request.routes] == ["sip:a;lr", "sip:b;lr", "sip:c;lr"]
    assert request.require == ("x", "y", "z")
    assert request.allow == ("INVITE", "ACK")
    assert request.contacts == ()
    assert request.contact_is_star


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("3600", 3600), (" 007 ", 7), ("0", 0), ("9" * 5000, 2**32 - 1), ("4294967296", 2**32 - 1)),
        *(("", None), ("-1", None), ("soon", None), ("1.5", None), ("\u0663", None)),
    ],
)
def test_seconds_are_cut_and_nonsense_is_left_out(text: str, seconds: int | None) -> None:
    assert Request("REGISTER", URI, headers(("Expires", text))).expires == seconds


def test_retry_after_may_carry_comment_and_parameters() -> None:
    response = Response(503, "", headers(("Retry-After", "18000;duration=3600"), ("Min-Expires", "60")))
    assert (response.retry_after, response.min_expires) == (18000, 60)
    assert Response(503, "", headers(("Retry-After", "120 (in a meeting)"))).retry_after == 120


@pytest.mark.parametrize("text", ["256", "-1", "x", "", "9" * 5000, "\u0663"])
def test_max_forwards_is_one_byte(text: str) -> None:
    with pytest.raises(RemoteError):
        _ = Request("OPTIONS", URI, headers(("Max-Forwards", text))).max_forwards


def test_the_length_written_is_that_of_the_body() -> None:
    fields = usual()
    fields.add("l", "9999")
    data = bytes(Request("INVITE", URI, fields, b"hello"))
    assert data.startswith(b"INVITE sip:bo@h.test SIP/2.0\r\nVia: ")
    assert data.endswith(b"\r\nContent-Length: 5\r\n\r\nhello")
    assert data.count(b"Content-Length") == 1
    assert parse_datagram(data).body == b"hello"


def test_a_response_is_written_with_its_reason() -> None:
    data = bytes(Response(486, "Optaget", usual()))
    assert data.startswith(b"SIP/2.0 486 Optaget\r\n")
    response = parse_datagram(data)
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (486, "Optaget")
    assert repr(response) == "<Response 486>"


@pytest.mark.parametrize(
    "message",
    [
        Request("IN VITE", URI, Headers()),
        Request("X", OtherUri("urn", "a b"), Headers()),
        Response(99, "", Headers()),
        Response(700, "", Headers()),
        Response(200, "OK\r\nX: y", Headers()),
        Response(200, "OK\n", Headers()),
    ],
)
def test_a_message_that_cannot_be_written_is_our_own_fault(message: Message) -> None:
    with pytest.raises(LocalError):
        bytes(message)  # type: ignore[call-overload]


def test_a_typed_attribute_tells_what_it_is() -> None:
    assert "20.42" in (Message.vias.__doc__ or "")
    assert repr(Request("X", URI, headers(("A", "secret")))) == "<Request X>"
    assert repr(headers(("X-A", "secret"), ("v", "x"))) == "<Headers X-A, Via>"
