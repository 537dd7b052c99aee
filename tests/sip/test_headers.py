"""Header values: addresses, Via, CSeq, media types, and what must not pass for one."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.headers import CSeq, MediaType, NameAddr, Via
from offhook.sip.messages.uri import SipUri, parse_uri

TOKENS = st.from_regex(r"[A-Za-z0-9.!%*_+`'~-]{1,10}", fullmatch=True)
VALUES = st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=15)
PARAMS = st.lists(st.tuples(TOKENS, st.none() | VALUES), max_size=3).map(tuple)
URIS = st.sampled_from(
    [parse_uri(text) for text in ("sip:anna@h", "sips:[::1]:5061;lr", "sip:a,b;c@h?x=y", "tel:+45", "urn:service:sos")]
)
NAME_ADDRS = st.builds(NameAddr, st.none() | VALUES, URIS, PARAMS)
VIAS = st.builds(
    Via, TOKENS, st.sampled_from(["h.test", "192.0.2.1", "2001:db8::1"]), st.none() | st.integers(0, 65535), PARAMS
)


def test_a_quoted_display_name_may_hold_anything() -> None:
    value = NameAddr.parse(r'  "Bell, \"A\" \\ <x>; " <sip:a@h;lr>;tag=1 ; x = "y;z,"')
    assert value.display == 'Bell, "A" \\ <x>; '
    assert value.params == (("tag", "1"), ("x", "y;z,"))
    assert str(value) == r'"Bell, \"A\" \\ <x>; " <sip:a@h;lr>;tag=1;x="y;z,"'


def test_words_without_quotes_are_a_display_name() -> None:
    assert NameAddr.parse("A. Bell  <sip:a@h>").display == "A. Bell"
    assert NameAddr.parse("anna<sip:a@h>").display == "anna"
    assert NameAddr.parse("Søren Åse <sip:a@h>").display == "Søren Åse"
    assert NameAddr.parse("<sip:a@h>").display is None
    assert NameAddr.parse('"" <sip:a@h>').display == ""


def test_without_brackets_parameters_belong_to_the_header() -> None:
    value = NameAddr.parse("sip:a@h;tag=1;lr")
    assert isinstance(value.uri, SipUri)
    assert value.uri.params == ()
    assert (value.tag, value.param("lr"), value.param("x")) == ("1", "", None)


def test_an_instance_id_keeps_its_quotes() -> None:
    text = '<sip:a@h>;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";reg-id=1'
    value = NameAddr.parse(text)
    assert value.param("+SIP.Instance".lower()) == "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"
    assert str(value) == text


def test_parameter_names_do_not_depend_on_case() -> None:
    assert NameAddr.parse("<sip:a@h>;TAG=x").tag == "x"
    assert Via.parse("SIP/2.0/UDP h;Branch=b;RPORT=1;Received=192.0.2.1").branch == "b"
    assert str(NameAddr.parse("<sip:a@h>;Tag=x;y").with_tag("z")) == "<sip:a@h>;Tag=z;y"


def test_a_list_is_split_at_its_own_commas_only() -> None:
    values = NameAddr.parse_many('"x,y" <sip:a,b@h>;q="1,2" , sip:c@h;q=2,<sip:d@h>')
    assert [str(value.uri) for value in values] == ["sip:a,b@h", "sip:c@h", "sip:d@h"]
    assert len(NameAddr.parse_many("<sip:a@h>")) == 1


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "<",
            "<>",
            "<sip:a@h",
            '"Bell <sip:a@h>',
            "Bell, A <sip:a@h>",
            "< sip:a@h >",
            "<sip:a@h>;;",
            "<sip:a@h>;",
        ),
        *(
            "<sip:a@h> x",
            "sip:a@h?x=y",
            "*",
            "<sip:a@h>;tag=;=",
            '<sip:a@h>;x="y',
            '"a" "b" <sip:a@h>',
            "a;b <sip:a@h>",
        ),
        *("a;b <sip:a@h>", "<sip:a@h>;", "<sip:a@h>,", "<sip:a@h>,,<sip:b@h>", "bad", "<bad>", "<sip:a@h>x"),
    ],
)
def test_a_malformed_address_is_refused(text: str) -> None:
    for parse in (NameAddr.parse, NameAddr.parse_many):
        with pytest.raises(RemoteError):
            parse(text)


def test_one_address_is_not_two() -> None:
    with pytest.raises(RemoteError):
        NameAddr.parse("<sip:a@h>, <sip:b@h>")
    with pytest.raises(RemoteError):
        Via.parse("SIP/2.0/UDP a, SIP/2.0/UDP b")


def test_a_via_may_be_full_of_blanks() -> None:
    value = Via.parse("SIP  / 2.0\t/ tcp   [2001:DB8::1] : 5070 ;  branch = z9hG4bKx ; rport ; ttl=16")
    assert (value.transport, value.host, value.port) == ("tcp", "2001:db8::1", 5070)
    assert (value.branch, value.rport, value.wants_rport, value.param("ttl")) == ("z9hG4bKx", None, True, "16")
    assert str(value) == "SIP/2.0/tcp [2001:db8::1]:5070;branch=z9hG4bKx;rport;ttl=16"


def test_received_and_rport_are_filled_in_at_their_place() -> None:
    value = Via.parse("SIP/2.0/UDP h;rport;branch=b").with_param("received", "192.0.2.7").with_param("rport", "5062")
    assert str(value) == "SIP/2.0/UDP h;rport=5062;branch=b;received=192.0.2.7"
    assert (value.received, value.rport) == ("192.0.2.7", 5062)
    assert value.has_param("rport")
    assert not value.has_param("maddr")


@pytest.mark.parametrize("value", ["0", "65536", "x", "-1", "\u0665", "1234567"])
def test_a_senseless_rport_counts_as_not_filled_in(value: str) -> None:
    assert Via.parse(f"SIP/2.0/UDP h;rport={value}").rport is None


@pytest.mark.parametrize("value", ["zz", "[]", "1.2.3", "[fe80::1%25eth0]", "fe80::1%eth0", "::g"])
def test_a_received_that_is_no_address_counts_as_not_there(value: str) -> None:
    with suppress(RemoteError):
        assert Via.parse(f"SIP/2.0/UDP h;received={value}").received is None


def test_a_branch_may_hold_what_no_token_does() -> None:
    assert Via.parse("SIP/2.0/UDP h;branch=z9hG4bK{a}/b=c@d:e").branch == "z9hG4bK{a}/b=c@d:e"


@pytest.mark.parametrize(
    "text",
    [
        *("", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/3.0/UDP h", "UDP h", "SIP/2.0/UDP h:99999", "SIP/2.0/UDP h:x"),
        *(
            "SIP/2.0/UDP h;;",
            "SIP/2.0/UDP h,",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP [:::::]",
            "SIP/2.0 UDP h",
            "SIP/2.0/UDP h x",
        ),
    ],
)
def test_a_malformed_via_is_refused(text: str) -> None:
    for parse in (Via.parse, Via.parse_many):
        with pytest.raises(RemoteError):
            parse(text)


def test_cseq_knows_its_limits() -> None:
    assert CSeq.parse(" 0009   INVITE ") == CSeq(9, "INVITE")
    assert CSeq.parse("2147483647 X").number == 2**31 - 1
    assert str(CSeq(1, "BYE")) == "1 BYE"
    assert CSeq.parse("0" * 5000 + "7 X").number == 7
    for text in (
        "",
        "1",
        "INVITE",
        "-1 X",
        "2147483648 X",
        "36893488147419103232 X",
        "1 X Y",
        "1 <",
        "\u0661 X",
        "1" * 9999,
    ):
        with pytest.raises(RemoteError):
            CSeq.parse(text)


def test_a_media_type_is_two_tokens_and_parameters() -> None:
    value = MediaType.parse('Multipart / Mixed ; boundary="a b"')
    assert (value.name, value.param("boundary"), value.param("charset")) == ("multipart/mixed", "a b", None)
    assert str(value) == 'multipart/mixed;boundary="a b"'
    for text in ("", "text", "text/", "/plain", "text/plain;", "text/plain x", "te xt/plain"):
        with pytest.raises(RemoteError):
            MediaType.parse(text)
    with pytest.raises(LocalError):
        str(MediaType("text", "pla in"))


def test_our_own_values_cannot_break_a_line() -> None:
    uri = parse_uri("sip:a@h")
    for value in (NameAddr("a\r\nX: y", uri), NameAddr(None, uri, (("x", "a\nb"),))):
        with pytest.raises(LocalError):
            str(value)


def test_bytes_that_are_no_utf8_survive() -> None:
    text = b'"J\xf6rg" <sip:a@h>'.decode("utf-8", "surrogateescape")
    value = NameAddr.parse(text)
    assert str(value).encode("utf-8", "surrogateescape") == b'"J\xf6rg" <sip:a@h>'
    assert value.shown == "J\ufffdrg"
    assert NameAddr(None, parse_uri("sip:a@h")).shown is None


@given(NAME_ADDRS)
def test_any_address_survives_being_written_and_read(value: NameAddr) -> None:
    assert NameAddr.parse(str(value)) == value
    assert NameAddr.parse_many(f"{value}, {value}") == (value, value)


@given(VIAS)
def test_any_via_survives_being_written_and_read(value: Via) -> None:
    assert Via.parse(str(value)) == value
    assert Via.parse_many(f"{value} , {value}") == (value, value)


@given(st.text(max_size=60) | st.from_regex(r'["<>a-z@:;=,?/ 0-9.\\-]{0,50}', fullmatch=True))
def test_any_text_is_a_value_or_a_remote_error(text: str) -> None:
    for parse in (NameAddr.parse, NameAddr.parse_many, Via.parse, Via.parse_many, CSeq.parse, MediaType.parse):
        try:
            value = parse(text)
        except RemoteError:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            if "\r" not in text and "\n" not in text:
                assert type(one).parse(str(one)) == one
