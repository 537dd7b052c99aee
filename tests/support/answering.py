"""The phone as an answering machine: every call that may be answered by itself is, at once, however many there are.

A person has one ear, so the phone machine takes one call at a time; this leaves the machine out, and nothing else.

::

    python -m tests.support.answering run --config ... --board ...
"""

import sys
from contextlib import suppress

from offhook.cli import main
from offhook.daemon import build
from offhook.engine.agent import Agent
from offhook.engine.leg import Leg
from offhook.errors import OffhookError
from offhook.sip.events import IncomingCall

BUSY_HERE = 486


class AnsweringAgent(Agent):
    """Answers, and tells the phone machine nothing."""

    def incoming(self, event: IncomingCall) -> None:
        """See :class:`Agent`."""
        leg = Leg(
            event.call, event.call, "in", str(event.peer.uri), event.account or "", False, self, offered=event.body
        )
        if not self._legs.admit(leg):
            return
        if event.caller is None or not event.caller.auto_answer:
            self._legs.reject(leg, BUSY_HERE)
            return
        with suppress(OffhookError):  # refused already
            self._legs.answer(leg)


if __name__ == "__main__":
    build.Agent = AnsweringAgent  # type: ignore[misc]
    sys.exit(main(sys.argv[1:]))
