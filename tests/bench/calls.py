"""A PCMU call between the phone and baresip, each on a virtual card of its own: CPU time and memory of both ends.

Both are measured in the same call and the same seconds: whatever else the machine does, it does to both.
"""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.ends import FAR, baresip_at, phone_at, say
from tests.bench.processes import Memory, cpu_seconds, memory
from tests.support.phone import Phone, account, config
from tests.support.speech import Speech
from tests.support.virtual_card import VirtualCard

WINDOW_S = 20.0
_SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class CallFigures:
    """CPU-seconds a minute and memory, the phone's and baresip's; whether SCHED_FIFO was granted to the phone."""

    cpu: float
    their_cpu: float
    memory: Memory
    their_memory: Memory
    realtime: bool


def call(folder: Path, rate: int, period_ms: int, speech: Speech, window_s: float = WINDOW_S) -> CallFigures:
    """The phone with this period calls baresip, which has its own default, 20 ms; both speak."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        cards = [stack.enter_context(VirtualCard(folder, name, rate=rate)) for name in ("ours", "theirs")]
        peer = stack.enter_context(baresip_at(folder / "peer", cards[1], rate))
        phone = stack.enter_context(phone_at(folder / "phone", cards[0], peer.address, period_ms))
        phone.call(FAR.user)
        phone.wait_for("call", state="talking")
        for card in cards:
            say(card, speech.samples[: int(8000 * (window_s + _SETTLE_S + 2))])
        time.sleep(_SETTLE_S)
        pids = (phone.child.pid, peer.pid)
        before, begin = [cpu_seconds(pid) for pid in pids], time.monotonic()
        time.sleep(window_s)
        spent, elapsed = [cpu_seconds(pid) for pid in pids], time.monotonic() - begin
        ours, theirs = ((after - first) / elapsed * 60 for after, first in zip(spent, before, strict=True))
        realtime = bool(phone.status()["audio"]["realtime"])
        return CallFigures(ours, theirs, memory(pids[0]), memory(pids[1]), realtime)


def memory_with_everything(folder: Path, speech: Speech) -> Memory:
    """Memory, in a call, of a phone that also serves the page and was once at its provisioning server."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _NothingThere))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        cards = [stack.enter_context(VirtualCard(folder, name, rate=48000)) for name in ("ours", "theirs")]
        peer = stack.enter_context(baresip_at(folder / "peer", cards[1], 48000))
        more = f"provisioning: {{url: 'http://127.0.0.1:{server.server_port}/phone.yaml'}}\n"
        phone = stack.enter_context(
            phone_at(folder / "phone", cards[0], peer.address, more=more, verb="sim", arguments=["--no-exchange"])
        )
        phone.child.wait_until(lambda: "phone.yaml" in phone.log(), "answer of the provisioning server")
        phone.call(FAR.user)
        phone.wait_for("call", state="talking")
        say(cards[0], speech.samples[: 8000 * 5])
        time.sleep(_SETTLE_S)
        return memory(phone.child.pid)


def warm_up(folder: Path) -> None:
    """Start a phone and lift its handset once, so that Python has compiled what the measurements need."""
    with Phone(folder, config(account("127.0.0.1:5999", register=False))) as phone:
        phone.lift()
        phone.wait_for("tone", timeout=30, name="dial")


class _NothingThere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""
