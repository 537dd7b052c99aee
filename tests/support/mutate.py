"""A byte mutator with a seed: the same seed makes the same mistakes, on every machine.

``mutations(seeds, count, seed)`` yields damaged copies of well-formed messages: bytes flipped, cut, doubled, moved,
spliced with another message, and replaced by what parsers stumble over.
"""

import random
from collections.abc import Iterator, Sequence

TRAPS = (
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\r\n ",
        b"\r\n\t",
        b"\0",
        b"\xff\xfe",
        b"\xc3",
        b"\xed\xa0\x80",
        b"%",
        b"%00",
    ),
    *(b'"', b'\\"', b"\\", b"<", b">", b"[", b"]", b"[::", b":::", b";", b";;", b",", b"=", b"?", b"@", b"*", b":"),
    *(b"SIP/2.0", b"sip:", b"tel:", b"-1", b"4294967296", b"99999999999999999999", b"0" * 64, b";" * 200, b" " * 300),
    *(
        b"Content-Length: 5\r\n",
        b"l: -1\r\n",
        b"Via: x\r\n",
        b"Contact: *\r\n",
        b"a=rtpmap:999 /\r\n",
        b"m=audio 0\r\n",
    ),
)


def mutate(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return ``data`` with one to four mistakes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(out) + 1)
        span = min(len(out), place + rng.choice((1, 1, 2, 4, 16, 200)))
        match rng.randrange(7):
            case 0 if place < len(out):
                out[place] ^= 1 << rng.randrange(8)
            case 1 if place < len(out):
                out[place] = rng.randrange(256)
            case 2:
                del out[place:span]
            case 3:
                out[place:place] = out[place:span] * rng.choice((1, 1, 2, 50))
            case 4:
                out[place:place] = rng.choice(TRAPS)
            case 5:
                out[place:span] = rng.choice(TRAPS)
            case _:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                out[place:] = other[start:]
    return bytes(out[:70000])


def mutations(seeds: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` damaged messages."""
    rng = random.Random(seed)
    for _ in range(count):
        yield mutate(rng.choice(seeds), seeds, rng)
