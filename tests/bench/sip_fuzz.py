"""Damaged SIP messages and session descriptions, as many as you like.

::

    python tests/bench/sip_fuzz.py 200000 --seed 7

Ends with an exception where the parsers' invariant breaks; ``./dev soak`` calls :func:`fuzz`.
"""

import argparse
import time

from tests.support.invariants import OFFER, hold_for_description, hold_for_message, hold_for_offer
from tests.support.mutate import mutations
from tests.vectors.torture import CASES, SDP


def fuzz(count: int, seed: int) -> dict[str, int]:
    """Read ``count`` damaged messages and a quarter as many descriptions; return how many of each still made sense."""
    messages = [case.data for case in CASES]
    descriptions = [SDP, bytes(OFFER)]
    return {
        "messages": sum(hold_for_message(data) for data in mutations(messages, count, seed)),
        "descriptions": sum(hold_for_description(data) for data in mutations(descriptions, count // 4, seed)),
        "offers": sum(hold_for_offer(data) for data in mutations(descriptions, count // 4, seed + 1)),
    }


def main() -> None:
    """Run once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start = time.thread_time()
    readable = fuzz(arguments.count, arguments.seed)
    print(f"{arguments.count} damaged messages in {time.thread_time() - start:.1f} s of CPU, readable: {readable}")


if __name__ == "__main__":
    main()
