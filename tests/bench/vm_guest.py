"""What is measured inside the virtual phone, by its own clocks: how it starts, what its two processes cost.

Times are seconds of the guest's CLOCK_MONOTONIC. Emulation is slow and its speed varies, so each figure stands beside
what a fixed loop takes in the same guest: :func:`calibrate`.
"""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from imagebuild.guest import Guest
from tests.bench import processes

UNIT = "offhook.service"
HOOK_PIN = 17
_TONE = re.compile(r"the first tone, (\w+), began at ([\d.]+) s")
_WORKS = re.compile(r"\[ *([\d.]+)\].*the handset works, by what was kept of the last start")

# Lifted again and again: the simulated chip forgets a pull when the phone takes the line. The registrar's answer is
# seen as it comes in, by the network card's own packets.
_WATCH = """
import select, socket, time
import gpiosim
lifted = time.monotonic()
end = lifted + patience
with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as wire:
    while result is None:
        gpiosim.pull(pin, 0)
        if time.monotonic() > end:
            raise RuntimeError("no 200 for a REGISTER")
        if select.select([wire], [], [], 0.1)[0]:
            data = wire.recv(65535)
            lines = data[28:].split(b"\\r\\n")
            if lines[0].startswith(b"SIP/2.0 200") and any(b"REGISTER" in line for line in lines):
                result = [lifted, time.monotonic()]
"""

_LOOP = """
import time
def run():
    total, table = 0, {}
    for index in range(300000):
        table[index & 255] = total
        total = (total * 31 + index) & 0xFFFFFFFF
    return total
spent = []
for _ in range(3):
    begin = time.thread_time()
    run()
    spent.append(time.thread_time() - begin)
result = sorted(spent)[1]
"""

_PROCESSES = Path(processes.__file__).read_text()
_CPU = _PROCESSES + "\nimport time\nresult = [time.monotonic(), cpu_seconds(pid)]\n"
_MEMORY = _PROCESSES + "\nfound = memory(pid)\nresult = [found.pss, found.alone, len(family(pid))]\n"
_SWITCHES = (
    _PROCESSES
    + """
import re, time
total = 0
for process in family(pid):
    for task in Path(f"/proc/{process}/task").iterdir():
        total += sum(int(n) for n in re.findall(r"ctxt_switches:\\s+(\\d+)", (task / "status").read_text()))
result = [time.monotonic(), total]
"""
)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the unit, in seconds from the moment at which systemd started its program.

    Attributes:
        since_kernel: when that was, from the start of the guest's clock.
        late: how much later the handset was lifted; 0 where it had been before.
        works: when the handset worked by what was kept of the last start; None where nothing was.
    """

    tone: float
    tone_name: str
    registered: float
    since_kernel: float
    late: float
    works: float | None


def main_pid(guest: Guest) -> int:
    """The unit's first process. Raises GuestError."""
    return int(guest.sh(f"systemctl show -p MainPID --value {UNIT}").out)


def watch_start(guest: Guest, begin: Callable[[], object] = lambda: None, patience: float = 400.0) -> Start:
    """Wait for the tone and the registration of the start that ``begin`` makes, or that is under way.

    Raises GuestError where one of them does not come.
    """
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(guest.python, _WATCH, patience + 30.0, pin=HOOK_PIN, patience=patience)
        begin()
        lifted, registered = seen.result()
    shown = guest.sh(f"systemctl show -p ExecMainStartTimestampMonotonic --value {UNIT}").out
    started = int(shown) / 1e6
    pid = main_pid(guest)

    def said() -> str:
        return guest.sh(f"journalctl --boot --unit {UNIT} _PID={pid} -o short-monotonic --no-pager", 120).out

    guest.wait_until(lambda: _TONE.search(said()) is not None, "first tone", patience, 1.0)
    journal = said()
    tone, works = _TONE.search(journal), _WORKS.search(journal)
    assert tone is not None, journal
    kept = float(works[1]) - started if works else None
    return Start(float(tone[2]) - started, tone[1], registered - started, started, max(0.0, lifted - started), kept)


def calibrate(guest: Guest) -> float:
    """CPU-seconds that the loop takes in the guest: the median of three."""
    return float(guest.python(_LOOP, 300))


def calibrate_here() -> float:
    """The same loop on the host."""
    space: dict[str, float] = {}
    exec(_LOOP, space)
    return space["result"]


def cpu_share(guest: Guest, seconds: float) -> float:
    """CPU-seconds a second of both processes, over this time."""
    return _rate(guest, _CPU, seconds)


def switches(guest: Guest, seconds: float) -> float:
    """How often a second the scheduler switched to a thread of either process, over this time."""
    return _rate(guest, _SWITCHES, seconds)


def memory(guest: Guest) -> processes.Memory:
    """Memory of both processes. Raises GuestError unless there are two: the figure would be another's."""
    pss, alone, count = guest.python(_MEMORY, 120, pid=main_pid(guest))
    assert count == 2, f"{count} processes"
    return processes.Memory(pss, alone)


def _rate(guest: Guest, code: str, seconds: float) -> float:
    pid = main_pid(guest)
    begin, first = guest.python(code, 120, pid=pid)
    time.sleep(seconds)
    end, last = guest.python(code, 120, pid=pid)
    return float(last - first) / float(end - begin)
