"""Breaks SIP messages in the ways in which networks, programs and attackers do."""

from collections.abc import Callable
from random import Random

NASTY = (
    *(b"", b"\0", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b" ", b'"', b"<", b">", b"%00", b"%", b";", b",", b":", b"\t"),
    *(b"-1", b"0", b"4294967296", b"99999999999999999999999", b"z9hG4bK", b"sip:", b"tel:", b"[::1]", b"*"),
    *(b"A" * 3000, b";tag=", b"Via: SIP/2.0/UDP x", b"Content-Length: 5\r\n", b"\xc3\xa9", "\u202e".encode()),
)


def _flip(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _cut(data: bytearray, random: Random) -> None:
    start = random.randrange(len(data) + 1)
    del data[start : start + random.randrange(40)]


def _insert(data: bytearray, random: Random) -> None:
    place = random.randrange(len(data) + 1)
    data[place:place] = random.choice(NASTY)


def _truncate(data: bytearray, random: Random) -> None:
    del data[random.randrange(len(data) + 1) :]


def _lines(data: bytearray, random: Random) -> None:
    lines = bytes(data).split(b"\r\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    action = random.randrange(3)
    if action == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif action == 1:
        lines.insert(one, lines[other])
    else:
        del lines[one]
    data[:] = b"\r\n".join(lines)


def _value(data: bytearray, random: Random) -> None:
    lines = bytes(data).split(b"\r\n")
    place = random.randrange(len(lines))
    name, colon, value = lines[place].partition(b":")
    kept = value[: random.randrange(len(value) + 1)]
    lines[place] = name + colon + kept + random.choice(NASTY)
    data[:] = b"\r\n".join(lines)


_WAYS: tuple[Callable[[bytearray, Random], None], ...] = (_flip, _cut, _insert, _truncate, _lines, _value, _value)


def mutate(data: bytes, random: Random) -> bytes:
    """Return ``data`` broken in one to four ways."""
    broken = bytearray(data)
    for _ in range(random.randrange(1, 5)):
        random.choice(_WAYS)(broken, random)
    return bytes(broken)
