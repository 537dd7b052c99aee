"""Text to value: the rules by which the scalars of a config file get their types.

Integers are ``-?(0|[1-9][0-9]*)`` (``0112`` and ``1_000`` are none), numbers are finite decimals, booleans are
``true`` and ``false`` only, durations carry their unit (``30s``). Phone numbers and extensions stay text. Each rule
raises :class:`pydantic_core.PydanticCustomError`, which :mod:`offhook.config.load` turns into a fault.
"""

import ipaddress
import math
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, GetCoreSchemaHandler, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from offhook.config.countries import COUNTRIES, MISTAKEN
from offhook.config.faults import quoted

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_DURATION = re.compile(r"(0|[1-9][0-9]{0,7})(\.[0-9]{1,3})?(ms|s|m|h|d)?")
UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""Units of a duration, in seconds, the largest first."""
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_YES = frozenset({"yes", "on", "1", "y", "true"})
_NO = frozenset({"no", "off", "0", "n", "false"})


def wrong(message: str, suggestion: str | None = None, field: str | None = None) -> PydanticCustomError:
    """Return the error that becomes a fault with this message; ``field`` names the setting of the section meant."""
    context = {"message": message, "suggestion": suggestion, "field": field}
    return PydanticCustomError("offhook", "{message}", context)


def text(value: object) -> str:
    """Return a text as it is; raises for lists, settings and control characters (they would break SIP and XML)."""
    if value is None:
        raise wrong("is empty: write a value or remove it")
    if not isinstance(value, str):
        raise wrong("must be one text, not a list or settings: put it in quotes")
    bad = next((ch for ch in value if not ch.isprintable()), None)
    if bad is not None:
        raise wrong(f"holds a character that cannot be shown (U+{ord(bad):04X}): remove it, and write one line only")
    return value


def filled(value: object) -> str:
    """Return a text that is not empty and has no space at its ends."""
    result = text(value)
    if not result.strip():
        raise wrong("is empty: write a value or remove the line")
    if result != result.strip():
        raise wrong("begins or ends with a space: remove it", result.strip())
    return result


def whole_number(value: object) -> int:
    """Return an integer written in decimal digits without leading zeros."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    source = text(value)
    if _INTEGER.fullmatch(source):
        return int(source)
    digits = source.replace("_", "").replace(",", "").strip().lstrip("+")
    bare = re.fullmatch(r"0*([0-9]{1,18})(\.0*)?", digits)
    raise wrong(f"{quoted(source)} is not a whole number", bare[1] if bare else None)


def number(value: object) -> float:
    """Return a finite number written in decimal digits, with a point."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    source = text(value)
    if _NUMBER.fullmatch(source):
        return float(source)
    point = source.strip().lstrip("+").replace(",", ".")
    raise wrong(f"{quoted(source)} is not a number such as 3 or 2.5", point if _NUMBER.fullmatch(point) else None)


def truth(value: object) -> bool:
    """Return a boolean written ``true`` or ``false``."""
    if isinstance(value, bool):
        return value
    source = text(value)
    if source in ("true", "false"):
        return source == "true"
    low = source.strip().casefold()
    meant = "true" if low in _YES else "false" if low in _NO else None
    raise wrong(f"must be true or false, not {quoted(source)}", meant)


def duration(value: object) -> float:
    """Return seconds from ``250ms``, ``30s``, ``15m``, ``6h`` or ``1d``."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    source = text(value)
    found = _DURATION.fullmatch(source)
    if found is None:
        raise wrong(f"{quoted(source)} is not a length of time such as 30s, 15m, 6h or 1d")
    if found[3] is None:
        raise wrong(f"{quoted(source)} has no unit (s, m, h or d)", f"{source}s")
    return float(found[1] + (found[2] or "")) * UNITS[found[3]]


def country(value: object) -> str:
    """Return an ISO 3166-1 alpha-2 code in capitals."""
    source = filled(value)
    if source in COUNTRIES:
        return source
    meant = MISTAKEN.get(source.upper(), source.upper())
    raise wrong(
        f"{quoted(source)} is not a country: write its two capital letters (ISO 3166), such as NO or US",
        meant if meant in COUNTRIES else None,
    )


def language(value: object) -> str:
    """Return a language tag (:rfc:`5646`, its plain forms)."""
    source = filled(value)
    if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", source):
        return source
    meant = source.replace("_", "-")
    meant = meant[:2].lower() + meant[2:]
    known = re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", meant)
    raise wrong(f"{quoted(source)} is not a language tag such as nb or en-US", meant if known else None)


def identifier(value: object) -> str:
    """Return a short name of letters, digits and ``-_.``."""
    source = filled(value)
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", source):
        raise wrong("must be a short name of letters, digits and - _ . (32 at most)")
    return source


def digits(value: object) -> str:
    """Return a number as a keypad dials it: 1 to 15 digits, ``*`` and ``#``. It stays text: ``0112`` is not 112."""
    source = filled(value)
    if re.fullmatch(r"[0-9*#]{1,15}", source):
        return source
    bare = re.sub(r"[\s()./-]", "", source)
    fits = re.fullmatch(r"[0-9*#]{1,15}", bare)
    raise wrong(f"{quoted(source)} cannot be dialled: 1 to 15 of the keys 0-9, * and #", bare if fits else None)


