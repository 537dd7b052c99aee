"""How much memory a program holds, children included."""

import re
from pathlib import Path


def resident_kib(pid: int) -> int:
    """Return the resident memory of a process and of the processes that it started, in KiB."""
    total, waiting = 0, [pid]
    while waiting:
        number = waiting.pop()
        found = re.search(r"VmRSS:\s*(\d+)", Path(f"/proc/{number}/status").read_text())
        total += int(found[1]) if found else 0
        waiting += map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split())
    return total
