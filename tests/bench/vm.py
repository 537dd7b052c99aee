"""``./dev bench vm [--arch arm64|amd64]``: the phone as the image's systemd runs it, in QEMU.

Its exchange is a Kamailio at the other end of the cable, the far end of the call a baresip. All times and costs are the
guest's own; beside each stands how many of the calibration loops that is, which is what can be compared.
"""

import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from imagebuild.facts import ImageFacts
from imagebuild.guest import Guest
from imagebuild.image import BUILD
from tests.bench import vm_guest
from tests.bench.spread import Spread
from tests.support.baresip import Baresip
from tests.support.pulse_server import PulseServer
from tests.support.speech import make_speech
from tests.support.tap_network import TapNetwork
from tests.support.virtual_hands import VirtualHands
from tests.support.vm_exchange import VmExchange, settings
from tests.support.vm_phone import VmPhone

IMAGE_VARIABLE = "OFFHOOK_VM_IMAGE"
CALL_S, IDLE_S, RESTARTS = 60.0, 30.0, 3
_KEY_S = (0.5, 0.5)  # held and let go of: a key that a busy guest does not miss
_CARD_CLOSED_S = 8.0  # the phone closes a card that nobody needed for 5 s


def main() -> None:
    """Measure it all, and print a line for each figure as it is known."""
    named = os.environ.get(IMAGE_VARIABLE)
    if named is None:
        raise SystemExit("bench vm needs the virtual phone's image: ./dev bench vm")
    image = Path(named)
    facts = ImageFacts.read(image)
    print(f"the virtual phone, {facts.arch}, kernel {facts.kernel}; all by the guest's own clocks")
    print("\n| figure | offhook | in calibration loops | load |\n|---|---|---|---|")
    _sizes(image, facts)
    # Not in memory: the disk grows to some hundred MB; and short, since a socket's path is.
    with tempfile.TemporaryDirectory(prefix="offhook-vm-") as name, ExitStack() as stack:
        folder = Path(name)
        tap = stack.enter_context(TapNetwork(folder / "tap"))
        pulse = stack.enter_context(PulseServer(folder / "pulse"))
        exchange = stack.enter_context(VmExchange(folder / "exchange", tap))
        guest = Guest.on_new_disk(image, folder / "vm", tap=tap.device, pulse=pulse.socket)
        stack.enter_context(guest)
        guest.fat().write("bootcfg", "offhook.yaml", settings(exchange.address).encode())
        bench = VmBench(guest)
        bench.starts()
        bench.idle()
        source = make_speech(folder / "speech.wav", segments=12).path
        bench.call(stack.enter_context(exchange.peer("1002", "auto", source)))


class VmBench:
    """The figures of one virtual phone that has not been started yet."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._hands = VirtualHands(guest)
        self._phone = VmPhone(guest)
        self._loop = 0.0

    def starts(self) -> None:
        """The first start of all, the second, and the unit alone on a machine that is up."""
        self._guest.boot(600.0)
        self._measured("first start of all")
        self._hands.put_back()
        self._guest.reboot(timeout=600.0)
        self._measured("second start")
        again = []
        for _ in range(RESTARTS):
            # Not a restart: the registration that is taken back has an answer too.
            self._hands.put_back()
            self._systemctl("stop")
            again.append(vm_guest.watch_start(self._guest, lambda: self._systemctl("start")))
        self._tell("the unit again, all else up", again)

    def _measured(self, what: str) -> None:
        start = vm_guest.watch_start(self._guest)
        self._settle()
        _row(f"{what}: systemd starts the program, after the kernel's start", f"{start.since_kernel:.1f} s")
        self._tell(what, [start])

    def idle(self) -> None:
        """On the hook, with nothing to do."""
        self._hands.put_back()
        time.sleep(_CARD_CLOSED_S)
        wakes = vm_guest.switches(self._guest, IDLE_S)
        _row(f"wake-ups a second on the hook, both processes, {IDLE_S:g} s", f"{wakes:.1f}")
        self._cpu("CPU a minute on the hook", vm_guest.cpu_share(self._guest, IDLE_S))
        self._memory("memory on the hook")

    def call(self, peer: Baresip) -> None:
        """In a call with ``peer``, which answers by itself and speaks."""
        self._hands.lift()
        self._phone.wait_state("DIAL_TONE")
        self._hands.dial("1002", *_KEY_S)
        peer.wait_for("CALL_ESTABLISHED", 120)
        self._phone.wait_state("TALKING")
        time.sleep(3.0)
        self._calibrate()
        self._cpu("CPU a minute of a PCMU call", vm_guest.cpu_share(self._guest, CALL_S))
        assert self._phone.status()["phone"] == "TALKING", "the call ended before its minute was over"
        self._memory("memory in that call")
        self._hands.put_back()
        self._phone.wait_state("ON_HOOK")

    def _systemctl(self, verb: str) -> None:
        self._guest.sh(f"systemctl {verb} {vm_guest.UNIT}", 300)

    def _settle(self) -> None:
        """Wait until everything has started: what is still to come would be measured too."""
        self._guest.wait_until_up(600.0)
        self._calibrate()

    def _calibrate(self) -> None:
        self._loop = vm_guest.calibrate(self._guest)
        here = vm_guest.calibrate_here()
        _row(
            "calibration loop, CPU: in the guest; here", f"{self._loop:.3f} s; {here:.3f} s ({self._loop / here:.0f} x)"
        )

    def _tell(self, what: str, starts: list[vm_guest.Start]) -> None:
        late = max(start.late for start in starts)
        note = f", the handset lifted {late:.1f} s after that" if late else ""
        names = "/".join(sorted({start.tone_name for start in starts}))
        works = [start.works for start in starts if start.works is not None]
        if works:
            self._time(f"{what}: program to a handset that works, by what was kept", works)
        self._time(f"{what}: program to the first tone ({names}){note}", [start.tone for start in starts])
        self._time(f"{what}: program to registered, digest", [start.registered for start in starts])

    def _time(self, what: str, values: list[float]) -> None:
        spread = Spread.of(values)
        text = spread.show("s", digits=2) if len(values) > 1 else f"{spread.median:.2f} s"
        _row(what, text, f"{spread.median / self._loop:.1f}")

    def _cpu(self, what: str, share: float) -> None:
        _row(what, f"{share * 60:.2f} s", f"{share * 60 / self._loop:.1f}")

    def _memory(self, what: str) -> None:
        seen = vm_guest.memory(self._guest)
        _row(f"{what}, PSS of both processes", f"{seen.pss:.1f} MB")


def _row(what: str, value: str, loops: str = "") -> None:
    print(f"| {what} | {value} | {loops} | {os.getloadavg()[0]:.1f} |", flush=True)


def _sizes(image: Path, facts: ImageFacts) -> None:
    package = BUILD / "deb" / facts.package
    if package.exists():
        _row("size of the package", f"{package.stat().st_size / 1e6:.1f} MB")
    disk = image / facts.disk
    status = disk.stat()
    packed = subprocess.run(["zstd", "-q", "-3", "-c", str(disk)], stdout=subprocess.PIPE, check=True).stdout
    sizes = f"{status.st_size / 1e6:.0f} MB, {status.st_blocks * 512 / 1e6:.0f} MB of it written"
    _row("size of the disk", f"{sizes}; {len(packed) / 1e6:.0f} MB as zstd -3 packs it")
