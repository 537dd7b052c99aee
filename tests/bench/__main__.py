"""``./dev bench [NAME ...]``: the figures of docs/performance.md, measured on this machine, beside baresip's.

Without names everything is measured (some five minutes): parse cpu delay tone invite start flood
"""

import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import calls, reactions
from tests.bench.sip_parse import microseconds
from tests.support.speech import Speech, make_speech


def row(what: str, value: str, aim: str = "") -> None:
    """One line of the table."""
    print(f"| {what} | {value} | {aim} |", flush=True)


def bench_parse(_folder: Path, _speech: Speech) -> None:
    """INVITE, five headers typed."""
    row("INVITE parse, five headers typed", f"{microseconds():.1f} us", "<= 60 us")


def bench_cpu(folder: Path, speech: Speech) -> None:
    """CPU and memory in a call."""
    for period in (10, 20):
        ours = calls.phone_call(folder / f"cpu{period}", period, speech)
        fifo = "SCHED_FIFO" if ours.realtime else "no SCHED_FIFO"
        row(f"CPU in a PCMU call, {period} ms periods, {fifo}", f"{ours.cpu_s_per_minute:.2f} s/min", "baresip's")
        row(f"memory in it (PSS, both processes), {period} ms", f"{ours.pss_mb:.1f} MB", "<= 60 MB")
    theirs = calls.baresip_call(folder / "cpu-baresip", speech)
    row("CPU in a PCMU call, baresip, same card", f"{theirs.cpu_s_per_minute:.2f} s/min")
    row("memory in it, baresip", f"{theirs.pss_mb:.1f} MB")


def bench_delay(folder: Path, speech: Speech) -> None:
    """Mouth to ear."""
    for period in (10, 20):
        delay = calls.phone_delay(folder / f"delay{period}", period, speech)
        row(f"mouth to ear, {period} ms periods", f"{delay * 1e3:.1f} ms", "<= 45 ms" if period == 10 else "")
    delay = calls.baresip_delay(folder / "delay-baresip", speech)
    row("mouth to ear, baresip to baresip, same cards", f"{delay * 1e3:.1f} ms")


def bench_tone(folder: Path, _speech: Speech) -> None:
    """Lift to dial tone."""
    for period in (10, 20):
        spread = reactions.lift_to_tone(folder / f"tone{period}", period)
        value = f"{spread.median * 1e3:.1f} ms (worst {spread.worst * 1e3:.1f})"
        row(f"lift to first sample of the dial tone, {period} ms periods", value, "<= 30 ms")


def bench_invite(folder: Path, _speech: Speech) -> None:
    """Digit to INVITE."""
    pin, complete = reactions.digit_to_invite(folder / "invite")
    aim = "<= 5 ms"
    row("complete number to INVITE", f"{complete.median * 1e3:.1f} ms (worst {complete.worst * 1e3:.1f})", aim)
    row("last key's contact to INVITE, debounce included", f"{pin.median * 1e3:.1f} ms (worst {pin.worst * 1e3:.1f})")


def bench_start(folder: Path, _speech: Speech) -> None:
    """Start to registered."""
    spread = reactions.start_to_registered(folder / "start")
    row("start of the program to registered", f"{spread.median:.2f} s (worst {spread.worst:.2f})", "<= 1.0 s")


def bench_flood(folder: Path, _speech: Speech) -> None:
    """Flood."""
    seen = reactions.flood(folder / "flood")
    fifo = "SCHED_FIFO" if seen.realtime else "no SCHED_FIFO"
    row(
        f"media tick late, 500 junk messages a second, p99.9 ({fifo})",
        f"{seen.late_p999_ms:.2f} ms (worst {seen.late_max_ms:.2f})",
        "<= 1 ms",
    )
    row("xruns meanwhile", str(seen.xruns), "0")


BENCHES: dict[str, Callable[[Path, Speech], None]] = {
    "parse": bench_parse,
    "cpu": bench_cpu,
    "delay": bench_delay,
    "tone": bench_tone,
    "invite": bench_invite,
    "start": bench_start,
    "flood": bench_flood,
}


def main(names: list[str]) -> int:
    """Measure what was asked for."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such figure: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    print(f"{model}, Linux {platform.release()}, Python {platform.python_version()}\n")
    print("| figure | measured | aim |\n|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        folder = Path(name)
        speech = make_speech(folder / "speech.wav", segments=4)
        for bench in names or BENCHES:
            BENCHES[bench](folder, speech)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
