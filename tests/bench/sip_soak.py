"""The SIP parsers over a million damaged messages: no exception but their own, flat memory, and how long each takes.

::

    python -m tests.bench.sip_soak 1000000

Times are CPU time of the thread. A message that seems slow is read twice more and its best time counts: what another
program's use of the caches costs is not the parser's. The exit status is 1 where an aim is missed;
``./dev soak sip`` runs this after the same on the wire (``tests/e2e``).
"""

import argparse
import gc
import io
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from offhook.sip.errors import RemoteError
from offhook.sip.messages.message import Request
from offhook.sip.messages.parser import parse_datagram
from tests.bench.sip_fuzz import fuzz
from tests.bench.sip_parse import MESSAGE, SDP
from tests.support.mutate import mutations
from tests.vectors.torture import CASES

PARTS = 10
AIM_P9999_MS = 1.0
AIM_GROWTH_KIB = 2048
AIM_LINEAR = 3.0  # what grows with the square would be 8
MESSAGE_KIB, HEAD_KIB = 64, 31  # a longer head is refused unread


def resident_kib() -> int:
    """Return this process's resident memory."""
    found = re.search(r"VmRSS:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def parse(data: bytes) -> None:
    """Read a message and its five main headers, or refuse it."""
    try:
        message = parse_datagram(data)
        _ = (message.via, message.from_, message.to, message.call_id, message.cseq)
        if isinstance(message, Request):
            _ = (message.uri, message.vias, message.routes, message.contacts)
    except RemoteError:
        pass


def times_ms(messages: Sequence[bytes]) -> list[float]:
    """Return the CPU time that each message took, in ms, sorted."""
    taken = []
    for data in messages:
        took = _once(data)
        if took > AIM_P9999_MS / 2:
            took = min(took, _once(data), _once(data))
        taken.append(took)
    return sorted(taken)


def _once(data: bytes) -> float:
    start = time.thread_time_ns()
    parse(data)
    return (time.thread_time_ns() - start) / 1e6


def quantile(sorted_times: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of them stay below."""
    return sorted_times[min(len(sorted_times) - 1, int(len(sorted_times) * share))]


def _filled(size: int, line: bytes) -> bytes:
    """Return the INVITE made ``size`` bytes long by repeating a header line, or a piece of one."""
    head, _, rest = MESSAGE.partition(b"\r\n")
    return head + b"\r\n" + line * ((size - len(MESSAGE)) // len(line)) + rest


def _body(size: int) -> bytes:
    head = MESSAGE[: -len(SDP)]
    length = size - len(head) - 8  # the number itself grows
    return head.replace(b"Content-Length: %d" % len(SDP), b"Content-Length: %d" % length) + b"a" * length


def _within(size: int, before: bytes, piece: bytes, after: bytes) -> bytes:
    """Return the INVITE with one more header line, which fills it up to ``size``."""
    head, _, rest = MESSAGE.partition(b"\r\n")
    count = (size - len(MESSAGE) - len(before) - len(after) - 2) // len(piece)
    return head + b"\r\n" + before + piece * count + after + b"\r\n" + rest


SHAPES: dict[str, Callable[[int], bytes]] = {
    "a long body": _body,
    "one long header": lambda size: _within(size, b"Subject: ", b"a", b""),
    "a folded header": lambda size: _within(size, b"Subject: a", b"\r\n b", b""),
    "a Via of many parameters": lambda size: _within(size, b"Via: SIP/2.0/UDP h", b";a=b", b""),
    "a Contact of many addresses": lambda size: _within(size, b"Contact: <sip:a@h>", b",<sip:a@h>", b""),
    "a quoted name of backslashes": lambda size: _within(size, b'Contact: "', b"\\\\", b'" <sip:a@h>'),
    "spaces": lambda size: _within(size, b"Contact:", b" ", b"<sip:a@h>"),
    "header lines": lambda size: _filled(size, b"X-Header: some value\r\n"),
}


def growth() -> dict[str, tuple[int, float, float]]:
    """Return for each shape its largest size in KiB, and the CPU ms for an eighth of that and for that."""
    sizes = {name: MESSAGE_KIB if make is _body else HEAD_KIB for name, make in SHAPES.items()}
    return {
        name: (sizes[name], _best(make(sizes[name] * 128)), _best(make(sizes[name] * 1024)))
        for name, make in SHAPES.items()
    }


def _best(data: bytes, rounds: int = 30) -> float:
    return min(times_ms([data] * rounds))


def soak(count: int, seed: int) -> list[str]:
    """Do all of it and print the figures, the quick parts first; return which aims were missed."""
    missed = [*timing(min(count, 200_000), seed), *linearity()]
    fuzz(20_000, seed)  # what is made once is made
    gc.collect()
    before, start = resident_kib(), time.thread_time()
    for part in range(PARTS):
        fuzz(count // PARTS, seed + 100 * part)
    gc.collect()
    grown = resident_kib() - before
    print(f"{count} damaged messages: no exception but the parsers' own, {time.thread_time() - start:.0f} s of CPU")
    print(f"memory: {before} KiB, {grown:+} KiB since")
    if grown > AIM_GROWTH_KIB:
        missed.append(f"memory grew by {grown} KiB")
    return missed


def timing(count: int, seed: int) -> list[str]:
    """Time the parsing of ``count`` damaged messages, print the figures, and return which aims were missed."""
    seeds = [*(case.data for case in CASES), MESSAGE]
    taken = times_ms(list(mutations(seeds, count, seed + 7)))
    p50, p99, p9999 = (quantile(taken, share) for share in (0.5, 0.99, 0.9999))
    print(
        f"parsing one, of {len(taken)}: p50 {p50:.3f} ms, p99 {p99:.3f} ms, p99.99 {p9999:.3f} ms, {taken[-1]:.3f} ms"
    )
    return [f"p99.99 of the time to parse is {p9999:.2f} ms"] if p9999 > AIM_P9999_MS else []


def linearity() -> list[str]:
    """Print how the time grows with the size of each shape, and return which grow faster."""
    missed = []
    for name, (size, small, large) in growth().items():
        times = large / small / 8
        print(f"{name}: {small:.3f} ms for {size / 8:g} KiB, {large:.3f} ms for {size} KiB: 8 times {times:.2f}")
        if times > AIM_LINEAR:
            missed.append(f"{name}: {size} KiB take {large / small:.1f} times as long as {size / 8:g} KiB")
    return missed


def main() -> int:
    """Run once; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a run that is cut short shows how far it came
    missed = soak(arguments.count, arguments.seed)
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
