"""From bytes to messages: framing, limits, what an error carries, and that no bytes do worse than a RemoteError."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.errors import RemoteError
from offhook.sip.messages.limits import Limits
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import UNREADABLE, KeepAlive, StreamParser, parse_datagram
from tests.support.invariants import hold_for_message, read_every_part
from tests.support.mutate import mutations
from tests.vectors.torture import CASES, SDP, request, response

SEEDS = [case.data for case in CASES]
SMALL = Limits(message=4096, head=2048, headers=12, vias=3, list_values=4)
Outcome = tuple[object, ...]


def refused(data: bytes, limits: Limits | None = None) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        parse_datagram(data, limits) if limits else parse_datagram(data)
    return caught.value


def partial_of(error: RemoteError) -> Request:
    assert isinstance(error.partial, Request)
    return error.partial


def read_stream(pieces: list[bytes], limits: Limits | None = None) -> list[Outcome]:
    """What comes out of a stream, up to and including a fatal error."""
    parser = StreamParser(limits) if limits else StreamParser()
    out: list[Outcome] = []
    for piece in pieces:
        parser.feed(piece)
        while True:
            try:
                message = parser.next()
            except RemoteError as error:
                out.append((error.status, error.reason, error.fatal))
                if error.fatal:
                    return out
                continue
            if message is None:
                break
            out.append((message,) if isinstance(message, KeepAlive) else (bytes(message),))
    return out


# -- datagrams --------------------------------------------------------------------------------------------------------


def test_line_breaks_before_a_message_are_passed_over() -> None:
    assert isinstance(parse_datagram(b"\r\n\r\n" + request("OPTIONS")), Request)


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_keep_alive_needs_no_answer(data: bytes) -> None:
    error = refused(data)
    assert (error.status, error.partial) == (0, None)


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0",
        b"\xff" * 100,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"hello",
        b" \r\n\r\n",
        b"\x80\x60" + bytes(160),
    ],
)
def test_what_is_not_sip_cannot_be_answered(data: bytes) -> None:
    error = refused(data)
    assert error.status == 0 or error.partial is None


def test_bytes_after_the_content_length_are_ignored_and_missing_ones_are_not() -> None:
    data = request("INVITE", body=SDP)
    assert parse_datagram(data + b"junk").body == SDP
    assert refused(data[:-1]).reason == "Content-Length Exceeds Datagram"
    assert partial_of(refused(data[:-1])).call_id == "call-77@exchange.test"


def test_without_content_length_a_datagram_is_all_body() -> None:
    assert parse_datagram(request("INVITE", body=SDP, length=None) + b"x").body == SDP + b"x"


@pytest.mark.parametrize("cut", range(0, 500, 7))
def test_a_truncated_request_gets_400_or_silence(cut: int) -> None:
    data = request("INVITE", body=SDP)
    error = refused(data[: min(cut, len(data) - 1)])
    assert error.status in (0, 400)


def test_a_cut_within_the_head_still_finds_who_to_answer() -> None:
    data = request("OPTIONS")
    error = refused(data[: data.index(b"Max-Forwards")])
    assert (error.status, error.reason) == (400, "Missing Blank Line")
    assert partial_of(error).via.host == "203.0.113.7"


def test_a_message_of_64_kib_and_one_byte_is_too_large() -> None:
    data = request("INVITE", body=SDP, length=None)
    data += b"x" * (65536 - len(data))
    assert isinstance(parse_datagram(data), Request)
    error = refused(data + b"x")
    assert (error.status, error.reason) == (513, "Message Too Large")
    assert partial_of(error).call_id == "call-77@exchange.test"


def test_limits_on_head_headers_vias_and_lists_are_kept() -> None:
    filler = tuple(f"X-{i}: {'y' * 180}" for i in range(40))
    assert refused(request("OPTIONS", "sip:x", *filler), SMALL).reason == "Message Too Large"
    assert refused(request("OPTIONS", "sip:x", *(["X: y"] * 6)), SMALL).reason == "Too Many Headers"
    vias = ", ".join(["SIP/2.0/UDP h"] * 4)
    error = refused(request("OPTIONS", via=vias), SMALL)
    assert (error.status, error.reason) == (513, "Too Many Via")
    for name in ("Contact", "Route", "Record-Route"):
        error = refused(
            request("OPTIONS", "sip:x", f"{name}: <sip:a>,<sip:b>", f"{name}: <sip:c>,<sip:d>,<sip:e>"), SMALL
        )
        assert (error.status, error.reason) == (513, f"Too Many {name}")
        assert partial_of(error).via.host == "203.0.113.7"
        assert parse_datagram(request("OPTIONS", "sip:x", f"{name}: <sip:a>,<sip:b>,<sip:c>,<sip:d>"), SMALL)


@pytest.mark.parametrize(
    ("start", "status"),
    [
        *(("OPTIONS sip:x SIP/3.0", 505), ("OPTIONS sip:x sip/2.1", 505), ("OPTIONS sip:x HTTP/1.1", 400)),
        *(("OPTIONS sip:x", 400), ("OPTIONS", 400), ("OPTIONS sip:x SIP/2.0 ", 400), ("OPTIONS  SIP/2.0", 400)),
        *(("OPTIONS <sip:x> SIP/2.0", 400), ("OPTIONS bad SIP/2.0", 400), ("OPTIONS sip:x?a=b SIP/2.0", 400)),
    ],
)
def test_a_faulty_request_line_is_answered_by_status(start: str, status: int) -> None:
    error = refused(request("OPTIONS", start=start))
    assert error.status == status
    assert partial_of(error).uri == UNREADABLE
    assert partial_of(error).method == "OPTIONS"


@pytest.mark.parametrize(
    "line", ["SIP/2.0 200\r OK", "SIP/2.0 20 OK", "SIP/2.0 700 X", "SIP/2.0", "SIP/1.0 200 OK", "SIP/"]
)
def test_a_faulty_status_line_is_dropped(line: str) -> None:
    assert refused(response(line)).status == 0


def test_a_status_line_may_lack_reason_and_blank() -> None:
    message = parse_datagram(response("sip/2.0 180"))
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (180, "")


@pytest.mark.parametrize("name", ["Via", "To", "From", "Call-ID", "CSeq"])
def test_a_mandatory_header_may_neither_lack_nor_come_twice(name: str) -> None:
    lines = request("OPTIONS").split(b"\r\n")
    own = next(line for line in lines if line.startswith(name.encode()))
    error = refused(b"\r\n".join(line for line in lines if line is not own))
    assert (error.status, error.reason) == (400, f"Missing {name}")
    assert (error.partial is None) == (name == "Via")
    if name != "Via":
        error = refused(b"\r\n".join([lines[0], own, *lines[1:]]))
        assert error.reason == f"Several {name}"


@pytest.mark.parametrize(
    "line",
    [
        *("Contact: <sip:a@h>;;", "Route: x", "Record-Route: <sip:a", "Content-Type: sdp", "Max-Forwards: 300"),
        *(
            "Content-Length: 5x",
            "Content-Length: \u0663",
            "Subject: a\rb",
            "Subject: a\nb",
            "Content-Length: " + "9" * 5000,
        ),
    ],
)
def test_a_faulty_header_that_matters_is_400(line: str) -> None:
    error = refused(request("INVITE", "sip:2044@phone.test", line, max_forwards=None, length=None))
    assert error.status == 400
    assert partial_of(error).via.host == "203.0.113.7"


@pytest.mark.parametrize(
    "line", ["Date: never", "Expires: soon", "no colon here", ": no name", "b\0d: x", "Warning: ???"]
)
def test_a_faulty_header_that_does_not_matter_is_let_be(line: str) -> None:
    read_every_part(parse_datagram(request("INVITE", "sip:2044@phone.test", line)))


def test_an_ack_is_never_answered() -> None:
    assert refused(request("ACK", to="nonsense")).status == 0
    assert refused(request("ACK", start="ACK sip:x SIP/9.0")).status == 0


def test_a_response_is_never_answered_and_an_odd_contact_does_not_spoil_it() -> None:
    assert refused(response("SIP/2.0 200 OK", via="nonsense")).status == 0
    assert refused(response("SIP/2.0 200 OK", "Record-Route: <sip:a")).status == 0
    assert parse_datagram(response("SIP/2.0 200 OK", "Contact: a b c")).contacts == ()


def test_a_via_that_can_be_read_in_part_says_where_the_answer_goes() -> None:
    partial = partial_of(refused(request("OPTIONS", via="SIP/7.0/TCP [2001:db8::9]:5070;;x")))
    assert (partial.via.transport, partial.via.host, partial.via.port) == ("TCP", "2001:db8::9", 5070)
    assert partial.headers.get_all("Via") == ["SIP/2.0/TCP [2001:db8::9]:5070"]
    assert refused(request("OPTIONS", via="SIP/2.0/UDP [::::]")).partial is None
    assert refused(request("OPTIONS", via="nonsense")).partial is None


def test_a_folded_header_is_one_line_again() -> None:
    data = request("OPTIONS", "sip:x", "Subject:\r\n\t a\r\n  b  \r\n \r\n c")
    assert parse_datagram(data).headers.get("Subject") == "a b    c"


def test_bytes_that_are_no_utf8_come_back_as_they_were() -> None:
    data = request("OPTIONS", from_='"J\udcf6rg" <sip:a@h>;tag=\udcff')
    message = parse_datagram(data)
    assert message.from_.shown == "J\ufffdrg"
    assert b'"J\xf6rg" <sip:a@h>;tag=\xff' in bytes(message)


# -- streams ----------------------------------------------------------------------------------------------------------


def test_messages_on_a_stream_follow_each_other() -> None:
    one, two = request("INVITE", body=SDP), request("OPTIONS")
    assert read_stream([one + two + one[:100], one[100:]]) == [
        (one_out,) for one_out in (_out(one), _out(two), _out(one))
    ]


def _out(data: bytes) -> bytes:
    return bytes(parse_datagram(data))


def test_line_breaks_between_messages_are_keep_alives() -> None:
    assert read_stream([b"\r\n\r\n"]) == [(KeepAlive.PONG,), (KeepAlive.PING,)]
    assert read_stream([b"\r\n"]) == [(KeepAlive.PONG,)]
    data = request("OPTIONS")
    assert read_stream([data + b"\r\n" + data]) == [(_out(data),), (KeepAlive.PONG,), (_out(data),)]


def test_a_faulty_message_of_known_length_does_not_end_the_stream() -> None:
    bad, good = request("INVITE", "<sip:x>", body=SDP), request("OPTIONS")
    assert read_stream([bad + good]) == [(400, "Bad URI", False), (_out(good),)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("INVITE", "sip:x", "Content-Length: -1", length=None), 400),
        (request("INVITE", "sip:x", "Content-Length: 3", "Content-Length: 4", length=None), 400),
        (request("INVITE", "sip:x", "Content-Type: application/sdp", length=None), 400),
        (request("INVITE", "sip:x", "Content-Length: 65537", length=None), 513),
        (request("INVITE", "<x>", "Content-Length: z", length=None), 400),
        (b"OPTIONS sip:x SIP/2.0\r\n" + b"x" * 32768, 513),
    ],
)
def test_a_stream_whose_next_message_cannot_be_found_is_given_up(data: bytes, status: int) -> None:
    [(found, _, fatal)] = read_stream([data + request("OPTIONS")])
    assert (found, fatal) == (status, True)


def test_after_a_fatal_error_nothing_is_taken_in() -> None:
    parser = StreamParser()
    parser.feed(b"x" * 40000)
    with pytest.raises(RemoteError):
        parser.next()
    parser.feed(request("OPTIONS"))
    assert parser.next() is None


def test_a_request_without_body_may_lack_content_length() -> None:
    data = request("OPTIONS", length=None)
    assert read_stream([data]) == [(_out(data),)]


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*SEEDS, b"\r\n", b"\r\n\r\n", b"junk\r\n\r\n"]), min_size=1, max_size=3), st.data())
def test_a_stream_means_the_same_however_it_is_cut(messages: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = read_stream([whole])
    assert read_stream(pieces) == expected


def test_byte_by_byte_is_as_good_as_all_at_once() -> None:
    for case in CASES:
        data = case.data + b"\r\n\r\n" + request("OPTIONS")
        assert read_stream([data[i : i + 1] for i in range(len(data))]) == read_stream([data]), case.name


def test_a_stream_in_single_bytes_takes_no_longer_than_its_bytes() -> None:
    data = request("INVITE", "sip:2044@phone.test", "X: " + "y" * 30000, body=b"z" * 60000)
    start = time.thread_time()
    assert len(read_stream([data[i : i + 1] for i in range(len(data))])) == 1
    assert time.thread_time() - start < 1.0


# -- anything at all --------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_remote_error(data: bytes) -> None:
    hold_for_message(data)
    read_stream([data])


LINES = st.sampled_from(
    [line + b"\r\n" for case in CASES for line in case.data.partition(b"\r\n\r\n")[0].split(b"\r\n")]
)


@settings(max_examples=200)
@given(st.sampled_from(SEEDS), st.lists(LINES, max_size=6), st.binary(max_size=20))
def test_any_mixture_of_header_lines_does_no_harm(seed: bytes, lines: list[bytes], body: bytes) -> None:
    start, _, rest = seed.partition(b"\r\n")
    hold_for_message(start + b"\r\n" + b"".join(lines) + rest + body)


@pytest.mark.parametrize("seed", range(4))
def test_five_thousand_damaged_messages_do_no_harm(seed: int) -> None:
    for data in mutations(SEEDS, 5_000, seed):
        hold_for_message(data)


def test_damaged_streams_do_no_harm() -> None:
    for data in mutations(SEEDS, 1_000, seed=5118):
        read_stream([data, data])


@pytest.mark.parametrize(
    "line",
    [
        *("X: " + " " * 60000, "Subject:" + "\r\n " * 15000, 'From: "' + "\\" * 30000, "Contact: " + '"' * 30000),
        *("Via: SIP/2.0/UDP h" + ";a" * 15000, "To: <sip:" + "a" * 30000, "Contact: " + "<sip:a@h>," * 3000),
        *("To: " + "a " * 15000, "Via:" + " " * 30000 + "SIP", "Route: " + "," * 30000, "To: sip:a@h" + ";" * 30000),
        *("Contact: <sip:h" + ";a=b" * 7000 + ">", "Require: " + "x," * 15000, "Content-Type: a/b" + " ;" * 15000),
    ],
)
def test_no_header_takes_long(line: str) -> None:
    data = request("INVITE", "sip:2044@phone.test", line, to=None, from_=None)
    start = time.thread_time()
    for _ in range(3):
        hold_for_message(data)
    assert (time.thread_time() - start) / 3 < 0.25


def test_six_thousand_headers_take_no_longer_than_their_bytes() -> None:
    data = request("INVITE", "sip:2044@phone.test", *(f"X-{i}: y" for i in range(3000)))
    start = time.thread_time()
    parse_datagram(data, Limits(headers=10000, head=65536))
    assert time.thread_time() - start < 0.25
