"""``./dev bench [NAME ...]``: the figures of docs/performance.md, measured on this machine, beside baresip's.

Without names: parse cpu memory delay tone invite start flood, in some eight minutes. By name only: voice, some five
minutes; net, some six; vm [--arch arm64|amd64], the phone in its image; and what needs neither network nor card: dsp
jitter loss media.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import calls, delay, dsp, flood, media, net, reactions, vm, voice
from tests.bench.processes import Memory, cpu_model, load
from tests.bench.sip_parse import microseconds
from tests.support.speech import Speech, make_speech

RATES = (8000, 48000)
PERIODS = (10, 20)
Bench = Callable[[Path], None]


def row(what: str, value: str, peer: str = "", aim: str = "") -> None:
    """One line of the table, with the machine's load at that moment."""
    print(f"| {what} | {value} | {peer} | {aim} | {os.getloadavg()[0]:.1f} |", flush=True)


def speech_in(folder: Path) -> Speech:
    """Four segments of 8 s."""
    return make_speech(folder / "speech.wav", segments=4)


def fifo(realtime: bool) -> str:
    """Whether SCHED_FIFO was granted, in words."""
    return "SCHED_FIFO granted" if realtime else "SCHED_FIFO refused"


def bench_parse(_folder: Path) -> None:
    """INVITE, five headers typed."""
    row("INVITE parse, five headers typed (CPU)", f"{microseconds():.1f} us", "", "<= 60 us")


def bench_cpu(folder: Path) -> None:
    """CPU time and memory in a call, both ends of the same call."""
    speech = speech_in(folder)
    for rate in RATES:
        for period in PERIODS:
            name = f"{rate // 1000} kHz card, {period} ms periods"
            seen = calls.call(folder / f"cpu{rate}-{period}", rate, period, speech)
            share = f"{seen.cpu:.2f} s ({seen.cpu / seen.their_cpu:.2f} x baresip), {fifo(seen.realtime)}"
            row(f"CPU a minute of a PCMU call, {name}", share, f"{seen.their_cpu:.2f} s", "<= baresip")
            row(f"memory in it (PSS; if alone), {name}", _mb(seen.memory), _mb(seen.their_memory), "<= 60 MB")


def bench_memory(folder: Path) -> None:
    """Memory with everything on."""
    value = calls.memory_with_everything(folder / "memory", speech_in(folder))
    row("memory in a call (PSS; if alone), with page and provisioning", _mb(value))


def _mb(value: Memory) -> str:
    return f"{value.pss:.1f}; {value.alone:.1f} MB"


def bench_delay(folder: Path) -> None:
    """Mouth to ear."""
    speech = speech_in(folder)
    theirs = delay.between_baresips(folder / "baresips", 48000, speech, 3).show("ms", 1000)
    for period in PERIODS:
        ours = delay.between_phones(folder / f"phones{period}", period, 48000, speech, 4)
        aim = "<= 45 ms" if period == 10 else ""
        row(f"mouth to ear, two of a kind, {period} ms periods", ours.show("ms", 1000), theirs, aim)


def bench_tone(folder: Path) -> None:
    """Lift to dial tone."""
    for period in PERIODS:
        cold = reactions.lift_to_tone(folder / f"cold{period}", period, 48000, 5, closed=True)
        warm = reactions.lift_to_tone(folder / f"warm{period}", period, 48000, 10, closed=False)
        what = f"lift to the first sample of dial tone, {period} ms periods"
        row(f"{what}, card closed before", cold.show("ms", 1000), "", "<= 30 ms")
        row(f"{what}, card still open", warm.show("ms", 1000), "", "<= 30 ms")


def bench_invite(folder: Path) -> None:
    """Digit to INVITE."""
    contact, digit = reactions.digit_to_invite(folder / "invite", 20)
    row("complete number to INVITE on the wire", digit.show("ms", 1000), "", "<= 5 ms")
    row("contact of its last key to INVITE, debouncing included", contact.show("ms", 1000))


