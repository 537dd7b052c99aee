"""The ``crypto`` attribute (:rfc:`4568`): keys of SRTP inside a session description.

::

    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<base64 of key and salt>|2^20|1:4 -EXTENSION
             |          |                 |                             |    |    |
            tag       suite          master key, its lifetime in packets, MKI:length, session parameters

Reading is strict, since half an understanding of a key is noise in the ear. A line that breaks the grammar, or wants
what is not done here, raises :class:`UnusableCrypto`; the next line may still serve. No key shows itself in a ``repr``.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from offhook.errors import OffhookError

_LINE = re.compile(r"([0-9]{1,9})[ \t]+([A-Za-z0-9_]+)[ \t]+([!-~]+)((?:[ \t]+[!-~]+)*+)[ \t]*+")
_KEY_INFO = re.compile(r"([A-Za-z0-9+/]+={0,2})(?:\|(2\^)?([0-9]{1,15}))?(?:\|([0-9]{1,309}):([0-9]{1,3}))?")
_MAX_LIFETIME = 1 << 48
_MAX_MKI = 128
_HINT = re.compile(r"WSH=[0-9]{2,5}")


class UnusableCrypto(OffhookError):
    """A ``crypto`` attribute that is malformed, or asks for what this phone does not do; it never quotes a key."""


@dataclass(frozen=True, slots=True)
class SuiteForm:
    """Sizes of a crypto suite in octets."""

    key: int
    salt: int


SUITES = {
    "AES_CM_128_HMAC_SHA1_80": SuiteForm(16, 14),
    "AEAD_AES_256_GCM": SuiteForm(32, 12),
    "AEAD_AES_128_GCM": SuiteForm(16, 12),
    "AES_CM_128_HMAC_SHA1_32": SuiteForm(16, 14),
}
"""What can be done here (:rfc:`4568#section-6.2`, :rfc:`7714#section-14.2`), in the order in which it is offered."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """``material`` is key and salt in one; ``lifetime`` in packets, None: as SRTP allows; ``mki`` may be empty."""

    material: bytes = field(repr=False)
    lifetime: int | None = None
    mki: bytes = b""


@dataclass(frozen=True, slots=True)
class CryptoAttribute:
    """One ``crypto`` line: the keys that the side which writes it will send with."""

    tag: int
    suite: str
    keys: tuple[MasterKey, ...]
    session: tuple[str, ...] = ()

    @classmethod
    def parse(cls, value: str) -> "CryptoAttribute":
        """Read what stands behind ``crypto:``. Raises UnusableCrypto, and nothing else."""
        match = _LINE.fullmatch(value)
        if match is None:
            raise UnusableCrypto("a crypto line is not of the form: tag suite inline:key")
        suite = SUITES.get(match[2].upper())
        if suite is None:
            raise UnusableCrypto("a crypto line names a suite that is not known here")
        keys = tuple(_parse_key(part, suite) for part in match[3].split(";"))
        if len(keys) > 1 and ({len(key.mki) for key in keys} & {0} or len({len(key.mki) for key in keys}) > 1):
            raise UnusableCrypto("several keys in one crypto line need an MKI each, all of one length")
        if len({key.mki for key in keys}) < len(keys):
            raise UnusableCrypto("two keys of a crypto line have the same MKI")
        session = tuple(match[4].split())
        for parameter in session:
            _check_parameter(parameter)
        return cls(int(match[1]), match[2].upper(), keys, session)

    def line(self) -> str:
        """Return what stands behind ``crypto:``. It holds the keys: it goes into a body, and nowhere else."""
        keys = ";".join(_write_key(key) for key in self.keys)
        return " ".join((str(self.tag), self.suite, keys, *self.session))

    def with_tag(self, tag: int) -> "CryptoAttribute":
        """Return the same with another tag: an answer bears the tag of what it takes (:rfc:`4568#section-5.1.2`)."""
        return replace(self, tag=tag)


def own_crypto(random: Callable[[int], bytes], suites: Iterable[str] = tuple(SUITES)) -> tuple[CryptoAttribute, ...]:
    """Return a line for each suite, tagged from 1, each with a fresh key of its own; ``random(n)`` gives n octets."""
    return tuple(
        CryptoAttribute(tag, suite, (MasterKey(random(SUITES[suite].key + SUITES[suite].salt)),))
        for tag, suite in enumerate(suites, 1)
    )


def readable(values: Iterable[str]) -> tuple[CryptoAttribute, ...]:
    """Return the lines that can be used, in their order; of two with the same tag the first."""
    found: dict[int, CryptoAttribute] = {}
    for value in values:
        try:
            crypto = CryptoAttribute.parse(value)
        except UnusableCrypto:
            continue
        found.setdefault(crypto.tag, crypto)
    return tuple(found.values())


def _parse_key(text: str, suite: SuiteForm) -> MasterKey:
    method, colon, info = text.partition(":")
    if not colon or method.lower() != "inline":
        raise UnusableCrypto("a crypto line has a key method other than inline")
    match = _KEY_INFO.fullmatch(info)
    if match is None:
        raise UnusableCrypto("a crypto line has key parameters that cannot be read")
    return MasterKey(_decode(match[1], suite), _lifetime(match[2], match[3]), _mki(match[4], match[5]))


def _decode(text: str, suite: SuiteForm) -> bytes:
    bare = text.rstrip("=")
    try:
        material = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnusableCrypto("a crypto line has a key that is not base64") from None
    if len(material) != suite.key + suite.salt:
        raise UnusableCrypto("a crypto line has a key of the wrong length for its suite")
    return material


def _lifetime(power: str | None, digits: str | None) -> int | None:
    if digits is None:
        return None
    number = int(digits)
    if power and number > 48:
        raise UnusableCrypto("a key of a crypto line lives longer than SRTP allows")
    lifetime = 1 << number if power else number
    if not 0 < lifetime <= _MAX_LIFETIME:
        raise UnusableCrypto("a key of a crypto line has a lifetime that SRTP does not allow")
    return lifetime


def _mki(value: str | None, length: str | None) -> bytes:
    if value is None or length is None:
        return b""
    size = int(length)
    if not 1 <= size <= _MAX_MKI:
        raise UnusableCrypto("an MKI of a crypto line is not 1 to 128 octets long")
    try:
        return int(value).to_bytes(size, "big")
    except OverflowError:
        raise UnusableCrypto("an MKI of a crypto line does not fit its length") from None


def _check_parameter(parameter: str) -> None:
    """Pass hints and what may be ignored (:rfc:`4568#section-6.3.7`); all else would change the packets."""
    hint = _HINT.fullmatch(parameter)
    if hint is not None and int(parameter[4:]) >= 64:
        return
    if not parameter.startswith("-"):
        raise UnusableCrypto("a crypto line has a session parameter that is not done here")


def _write_key(key: MasterKey) -> str:
    text = "inline:" + base64.b64encode(key.material).decode()
    if key.lifetime is not None:
        power = key.lifetime.bit_length() - 1
        text += f"|2^{power}" if key.lifetime == 1 << power else f"|{key.lifetime}"
    if key.mki:
        text += f"|{int.from_bytes(key.mki, 'big')}:{len(key.mki)}"
    return text
