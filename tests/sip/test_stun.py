"""STUN Binding as a keep-alive: RFC 5769's vectors, and bytes of any kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import RemoteError
from offhook.sip.transactions.stun import BindingResponse, binding_request, binding_response, is_stun, transaction_of

ID = bytes(range(12))
# The address parts of RFC 5769 sections 2.2 and 2.3: 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, port 32853.
VECTOR_ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
VECTOR_4 = bytes.fromhex("0101000c2112a442") + VECTOR_ID + bytes.fromhex("002000080001a147e112a643")
VECTOR_6 = (
    bytes.fromhex("010100182112a442") + VECTOR_ID + bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
)


def test_a_request_is_twenty_bytes_with_cookie_and_id() -> None:
    data = binding_request(ID)
    assert data == bytes.fromhex("000100002112a442") + ID
    assert is_stun(data)
    assert transaction_of(data) == ID


@pytest.mark.parametrize(
    ("data", "mapped"),
    [(VECTOR_4, ("192.0.2.1", 32853)), (VECTOR_6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
)
def test_the_addresses_of_rfc_5769_are_read_and_written(data: bytes, mapped: tuple[str, int]) -> None:
    assert BindingResponse.parse(data) == BindingResponse(VECTOR_ID, mapped)
    assert binding_response(VECTOR_ID, mapped) == data


def test_the_old_plain_address_is_read_where_there_is_no_other() -> None:
    data = bytes.fromhex("0101000c2112a442") + ID + bytes.fromhex("0001000800011388c0000201")
    assert BindingResponse.parse(data).mapped == ("192.0.2.1", 5000)


def test_attributes_that_mean_nothing_to_us_are_passed_over() -> None:
    software = bytes.fromhex("80220005") + b"hello\0\0\0"
    data = bytes.fromhex("010100182112a442") + VECTOR_ID + software + VECTOR_4[20:]
    assert BindingResponse.parse(data).mapped == ("192.0.2.1", 32853)


def test_an_error_is_told_with_its_code() -> None:
    data = bytes.fromhex("011100082112a442") + ID + bytes.fromhex("0009000400000414")
    assert BindingResponse.parse(data) == BindingResponse(ID, None, 420)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SIP/2.0 200 OK\r\n\r\n1234567890",
        binding_request(ID),
        VECTOR_4[:-1],
        VECTOR_4[:24] + b"\x00\x07" + VECTOR_4[26:],
        bytes.fromhex("010100042112a442") + ID + bytes.fromhex("00200008"),
    ],
)
def test_what_is_no_binding_response_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError):
        BindingResponse.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_response_or_an_error_of_the_protocol(noise: bytes) -> None:
    for data in (noise, bytes.fromhex("0101") + noise[:2] + bytes.fromhex("2112a442") + noise[2:]):
        try:
            response = BindingResponse.parse(data)
        except RemoteError:
            continue
        assert response.mapped is None or 0 <= response.mapped[1] < 65536


@given(st.ip_addresses(), st.integers(0, 65535), st.binary(min_size=12, max_size=12))
def test_every_address_survives_the_way(ip: object, port: int, transaction: bytes) -> None:
    assert BindingResponse.parse(binding_response(transaction, (str(ip), port))).mapped == (str(ip), port)


@given(st.sampled_from(["INVITE", "REGISTER", "SIP/2.0"]), st.binary(max_size=40))
def test_no_sip_message_is_taken_for_stun(start: str, rest: bytes) -> None:
    assert not is_stun(start.encode() + rest)