def bench_start(folder: Path) -> None:
    """Start to tone, and to registered."""
    kept, read = reactions.start_to_tone(folder / "tone", 6)
    row("start of the program to the first tone, handset lifted", kept.wall.show("s", digits=2), "", "<= 0.5 s")
    row("CPU-seconds until then", kept.cpu.show("s", digits=2))
    row("the same, files read", f"{read.wall.show('s', digits=2)} ({read.cpu.median:.2f} s of CPU)")
    again, first, theirs = reactions.start_to_registered(folder / "start", 6)
    wall, peer = again.wall.show("s", digits=2), theirs.show("s", digits=2)
    row("start of the program to registered (Kamailio, digest)", wall, peer, "<= 1.0 s")
    row("CPU-seconds of it", again.cpu.show("s", digits=2))
    row("the same with no compiled Python file", f"{first.wall.median:.2f} s ({first.cpu.median:.2f} s of CPU)")


def bench_flood(folder: Path) -> None:
    """Junk at the SIP port."""
    speech = speech_in(folder)
    for rate in (0, 500):
        ours, sleeper = flood.call_under_flood(folder / f"flood{rate}", speech, 30.0, rate)
        what = f"media tick late, {rate} junk SIP messages a second, p50 / p99 / p99.9 / worst"
        aim = "p99.9 <= 1 ms, 0 xruns" if rate else ""
        row(
            f"{what} ({fifo(ours.realtime)})",
            f"{_late(ours)}, {ours.xruns} xruns",
            f"mere sleeper: {_late(sleeper)}",
            aim,
        )


def _late(seen: flood.Lateness) -> str:
    return f"{seen.p50:.2f} / {seen.p99:.2f} / {seen.p999:.2f} / {seen.most:.2f} ms"


def bench_voice(folder: Path) -> None:
    """PESQ over a clean link and one that loses 3 %."""
    near, far = make_speech(folder / "near.wav"), make_speech(folder / "far.wav", first=1)
    for loss, seeds in ((0.0, (1, 2)), (0.03, (1, 2, 3, 4))):
        seen = voice.quality_at(folder / f"voice{loss}", loss, seeds, near, far)
        aim, what = (">= 3.4", "3 % random loss") if loss else (">= 4.0", "clean link")
        count = f"{len(seeds)} runs of 4 x 8 s"
        row(f"PESQ-NB at our ear, {what}, {count}", f"{seen.ear:.2f}", f"{seen.between_baresips:.2f}", aim)
        aim = "baresip to baresip - 0.2" if loss else ">= 4.0"
        row(
            f"PESQ-NB of our speech at baresip, {what}, {count}",
            f"{seen.mouth:.2f}",
            f"{seen.between_baresips:.2f}",
            aim,
        )


USUAL: dict[str, Bench] = {
    "parse": bench_parse,
    "cpu": bench_cpu,
    "memory": bench_memory,
    "delay": bench_delay,
    "tone": bench_tone,
    "invite": bench_invite,
    "start": bench_start,
    "flood": bench_flood,
    "voice": bench_voice,
}
LONG = ("voice",)
ALONE: dict[str, Callable[[], None]] = {
    "dsp": dsp.bench_cost,
    "jitter": dsp.bench_jitter,
    "loss": dsp.bench_loss,
    "media": media.main,
    "net": net.main,
    "vm": vm.main,
}


def main(names: list[str]) -> int:
    """Measure what was asked for."""
    unknown = [name for name in names if name not in USUAL and name not in ALONE]
    if unknown:
        print(f"no such figure: {', '.join(unknown)}; there are {', '.join([*USUAL, *ALONE])}", file=sys.stderr)
        return 2
    begin = time.monotonic()
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    print(f"{cpu_model()}, {os.cpu_count()} cores, {system}, {load()}")
    chosen = names or [name for name in USUAL if name not in LONG]
    # In memory: where a card's file lies must not hold up the card.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="offhook-bench-", dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        # As on a phone, where Python keeps what it compiled; whatever this shell says of that.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        if any(bench in USUAL for bench in chosen):
            calls.warm_up(folder / "warm-up")
            print("\n| figure | offhook | baresip | aim | load |\n|---|---|---|---|---|")
        for bench in chosen:
            if bench in USUAL:
                place = folder / bench
                place.mkdir()
                USUAL[bench](place)
            else:
                print(f"\n{bench}:")
                ALONE[bench]()
    print(f"\n{time.monotonic() - begin:.0f} s, {load()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
