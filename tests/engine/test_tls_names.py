"""Whose certificate it is (RFC 5922 section 7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.engine.tls_names import CertificateNames

SUBJECT = ((("countryName", "NO"),), (("commonName", "pbx.example"),))


def names(*alternatives: tuple[str, str], subject: object = SUBJECT) -> CertificateNames:
    return CertificateNames.of({"subject": subject, "subjectAltName": alternatives})


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("DNS", "sip.example", "sip.example"),
        ("DNS", "SIP.Example.", "sip.example"),
        ("DNS", "sip.example", "SIP.EXAMPLE."),
        ("DNS", "xn--bcher-kva.example", "bücher.example"),
        ("URI", "sip:sip.example", "sip.example"),
        ("URI", "SIP:sip.example:5061", "sip.example"),
        ("URI", "sip:sip.example;transport=tls", "sip.example"),
        ("URI", "sip:[2001:db8::1]", "2001:db8:0::1"),
        ("URI", "sip:192.0.2.1", "192.0.2.1"),
        ("IP Address", "192.0.2.1", "192.0.2.1"),
        ("IP Address", "2001:DB8:0:0:0:0:0:1", "[2001:db8::1]"),
    ],
)
def test_a_name_that_is_there_fits(kind: str, value: str, wanted: str) -> None:
    assert names((kind, value)).match(wanted)


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("DNS", "sip.example", "example"),  # neither the parent
        ("DNS", "example.org", "sip.example.org"),  # nor the child
        ("DNS", "*.example.org", "sip.example.org"),  # nor a wildcard
        ("DNS", "192.0.2.1", "192.0.2.1"),  # digits in a DNS name are no address
        ("URI", "sips:sip.example", "sip.example"),  # another scheme
        ("URI", "https://sip.example", "sip.example"),
        ("URI", "sip:alice@sip.example", "sip.example"),  # a person, not a domain
        ("URI", "sip:sip.example?x=y@other", "sip.example"),
        ("IP Address", "192.0.2.1", "192.0.2.2"),
        ("email", "sip.example", "sip.example"),
        ("DNS", "", ""),
    ],
)
def test_anything_else_does_not(kind: str, value: str, wanted: str) -> None:
    assert not names((kind, value)).match(wanted)


def test_the_common_name_counts_only_without_any_alternative_name() -> None:
    assert names().match("pbx.example")
    assert not names(("DNS", "other.example")).match("pbx.example")
    assert not names(("email", "a@other.example")).match("pbx.example")
    assert not names(subject=((("commonName", "192.0.2.1"),),)).match("192.0.2.1")


def test_every_alternative_name_counts() -> None:
    both = names(("URI", "sip:one.example"), ("DNS", "two.example"), ("IP Address", "192.0.2.1"))
    assert all(both.match(wanted) for wanted in ("one.example", "two.example", "192.0.2.1"))
    assert str(both) == "one.example, two.example, 192.0.2.1"


@pytest.mark.parametrize(
    ("pattern", "wanted", "fits"),
    [
        ("*.example.org", "sip.example.org", True),
        ("*.example.org", "SIP.EXAMPLE.ORG", True),
        ("*.example.org", "a.sip.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.org", "example.org", False),
        ("s*.example.org", "sip.example.org", False),
        ("*", "org", False),
    ],
)
def test_a_wildcard_stands_for_one_whole_label_where_it_is_allowed(pattern: str, wanted: str, fits: bool) -> None:
    assert names(("DNS", pattern)).match(wanted, allow_wildcard=True) is fits
    assert not names(("DNS", pattern)).match(wanted)


@given(
    st.dictionaries(
        st.sampled_from(("subject", "subjectAltName", "notAfter")),
        st.recursive(
            st.none() | st.text(max_size=20) | st.integers(),
            lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
            max_leaves=12,
        ),
    ),
    st.text(max_size=30),
)
def test_whatever_a_certificate_holds_nothing_is_raised(certificate: dict[str, object], wanted: str) -> None:
    found = CertificateNames.of(certificate)
    found.match(wanted, allow_wildcard=True)
    assert str(found)


@given(st.lists(st.tuples(st.sampled_from(("DNS", "URI", "IP Address")), st.text(max_size=25)), max_size=5))
def test_a_name_that_nobody_gave_never_fits(alternatives: list[tuple[str, str]]) -> None:
    assert not names(*alternatives, subject=()).match("never-given.example", allow_wildcard=True)