def host_name(source: str) -> bool:
    """Whether ``source`` is a host name or an IP address (IPv6 without brackets)."""
    if is_address(source):
        return True
    labels = source.removesuffix(".").split(".")
    plausible = len(source) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in labels)
    return plausible and not labels[-1].isdigit()  # 10.0.0.300 is a mistyped address, not a name


def is_address(source: str) -> bool:
    """Whether ``source`` is an IPv4 or IPv6 address, without brackets, port or zone."""
    try:
        return "%" not in source and bool(ipaddress.ip_address(source))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address or name and a port; IPv6 without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split_port(source: str) -> tuple[str, int | None]:
    """Split ``host:port`` or ``[v6]:port``; the port may be missing. Raises for a port that is none."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", source)
    if bracketed is not None:
        host, port = bracketed[1], bracketed[2]
        if ":" not in host:
            raise wrong("only an IPv6 address stands in [ ]: remove the brackets")
    elif source.count(":") > 1:
        meant = f"[{source}]" if is_address(source) else None
        raise wrong("an IPv6 address must stand in brackets, as in [2001:db8::1]:5060", meant)
    else:
        host, colon, rest = source.partition(":")
        port = rest if colon else None
    if port is None:
        return host, None
    if not _INTEGER.fullmatch(port) or not 0 <= int(port) <= 65535:
        raise wrong("the port after the colon must be a number from 0 to 65535")
    return host, int(port)


def listen_address(value: object) -> HostPort:
    """Return the address and port to listen on from ``10.0.0.2:5060`` or ``[::]:5060``; port 0 is any."""
    if isinstance(value, HostPort):
        return value
    source = filled(value)
    host, port = split_port(source)
    if not is_address(host):
        raise wrong(f"{quoted(source)} does not begin with an IP address of this device; 0.0.0.0 means all of them")
    if port is None:
        raise wrong("the port is missing", f"{source}:5060")
    return HostPort(host, port)


def server(value: object) -> str:
    """Return ``host`` or ``host:port`` as it was written, checked."""
    source = filled(value)
    for scheme in ("sip:", "sips:"):
        if source.lower().startswith(scheme):
            raise wrong("is a host, without sip: before it", source[len(scheme) :])
    host, port = split_port(source)
    if port == 0:
        raise wrong("port 0 cannot be called: leave the port out or write the server's")
    if not host_name(host):
        raise wrong(f"{quoted(source)} is neither a host name nor an IP address")
    return source


@dataclass(frozen=True, slots=True)
class PortRange:
    """A range of UDP ports, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def port_range(value: object) -> PortRange:
    """Return the range written ``20000-20100``; raises where it holds fewer than four ports."""
    if isinstance(value, PortRange):
        return value
    source = text(value)
    found = re.fullmatch(r"([1-9][0-9]{3,4})\s*-\s*([1-9][0-9]{3,4})", source)
    if found is None:
        raise wrong(f"{quoted(source)} is not a range of ports such as 20000-20100")
    first, last = int(found[1]), int(found[2])
    if not 1024 <= first <= last <= 65535:
        raise wrong("the ports must rise, from 1024 at the least to 65535 at the most")
    if last - first < 3:
        raise wrong("at least 4 ports are needed, two for each call: widen the range")
    return PortRange(first, last)


class Secret:
    """A text that shows itself nowhere: not in repr, not in dumps, not in faults."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> "tuple[type[Secret], tuple[str]]":
        raise TypeError("a secret is not pickled: send what was derived from it")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            secret,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.__str__),
        )


def secret(value: object) -> Secret:
    """Return a text as a secret; a message of refusal never holds any of it."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise wrong("must be one text: put it in quotes on one line")
    if not value or not value.isprintable():
        raise wrong("is empty or holds a character that cannot be shown: write it on one line")
    return Secret(value)


def as_written(value: HostPort | PortRange) -> str:
    """Return the text that a value is written as."""
    return str(value)


def patterned(pattern: str) -> WithJsonSchema:
    """Say in the JSON Schema what a text looks like; the rule that is asked is the validator's."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


Text = Annotated[str, BeforeValidator(filled)]
Identifier = Annotated[str, BeforeValidator(identifier), patterned("^[A-Za-z0-9_.-]{1,32}$")]
Digits = Annotated[str, BeforeValidator(digits), patterned("^[0-9*#]{1,15}$")]
WHOLE = BeforeValidator(whole_number)
"""Stands last: ``Annotated[int, Field(ge=1), WHOLE]``, so that limits are asked of the number."""
DECIMAL = BeforeValidator(number)
Truth = Annotated[bool, BeforeValidator(truth)]
Country = Annotated[str, BeforeValidator(country), patterned("^[A-Z]{2}$")]
Language = Annotated[str, BeforeValidator(language), patterned("^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Server = Annotated[str, BeforeValidator(server)]
Listen = Annotated[HostPort, PlainValidator(listen_address), PlainSerializer(as_written), patterned("^.+:[0-9]+$")]
Ports = Annotated[PortRange, PlainValidator(port_range), PlainSerializer(as_written), patterned("^[0-9]+ *- *[0-9]+$")]
Password = Annotated[Secret, WithJsonSchema({"type": "string", "writeOnly": True})]
