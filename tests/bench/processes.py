"""What processes cost: CPU time of all threads, and their share of memory."""

import os
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


def pss_mb(pid: int) -> float:
    """Proportional set size of a process and everything that it started, in MB (10^6 bytes)."""
    total = 0
    for process in family(pid):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total * 1024 / 1e6


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
