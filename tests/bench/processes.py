"""What processes cost: CPU time of all threads, and their share of memory."""

import os
from dataclasses import dataclass
from pathlib import Path

_NS = 1e-9


def family(pid: int) -> list[int]:
    """A process and everything that it started."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time so far of a process and everything that it started (schedstat: nanoseconds, not ticks)."""
    total = 0
    for process in family(pid):
        for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total * _NS


@dataclass(frozen=True, slots=True)
class Memory:
    """MB (10^6 bytes) of a process and everything that it started.

    Attributes:
        pss: proportional set size: a page that others have too counts by its share.
        alone: about what that would be if nobody else on the machine ran Python: every page counts once.
    """

    pss: float
    alone: float


def memory(pid: int) -> Memory:
    """Measure the memory of a process and everything that it started."""
    pss = private = 0
    shared: dict[str, int] = {}
    for process in family(pid):
        name = ""
        theirs: dict[str, int] = {}
        for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                name = words[5] if len(words) > 5 else ""
            elif words[0] == "Pss:":
                pss += int(words[1])
            elif words[0].startswith("Private_"):
                private += int(words[1])
            elif words[0].startswith("Shared_"):
                theirs[name] = theirs.get(name, 0) + int(words[1])
        for name, size in theirs.items():
            shared[name] = max(shared.get(name, 0), size)
    return Memory(pss * 1024 / 1e6, (private + sum(shared.values())) * 1024 / 1e6)


def cpu_model() -> str:
    """What the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return os.uname().machine


def load() -> str:
    """The load averages over 1 and 5 minutes: how much else ran."""
    one, five, _ = os.getloadavg()
    return f"load {one:.1f} {five:.1f}"
