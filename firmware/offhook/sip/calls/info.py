"""INFO within a call (:rfc:`6086`): DTMF in the two forms that servers use, one request after the other.

There is no Info Package that we take; what is left is the use from before there were any::

    Content-Type: application/dtmf-relay        Content-Type: application/dtmf

    Signal=5                                    5
    Duration=160
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from offhook.sip.events import Body
from offhook.sip.messages.message import Request, Response
from offhook.sip.responses import Refusal, body_of
from offhook.sip.transactions.client_transaction import ClientTransaction

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
ACCEPTED = (RELAY, PLAIN)
MAX_WAITING = 64
DURATION_MS = 160
_SIGNAL = re.compile(rb"(?im)^[ \t]*Signal[ \t]*=[ \t]*([0-9A-Da-d*#]|1[0-6])[ \t]*\r?$")
_DURATION = re.compile(rb"(?im)^[ \t]*Duration[ \t]*=[ \t]*([0-9]{1,5})[ \t]*\r?$")
_KEYS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key that was pressed: one of ``0123456789*#ABCD``, and for how long, in ms."""

    digit: str
    duration_ms: int = DURATION_MS

    def body(self) -> Body:
        """Return it as it is sent."""
        return Body(RELAY, f"Signal={self.digit}\r\nDuration={self.duration_ms}\r\n".encode())


def read_dtmf(body: Body) -> Dtmf | None:
    """Return the key that an INFO tells of, None where it tells of none."""
    media = body.content_type.split(";")[0].strip().lower()
    if media == PLAIN:
        digit = _digit(body.data.strip())
        return Dtmf(digit) if digit is not None else None
    if media != RELAY:
        return None
    signal, duration = _SIGNAL.search(body.data), _DURATION.search(body.data)
    digit = _digit(signal[1]) if signal is not None else None
    if digit is None:
        return None
    return Dtmf(digit, min(max(int(duration[1]), 40), 5000) if duration is not None else DURATION_MS)


def _digit(text: bytes) -> str | None:
    """Return the key for a character, or for the number of an event: 10 is ``*``, 11 ``#``, 12 to 15 are A to D."""
    word = text.decode("ascii", "replace").upper()
    if word.isdigit() and 10 <= int(word) <= 15:
        return _KEYS[int(word)]
    return word if len(word) == 1 and word in _KEYS else None


def info_refusal(request: Request) -> Refusal | None:
    """Return why an INFO is not taken, None for one that is."""
    if "Info-Package" in request.headers:
        return Refusal(469, "", (("Recv-Info", "nil"),))
    body = body_of(request)
    if body is None:
        return None
    if body.content_type.split(";")[0].strip().lower() not in ACCEPTED:
        return Refusal(415, "", (("Accept", ", ".join(ACCEPTED)),))
    return None if read_dtmf(body) is not None else Refusal(400, "No Such Key")


class Infos:
    """Sends INFOs in their order: the next one when the one before has its answer. Owner of those requests."""

    def __init__(self, send: Callable[[Body, float], None]) -> None:
        self._send = send
        self._waiting: deque[Body] = deque()
        self._busy = False

    def add(self, body: Body, now: float) -> None:
        """Send one, in its turn; beyond :data:`MAX_WAITING` they are dropped."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(body)
        self._go_on(now)

    def stop(self) -> None:
        """Send no more."""
        self._waiting.clear()

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """An INFO has nothing to show on the way."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Whatever it says: the next."""
        self._busy = False
        self._go_on(now)

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to an INFO."""

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered: keys that were pressed so long ago are of no use."""
        self._waiting.clear()
        self._busy = False

    def _go_on(self, now: float) -> None:
        if not self._busy and self._waiting:
            self._busy = True
            self._send(self._waiting.popleft(), now)
