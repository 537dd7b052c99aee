"""The rules by which texts become values."""

from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from offhook.config import scalars
from offhook.config.accounts import address_of_record
from offhook.config.remote import https_url
from offhook.config.scalars import HostPort, PortRange


def refusal(rule: Callable[[object], object], text: object) -> tuple[str, object]:
    with pytest.raises(PydanticCustomError) as caught:
        rule(text)
    context = caught.value.context or {}
    return str(context["message"]), context["suggestion"]


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("-7", -7), ("3600", 3600), ("-0", 0)])
def test_whole_numbers(text: str, value: int) -> None:
    assert scalars.whole_number(text) == value


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0112", "112"),
        ("1_000", "1000"),
        ("1,000", "1000"),
        ("1.0", "1"),
        ("+5", "5"),
        ("0x10", None),
        ("1e3", None),
        ("", None),
        ("soon", None),
        ("٣", None),
        ("9" * 40, None),
    ],
)
def test_what_is_no_whole_number(text: str, meant: str | None) -> None:
    assert refusal(scalars.whole_number, text)[1] == meant


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("-7.25", -7.25), ("59.9139", 59.9139)])
def test_numbers(text: str, value: float) -> None:
    assert scalars.number(text) == value


@pytest.mark.parametrize(
    ("text", "meant"), [("NaN", None), ("inf", None), ("1e9", None), ("2,5", "2.5"), (".5", None), ("05", None)]
)
def test_what_is_no_number(text: str, meant: str | None) -> None:
    assert refusal(scalars.number, text)[1] == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [("yes", "true"), ("No", "false"), ("on", "true"), ("OFF", "false"), ("True", "true"), ("1", "true"), ("x", None)],
)
def test_what_is_neither_true_nor_false(text: str, meant: str | None) -> None:
    message, suggestion = refusal(scalars.truth, text)
    assert message == f'must be true or false, not "{text}"'
    assert suggestion == meant


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("30s", 30.0), ("1.5h", 5400.0), ("15m", 900.0), ("1d", 86400.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert scalars.duration(text) == seconds


@pytest.mark.parametrize(("text", "meant"), [("30", "30s"), ("30 s", None), ("1w", None), ("-1s", None), ("s", None)])
def test_what_is_no_duration(text: str, meant: str | None) -> None:
    assert refusal(scalars.duration, text)[1] == meant


@pytest.mark.parametrize(("text", "meant"), [("no", "NO"), ("UK", "GB"), ("Norway", "NO"), ("ZZ", None), ("", None)])
def test_what_is_no_country(text: str, meant: str | None) -> None:
    assert refusal(scalars.country, text)[1] == meant


def test_all_countries_are_there() -> None:
    assert len(scalars.COUNTRIES) == 250


@pytest.mark.parametrize(("text", "meant"), [("en_US", "en-US"), ("NB", "nb"), ("english!", None)])
def test_what_is_no_language(text: str, meant: str | None) -> None:
    assert refusal(scalars.language, text)[1] == meant


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.77.0.2:0", HostPort("10.77.0.2", 0)),
        ("[::]:5060", HostPort("::", 5060)),
        ("[2001:db8::1]:5070", HostPort("2001:db8::1", 5070)),
    ],
)
def test_listen_addresses(text: str, value: HostPort) -> None:
    assert scalars.listen_address(text) == value
    assert str(value) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10.0.0.1", "10.0.0.1:5060"),
        ("::1", "[::1]"),
        ("pbx.test:5060", None),
        ("10.0.0.1:99999", None),
        ("10.0.0.1:", None),
        ("[10.0.0.1]:5060", None),
        ("[fe80::1%eth0]:5060", None),
        ("10.0.0.1:05060", None),
    ],
)
def test_what_cannot_be_listened_on(text: str, meant: str | None) -> None:
    assert refusal(scalars.listen_address, text)[1] == meant


@pytest.mark.parametrize("text", ["10.0.0.1", "pbx.example:5061", "[::1]:5060", "[::1]", "pbx", "a_b.example."])
def test_servers(text: str) -> None:
    assert scalars.server(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("sip:pbx.example", "pbx.example"),
        ("10.0.0.300", None),
        ("pbx example", None),
        ("pbx..example", None),
        ("pbx:0", None),
        ("-pbx", None),
        ("http://pbx", None),
    ],
)
def test_what_is_no_server(text: str, meant: str | None) -> None:
    assert refusal(scalars.server, text)[1] == meant


def test_port_ranges() -> None:
    assert scalars.port_range("20000-20100") == PortRange(20000, 20100)
    assert str(PortRange(20000, 20100)) == "20000-20100"
    for text in ("20000", "20100-20000", "80-90", "20000-20001", "20000-70000", "a-b"):
        refusal(scalars.port_range, text)


@pytest.mark.parametrize("text", ["112", "0112", "*98", "#31#"])
def test_numbers_that_can_be_dialled_stay_text(text: str) -> None:
    assert scalars.digits(text) == text


def test_a_number_with_separators_is_told_how_it_is_written() -> None:
    assert refusal(scalars.digits, "45 12-34.56(78)")[1] == "4512345678"
    assert refusal(scalars.digits, "911!")[1] is None


@pytest.mark.parametrize(
    "text", ["sip:1001@pbx.test", "sips:a.b@10.0.0.1", "sip:100@[::1]:5070", "sip:+4712@h", "sip:%C3%A5@h"]
)
def test_addresses_of_record(text: str) -> None:
    assert address_of_record(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1001@pbx.test", "sip:1001@pbx.test"),
        ("sip:pbx.test", None),
        ("tel:112", None),
        ("sip:a@b@c", None),
        ("sip:a@pbx..test", None),
        ("sip:a@pbx.test:99999", None),
        ("sip:å@pbx.test", None),
        ('sip:a"b@pbx.test', None),
        ("sip:a%4@pbx.test", None),
    ],
)
def test_what_is_no_address_of_record(text: str, meant: str | None) -> None:
    assert refusal(address_of_record, text)[1] == meant


@pytest.mark.parametrize("text", ["https://c.example/p.yaml", "https://10.0.0.1:8443/x?id=1", "http://127.0.0.1:1/x"])
def test_urls(text: str) -> None:
    assert https_url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "http://c.example/",
        "ftp://c.example/",
        "https://",
        "c.example/x",
        "https://[::1",
        "https://h:99999/",
        "https://h/#a",
    ],
)
def test_what_is_no_url(text: str) -> None:
    refusal(https_url, text)


def test_values_that_are_typed_already_stay() -> None:
    assert scalars.whole_number(3) == 3
    assert scalars.number(2) == 2.0
    assert scalars.truth(True) is True
    assert scalars.duration(5) == 5.0
    assert scalars.listen_address(HostPort("::", 0)) == HostPort("::", 0)
    assert scalars.port_range(PortRange(1, 9)) == PortRange(1, 9)
    secret = scalars.Secret("x")
    assert scalars.secret(secret) is secret
    assert {secret: 1}[scalars.Secret("x")] == 1
    assert secret != "x"


def test_names_are_short_and_plain() -> None:
    assert scalars.identifier("volume_up-1.a") == "volume_up-1.a"
    for text in ("a b", "å", "x" * 33, "a/b"):
        refusal(scalars.identifier, text)


def test_texts_with_control_characters_or_space_around_are_refused() -> None:
    assert "U+000D" in refusal(scalars.text, "a\r\nX-Evil: 1")[0]
    assert refusal(scalars.filled, " a")[1] == "a"
    assert "is empty" in refusal(scalars.filled, " ")[0]
    assert "is empty" in refusal(scalars.filled, None)[0]
