"""STUN as a keep-alive needs it (:rfc:`8489`, the use of :rfc:`5626#section-4.4.2`): Binding request and response.

::

    data = binding_request(transaction_id)            # 12 random bytes
    if is_stun(data): response = BindingResponse.parse(data)

No credentials and no fingerprint: on a SIP port the first two bits tell STUN from SIP, and the question goes to the
registrar itself, over the very flow that is to be kept open.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from offhook.sip.errors import RemoteError
from offhook.sip.events import Address

MAGIC_COOKIE = 0x2112A442
ID_SIZE = 12

_HEADER = Struct(">HHI12s")
_ATTRIBUTE = Struct(">HH")
_ADDRESS = Struct(">xBH")
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_MAPPED_ADDRESS, _ERROR_CODE, _XOR_MAPPED_ADDRESS = 0x0001, 0x0009, 0x0020
_IPV4, _IPV6 = 1, 2


def is_stun(data: bytes) -> bool:
    """True for a STUN message: two zero bits in front and the magic cookie; no SIP message begins so."""
    return len(data) >= _HEADER.size and data[0] < 0x40 and data[4:8] == MAGIC_COOKIE.to_bytes(4, "big")


def transaction_of(data: bytes) -> bytes:
    """Return the transaction id of a STUN message."""
    return data[8:20]


def binding_request(transaction: bytes) -> bytes:
    """Return a Binding request without attributes; ``transaction`` has 12 bytes."""
    return _HEADER.pack(_REQUEST, 0, MAGIC_COOKIE, transaction)


def binding_response(transaction: bytes, mapped: Address) -> bytes:
    """Return the success response that tells ``mapped``, the address that the request came from."""
    ip = IPv6Address(mapped[0]) if ":" in mapped[0] else IPv4Address(mapped[0])
    value = bytes([0, _IPV6 if ip.version == 6 else _IPV4])
    value += (mapped[1] ^ (MAGIC_COOKIE >> 16)).to_bytes(2, "big") + _scrambled(ip.packed, transaction)
    attribute = _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(value)) + value
    return _HEADER.pack(_SUCCESS, len(attribute), MAGIC_COOKIE, transaction) + attribute


@dataclass(frozen=True, slots=True)
class BindingResponse:
    """A Binding response: the address that the server saw, or the error code that it gave (0: none)."""

    transaction: bytes
    mapped: Address | None
    error: int = 0

    @classmethod
    def parse(cls, data: bytes) -> "BindingResponse":
        """Read one. Raises RemoteError for anything else."""
        if not is_stun(data):
            raise RemoteError(0, "no STUN message")
        kind, length, _, transaction = _HEADER.unpack_from(data)
        if kind not in (_SUCCESS, _ERROR) or length % 4 or length > len(data) - _HEADER.size:
            raise RemoteError(0, "no STUN Binding response")
        attributes = _attributes(data[_HEADER.size : _HEADER.size + length])
        if kind == _ERROR:
            return cls(transaction, None, _error_code(attributes.get(_ERROR_CODE, b"")))
        mapped: Address | None = None
        if _XOR_MAPPED_ADDRESS in attributes:
            mapped = _address(attributes[_XOR_MAPPED_ADDRESS], transaction)
        elif _MAPPED_ADDRESS in attributes:
            mapped = _address(attributes[_MAPPED_ADDRESS], None)
        return cls(transaction, mapped)


def _attributes(data: bytes) -> dict[int, bytes]:
    """Return each attribute's first value; whatever is cut off ends the list."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if at + length > len(data):
            raise RemoteError(0, "a STUN attribute is cut off")
        found.setdefault(kind, data[at : at + length])
        at += (length + 3) & ~3
    return found


def _address(value: bytes, transaction: bytes | None) -> Address:
    """Read an address; ``transaction``: it is scrambled with the cookie and that (:rfc:`8489#section-14.2`)."""
    if len(value) < _ADDRESS.size:
        raise RemoteError(0, "a STUN address is cut off")
    family, port = _ADDRESS.unpack_from(value)
    packed = value[_ADDRESS.size :]
    if (family, len(packed)) not in ((_IPV4, 4), (_IPV6, 16)):
        raise RemoteError(0, "a STUN address of no known family")
    if transaction is not None:
        port ^= MAGIC_COOKIE >> 16
        packed = _scrambled(packed, transaction)
    return (str(IPv4Address(packed) if family == _IPV4 else IPv6Address(packed)), port)


def _scrambled(packed: bytes, transaction: bytes) -> bytes:
    key = MAGIC_COOKIE.to_bytes(4, "big") + transaction
    return bytes(one ^ other for one, other in zip(packed, key, strict=False))


def _error_code(value: bytes) -> int:
    return (value[2] & 0x07) * 100 + value[3] if len(value) >= 4 else 0
