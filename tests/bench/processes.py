"""What processes cost: CPU time of all threads, and their share of memory."""

from pathlib import Path

CLOCK_TICKS_NS = 1e-9


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
    return total * CLOCK_TICKS_NS


def pss_mb(pid: int) -> float:
    """Proportional set size of a process and everything that it started, in MB (10^6 bytes)."""
    total = 0
    for process in family(pid):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total * 1024 / 1e6
