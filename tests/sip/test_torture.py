"""The torture messages of RFC 4475 and RFC 5118, in our own words, and in others' where a directory is named.

With ``OFFHOOK_TORTURE_DIR`` set, every ``NAME.dat`` below that directory is read as well and must fare as our case of
that name does.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.sip.errors import RemoteError
from offhook.sip.messages.headers import CSeq, MediaType
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.multipart import parse_multipart
from offhook.sip.messages.parser import StreamParser, parse_datagram
from offhook.sip.messages.uri import OtherUri, SipUri, parse_uri
from tests.vectors import torture
from tests.vectors.torture import BY_NAME, CASES


def given_files() -> list[Path]:
    """The files that the environment asks for."""
    directory = os.environ.get("OFFHOOK_TORTURE_DIR")
    return sorted(Path(directory).rglob("*.dat")) if directory else []


MESSAGES = [pytest.param(case.name, case.data, id=case.name) for case in CASES] + [
    pytest.param(path.stem, path.read_bytes(), id=f"{path.parent.name}/{path.name}")
    for path in given_files()
    if path.stem in BY_NAME
]


def request(name: str) -> Request:
    """The parsed request of a case."""
    message = parse_datagram(BY_NAME[name].data)
    assert isinstance(message, Request)
    return message


def response(name: str) -> Response:
    """The parsed response of a case."""
    message = parse_datagram(BY_NAME[name].data)
    assert isinstance(message, Response)
    return message


def sip_uri(uri: object) -> SipUri:
    """The URI, which must be a SIP one."""
    assert isinstance(uri, SipUri)
    return uri


def test_all_61_messages_are_there() -> None:
    sources = [case.source for case in CASES]
    assert len(BY_NAME) == len(CASES) == 61
    assert sum(source.startswith("RFC 4475") for source in sources) == 49
    assert sum(source.startswith("RFC 5118") for source in sources) == 12


@pytest.mark.parametrize(("name", "data"), MESSAGES)
def test_a_message_parses_or_is_refused_with_the_right_status(name: str, data: bytes) -> None:
    expected = BY_NAME[name].error
    if expected is None:
        parse_datagram(data)
        return
    with pytest.raises(RemoteError) as caught:
        parse_datagram(data)
    assert caught.value.status == expected


@pytest.mark.parametrize(("name", "data"), MESSAGES)
def test_a_refused_request_can_be_answered(name: str, data: bytes) -> None:
    if not BY_NAME[name].error:
        return
    with pytest.raises(RemoteError) as caught:
        parse_datagram(data)
    partial = caught.value.partial
    assert isinstance(partial, Request)
    assert partial.via.host
    assert partial.headers.get("CSeq")


@pytest.mark.parametrize(("name", "data"), MESSAGES)
def test_what_parses_is_written_so_that_it_parses_alike(name: str, data: bytes) -> None:
    if BY_NAME[name].error is not None:
        return
    message = parse_datagram(data)
    again = parse_datagram(bytes(message))
    assert (again.vias, again.from_, again.to, again.call_id, again.cseq, again.body) == (
        *(message.vias, message.from_, message.to, message.call_id, message.cseq, message.body),
    )
    assert again.contacts == message.contacts


@pytest.mark.parametrize("name", ["clerr", "ncl", "mcl01", "dblreq"])
def test_on_a_stream_only_the_length_says_where_a_message_ends(name: str) -> None:
    parser = StreamParser()
    parser.feed(BY_NAME[name].data)
    if name == "clerr":
        assert parser.next() is None
        return
    if name == "dblreq":
        first, pause, second = parser.next(), parser.next(), parser.next()
        assert isinstance(first, Request)
        assert isinstance(second, Request)
        assert (first.method, second.method) == ("REGISTER", "INVITE")
        assert pause is not None
        return
    with pytest.raises(RemoteError) as caught:
        parser.next()
    assert caught.value.fatal
    assert caught.value.status == 400
    assert parser.next() is None


def check_wsinv() -> None:
    message = request("wsinv")
    assert message.to.tag == "55501818n"
    assert message.from_.display == 'A Bell \\"'
    assert message.from_.tag == "77bell7"
    assert (message.cseq, message.max_forwards) == (CSeq(9, "INVITE"), 68)
    assert [via.transport for via in message.vias] == ["UDP", "TCP", "UDP"]
    assert [via.branch for via in message.vias] == ["77folded", "z9hG4bK9loom9", "z9hG4bK30300"]
    assert message.headers.get("Subject") == ""
    assert message.headers.get("BrandNewHeader") == "brand new value that goes on here"
    assert message.headers.get("StrangeHeader") == ";;,,;;,;"
    assert message.routes[0].uri == parse_uri("sip:gate.exchange.test;lr;odd=value;odd-without")
    assert message.contacts[0].display == 'Quoted with ""'
    assert message.contacts[0].params == (("fresh", "value"), ("another", None), ("q", "0.33"))
    assert message.body == torture.SDP


def check_intmeth() -> None:
    message = request("intmeth")
    uri = sip_uri(message.uri)
    assert message.method == message.cseq.method == torture.ODD_METHOD
    assert (uri.user, uri.password) == (torture.ODD_USER, torture.ODD_PASSWORD)
    assert message.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.to.shown == "BEL:\ufffd NUL:\ufffd DEL:\ufffd"
    assert message.from_.display == "word1~` word2'+_ word3*%!.-"
    assert message.from_.param("fromodd''~+*_!.-%") == "телефон"
    assert message.from_.tag == "_word~1'+`*%!-."
    assert message.headers.get("oddHeader-!.%*+_`'~") == "\ufeff電話"


def check_esc01() -> None:
    message = request("esc01")
    assert sip_uri(message.uri).user == "sips:2044@exchange.test"
    assert sip_uri(message.to.uri).equivalent(parse_uri("sip:2044@phone.test"))
    assert sip_uri(message.from_.uri).user == "with a blank"
    contact = sip_uri(message.contacts[0].uri)
    assert contact.user == "anna"
    assert contact.params == (("lr", None), ("way", "past%41"))


def check_escnull() -> None:
    message = request("escnull")
    assert sip_uri(message.to.uri).user == "nil-\0-nil"
    assert [sip_uri(contact.uri).user for contact in message.contacts] == ["\0", "\0\0"]
    assert b"%00%00@" in bytes(message)


def check_esc02() -> None:
    message = request("esc02")
    assert message.method == "RE%47IST%45R"
    assert message.to.display == "%Q%45"
    assert len(message.contacts) == 2
    assert message.headers.get("C%6Fntact") == "<sip:two@desk.exchange.test>"


def check_longreq() -> None:
    message = request("longreq")
    assert len(message.vias) == 34
    assert message.vias[-1].received == "203.0.113.7"
    assert len(message.from_.tag or "") == 90


def check_dblreq() -> None:
    message = request("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")


def check_semiuri() -> None:
    assert sip_uri(request("semiuri").uri).user == "2044;way=u@exchange.test"


def check_transports() -> None:
    assert [via.transport for via in request("transports").vias] == ["UDP", "SCTP", "TLS", "PIGEON", "TCP"]


def check_mpart01() -> None:
    message = request("mpart01")
    assert isinstance(message.content_type, MediaType)
    text, binary = parse_multipart(message.content_type, message.body)
    assert text.content == b"Good day"
    assert binary.content == torture.PIECE
    assert str(binary.content_type) == "application/octet-stream"


def check_unreason() -> None:
    message = response("unreason")
    assert message.reason == "= 3**4 + 119 восемьдесят один"
    assert "восемьдесят".encode() in bytes(message)


def check_noreason() -> None:
    message = response("noreason")
    assert (message.status, message.reason) == (100, "")


def check_badbranch() -> None:
    assert request("badbranch").via.branch == "z9hG4bK"


def check_bext01() -> None:
    assert request("bext01").require == ("nobodyHasThis", "norThisEither")


def check_unkscm() -> None:
    assert request("unkscm").uri == OtherUri("nobodyhasthisscheme", "opaque-all-of-it")


def check_novelsc() -> None:
    assert request("novelsc").uri == OtherUri("soap.beep", "//203.0.113.103:3002")


def check_unksm2() -> None:
    message = request("unksm2")
    assert str(message.from_.uri) == "http://www.exchange.test"
    assert message.to.uri == OtherUri("isbn", "9780131103627")
    assert message.contacts[0].uri == OtherUri("name", "Anna_Bell")


def check_cparam01() -> None:
    contact = request("cparam01").contacts[0]
    assert contact.params == (("oddparam", None),)
    assert sip_uri(contact.uri).params == ()


def check_cparam02() -> None:
    contact = request("cparam02").contacts[0]
    assert contact.params == ()
    assert sip_uri(contact.uri).params == (("oddparam", None),)


def check_regescrt() -> None:
    contact = sip_uri(request("regescrt").contacts[0].uri)
    assert contact.headers == (("Route", "<sip:gate.exchange.test>"),)


def check_bcast() -> None:
    assert [via.host for via in response("bcast").vias] == ["203.0.113.44", "255.255.255.255"]


def check_inv2543() -> None:
    message = request("inv2543")
    assert message.via.branch is None
    assert message.from_.tag is None
    assert message.to.params == (("user", "phone"),)
    assert message.body.startswith(b"v=0")


def check_port_ambiguous() -> None:
    uri = sip_uri(request("port-ambiguous").uri)
    assert (uri.host, uri.port) == ("2001:db8::44:5070", None)


def check_port_unambiguous() -> None:
    uri = sip_uri(request("port-unambiguous").uri)
    assert (uri.host, uri.port) == ("2001:db8::44", 5070)


def check_received_both_ways() -> None:
    assert request("via-received-param-with-delim").via.received == "2001:db8::7:255"
    assert request("via-received-param-no-delim").via.received == "2001:db8::7:255"


def check_mult_ip_in_header() -> None:
    message = request("mult-ip-in-header")
    assert [via.host for via in message.vias] == ["2001:db8::7:1", "203.0.113.1", "2001:db8::7:255"]
    assert [via.port for via in message.vias] == [6050, None, None]


def check_ipv4_mapped() -> None:
    assert request("ipv4-mapped-ipv6").via.host == "::ffff:203.0.113.10"


def check_three_colons() -> None:
    three, two = request("ipv6-bug-abnf-3-colons"), request("ipv6-correct-abnf-2-colons")
    assert sip_uri(three.uri).equivalent(two.uri)
    assert sip_uri(two.uri).host == "2001:db8::203.0.113.1"


CHECKS = [value for name, value in sorted(globals().items()) if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__.removeprefix("check_") for check in CHECKS])
def test_what_a_message_says_is_read_right(check: Callable[[], None]) -> None:
    check()
