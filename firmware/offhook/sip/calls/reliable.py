"""Reliable provisional responses (:rfc:`3262`): repeated by the callee until the caller's PRACK names them.

::

    caller                         callee
      │ INVITE  Supported: 100rel    │
      │ <── 183 Require: 100rel  ────│ RSeq: 7; again after T1, doubling, for 64*T1
      │ ─── PRACK  RAck: 7 1 INVITE ─>│
      │ <── 200 ─────────────────────│
"""

import re
from collections.abc import Callable

from offhook.sip.core import Core
from offhook.sip.messages.message import Request, Response
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

TAG = "100rel"
MAX_RSEQ = 2**32 - 1
_RSEQ = re.compile(r"\s*0*([0-9]{1,10})\s*\Z")
_RACK = re.compile(r"\s*0*([0-9]{1,10})\s+0*([0-9]{1,10})\s+([^\s]+)\s*\Z")


def rseq_of(response: Response) -> int | None:
    """Return the number of a reliable provisional response; None: it is not one, or the number makes no sense."""
    if TAG not in (tag.lower() for tag in response.require) or response.status <= 100:
        return None
    found = _RSEQ.match(response.headers.get("RSeq") or "")
    return int(found[1]) if found is not None and 0 < int(found[1]) <= MAX_RSEQ else None


def rack_of(prack: Request) -> tuple[int, int, str] | None:
    """Return what a PRACK acknowledges: RSeq, CSeq number, CSeq method."""
    found = _RACK.match(prack.headers.get("RAck") or "")
    return (int(found[1]), int(found[2]), found[3]) if found is not None else None


class ReliableResponses:
    """The callee's side for one INVITE: one response at a time; ``on_silence`` after 64*T1 without its PRACK."""

    def __init__(self, core: Core, transaction: ServerTransaction, on_silence: Callable[[float], None]) -> None:
        self.unacknowledged: Response | None = None
        self._core = core
        self._transaction = transaction
        self._on_silence = on_silence
        self._number = 0
        self._next: Response | None = None
        self._interval = 0.0
        self._repeat: Timer | None = None
        self._end: Timer | None = None

    @property
    def holds_back(self) -> bool:
        """True while a session description waits for its PRACK: no 2xx may be sent (section 3)."""
        return any(response is not None and response.body for response in (self.unacknowledged, self._next))

    def send(self, response: Response, now: float) -> None:
        """Send a response, or keep it until the one before is acknowledged; of several that wait the last stands."""
        if self.unacknowledged is not None:
            self._next = response
            return
        self._number = self._number or int(self._core.fraction() * 0x7FFFFFFF) + 1
        response.headers.add("Require", TAG)
        response.headers.set("RSeq", str(self._number))
        self.unacknowledged = response
        self._interval = self._core.settings.timers.t1
        self._end = self._core.timers.start(now + self._core.settings.timers.give_up, self._silent)
        self._send(now)

    def acknowledge(self, prack: Request, now: float) -> Response | None:
        """Take a PRACK; return what it acknowledges, None where nothing like that is waiting (481)."""
        expected = (self._number, self._transaction.request.cseq.number, "INVITE")
        if self.unacknowledged is None or rack_of(prack) != expected:
            return None
        self._stop_timers()
        done, self.unacknowledged = self.unacknowledged, None
        self._number += 1
        if self._next is not None and not self._transaction.answered:
            response, self._next = self._next, None
            self.send(response, now)
        return done

    def stop(self) -> None:
        """The INVITE has its final response: nothing is repeated, but a PRACK may still come."""
        self._stop_timers()
        self._next = None

    def _send(self, now: float) -> None:
        if self.unacknowledged is not None and not self._transaction.answered:
            self._transaction.respond(self.unacknowledged, now)
            self._repeat = self._core.timers.start(now + self._interval, self._send)
            self._interval *= 2

    def _silent(self, now: float) -> None:
        self._stop_timers()
        self._on_silence(now)

    def _stop_timers(self) -> None:
        for timer in (self._repeat, self._end):
            if timer is not None:
                timer.cancel()
