"""URIs: every part, escapes once, equivalence, and text that is given back as it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.messages.uri import OtherUri, SipUri, TelUri, parse_uri

TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=12)
NAMES = TEXT.filter(bool)
HOSTS = st.sampled_from(["example.com", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "a_b.test", "x"])
SIP_URIS = st.builds(
    SipUri,
    st.sampled_from(["sip", "sips"]),
    st.none() | NAMES,
    st.none(),
    HOSTS,
    st.none() | st.integers(0, 65535),
    st.lists(st.tuples(NAMES, st.none() | TEXT), max_size=3).map(tuple),
    st.lists(st.tuples(NAMES, TEXT), max_size=2).map(tuple),
)


def sip(text: str) -> SipUri:
    uri = parse_uri(text)
    assert isinstance(uri, SipUri)
    return uri


def test_every_part_of_a_sip_uri_is_read() -> None:
    uri = sip("sips:ann%61:se%3Acret@[2001:DB8::1]:5071;transport=tcp;lr?Subject=hi%20there&Replaces=a%40b")
    assert uri == SipUri(
        "sips",
        "anna",
        "se:cret",
        "2001:db8::1",
        5071,
        (("transport", "tcp"), ("lr", None)),
        (("Subject", "hi there"), ("Replaces", "a@b")),
    )
    assert (uri.param("transport"), uri.param("lr"), uri.param("maddr")) == ("tcp", "", None)


@pytest.mark.parametrize(
    "text",
    [
        *("sip:example.com", "sip:anna@example.com", "SIP:anna@Example.COM:5060", "sip:+45%2012@h;user=phone"),
        *("sip:a%3Bb@h", "sip:a;b@h", "sip:[::1]", "sips:x:@h", "sip:a@h;p=%20?h=", "sip:*99#@pbx"),
        *("tel:+45-12.34(56)", "tel:112;phone-context=+45", "urn:service:sos.police", "http://x/y?z#q"),
    ],
)
def test_a_uri_is_given_back_as_it_came(text: str) -> None:
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "sip", "sip:", "sip:@h", "sip:a@", "sip:a@h:99999", "sip:a@h:x", "sip:a@h;", "sip:a@h;;lr", "sip:a@h;=x"),
        *("sip:a@h?", "sip:a@h?x", "sip:a@h?=y", "sip:a b@h", "sip:a@[::1", "sip:a@[:::1:::2]", "sip:a@[1.2.3.4]"),
        *(
            "sip:2001:db8::10",
            "sip:a@h lr",
            "<sip:a@h>",
            "sip:a@h\r\nX: y",
            "sip:a@h\0",
            "urn:",
            ":x",
            "1tel:5",
            'sip:"a"@h',
        ),
    ],
)
def test_a_malformed_uri_is_refused(text: str) -> None:
    with pytest.raises(RemoteError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


def test_a_host_is_compared_in_lower_case_and_a_user_is_not() -> None:
    assert sip("sip:Anna@EXAMPLE.com").host == "example.com"
    assert sip("sip:Anna@EXAMPLE.com").user == "Anna"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Most of these pairs are in RFC 3261 section 19.1.4.
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:h;transport=tcp;method=REGISTER?to=sip:b%40h", "sip:h;method=REGISTER;transport=tcp?to=sip:b%40h"),
        ("sip:a@h?subject=p&priority=u", "sip:a@h?priority=u&subject=p"),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"),
    ],
)
def test_equivalent_uris_are_known_as_such(one: str, other: str) -> None:
    assert sip(one).equivalent(parse_uri(other))
    assert sip(other).equivalent(parse_uri(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next"),
        ("sip:bob@phone21.biloxi.com", "sip:bob@192.0.2.4"),
        ("sip:112", "tel:112"),
    ],
)
def test_different_uris_are_told_apart(one: str, other: str) -> None:
    assert not sip(one).equivalent(parse_uri(other))


def test_hosts_that_are_no_addresses_are_compared_as_text() -> None:
    odd = SipUri("sip", "a", None, "not:an:address")
    assert odd.equivalent(odd)
    assert not odd.equivalent(sip("sip:a@[2001:db8::1]"))


def test_parameters_are_set_in_their_place() -> None:
    uri = sip("sip:a@h;x=1;lr")
    assert str(uri.with_params(x="2", y=None)) == "sip:a@h;x=2;lr;y"
    assert str(uri.without_param("x")) == "sip:a@h;lr"
    assert str(uri) == "sip:a@h;x=1;lr"


def test_a_tel_uri_knows_its_digits() -> None:
    uri = parse_uri("tel:+1-212.555(01)22;phone-context=example.com;isub")
    assert isinstance(uri, TelUri)
    assert uri.digits == "+12125550122"
    assert (uri.param("phone-context"), uri.param("isub"), uri.param("ext")) == ("example.com", "", None)


def test_other_schemes_are_passed_on() -> None:
    assert parse_uri("URN:service:sos") == OtherUri("urn", "service:sos")
    assert parse_uri("tel:what?") == OtherUri("tel", "what?")


def test_a_uri_of_ours_cannot_break_a_line() -> None:
    for uri in (OtherUri("urn", "service:sos\r\nX: y"), TelUri("112\r\nX: y"), TelUri("")):
        with pytest.raises(LocalError):
            str(uri)
    assert str(SipUri("sip", "a\r\nX: y", "p q", "h", None, (("n\n", "<v>"),), (("h", "\0"),))) == (
        "sip:a%0D%0AX%3A%20y:p%20q@h;n%0A=%3Cv%3E?h=%00"
    )


@given(SIP_URIS)
def test_any_sip_uri_survives_being_written_and_read(uri: SipUri) -> None:
    assert parse_uri(str(uri)) == uri


@given(st.text(max_size=60) | st.from_regex(r"(sips?|tel|urn):[a-z0-9@:;=?&%\[\].<>\"-]{0,40}", fullmatch=True))
def test_any_text_is_a_uri_or_a_remote_error(text: str) -> None:
    try:
        uri = parse_uri(text)
    except RemoteError:
        return
    assert parse_uri(str(uri)) == uri
