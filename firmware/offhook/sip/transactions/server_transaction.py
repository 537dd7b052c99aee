"""The two server transactions: INVITE (:rfc:`3261#section-17.2.1` with :rfc:`6026`) and the others (17.2.2).

Here PROVISIONAL, SUCCESS and FAILURE are what the transaction's user answers with. Nothing on this side ends at a
transport error: the response may still get through on the next retransmission of the request.
"""

from collections.abc import Callable

from offhook.sip.events import Flow
from offhook.sip.messages.message import Request, Response
from offhook.sip.transactions.timers import TimerQueue, TimerValues
from offhook.sip.transactions.transaction import IGNORE, Do, Input, Machine, State, Transaction, go, stay, table

INVITE_SERVER = Machine(
    name="INVITE server",
    initial=State.PROCEEDING,
    start=(),
    rows=table(
        {
            State.PROCEEDING: {
                Input.REQUEST: stay(Do.SEND),
                Input.ACK: IGNORE,
                Input.PROVISIONAL: stay(Do.SEND),
                Input.SUCCESS: go(State.ACCEPTED, Do.SEND, Do.START_L),
                Input.FAILURE: go(State.COMPLETED, Do.SEND, Do.START_G, Do.START_H),
                Input.TIMER_G: IGNORE,
                Input.TIMER_H: IGNORE,
                Input.TIMER_I: IGNORE,
                Input.TIMER_L: IGNORE,
            },
            State.COMPLETED: {
                Input.REQUEST: stay(Do.SEND),
                Input.ACK: go(State.CONFIRMED, Do.START_I),
                Input.PROVISIONAL: IGNORE,
                Input.SUCCESS: IGNORE,
                Input.FAILURE: IGNORE,
                Input.TIMER_G: stay(Do.SEND, Do.START_G),
                Input.TIMER_H: go(State.TERMINATED),
                Input.TIMER_I: IGNORE,
                Input.TIMER_L: IGNORE,
            },
            State.CONFIRMED: {
                Input.REQUEST: IGNORE,
                Input.ACK: IGNORE,
                Input.PROVISIONAL: IGNORE,
                Input.SUCCESS: IGNORE,
                Input.FAILURE: IGNORE,
                Input.TIMER_G: IGNORE,
                Input.TIMER_H: IGNORE,
                Input.TIMER_I: go(State.TERMINATED),
                Input.TIMER_L: IGNORE,
            },
            State.ACCEPTED: {
                # The core repeats the 2xx until its ACK comes; a repeated INVITE is absorbed.
                Input.REQUEST: IGNORE,
                Input.ACK: stay(Do.DELIVER),
                Input.PROVISIONAL: IGNORE,
                Input.SUCCESS: stay(Do.SEND),
                Input.FAILURE: IGNORE,
                Input.TIMER_G: IGNORE,
                Input.TIMER_H: IGNORE,
                Input.TIMER_I: IGNORE,
                Input.TIMER_L: go(State.TERMINATED),
            },
        }
    ),
)

NON_INVITE_SERVER = Machine(
    name="non-INVITE server",
    initial=State.TRYING,
    start=(),
    rows=table(
        {
            State.TRYING: {
                Input.REQUEST: IGNORE,
                Input.PROVISIONAL: go(State.PROCEEDING, Do.SEND),
                Input.SUCCESS: go(State.COMPLETED, Do.SEND, Do.START_J),
                Input.FAILURE: go(State.COMPLETED, Do.SEND, Do.START_J),
                Input.TIMER_J: IGNORE,
            },
            State.PROCEEDING: {
                Input.REQUEST: stay(Do.SEND),
                Input.PROVISIONAL: stay(Do.SEND),
                Input.SUCCESS: go(State.COMPLETED, Do.SEND, Do.START_J),
                Input.FAILURE: go(State.COMPLETED, Do.SEND, Do.START_J),
                Input.TIMER_J: IGNORE,
            },
            State.COMPLETED: {
                Input.REQUEST: stay(Do.SEND),
                Input.PROVISIONAL: IGNORE,
                Input.SUCCESS: IGNORE,
                Input.FAILURE: IGNORE,
                Input.TIMER_J: go(State.TERMINATED),
            },
        }
    ),
)


class ServerTransaction(Transaction):
    """One request that came in, and the response that repetitions of it get.

    ``send`` puts a response on the wire by the way that the request came. ``on_ack`` is called with an ACK that
    matched after a 2xx (an :rfc:`2543` peer, or one that keeps the branch), ``on_cancel`` with a CANCEL for it;
    ``tag`` is the To tag that its user answers with.
    """

    def __init__(
        self, request: Request, flow: Flow, send: Callable[[bytes], None], values: TimerValues, queue: TimerQueue
    ) -> None:
        machine = INVITE_SERVER if request.method == "INVITE" else NON_INVITE_SERVER
        super().__init__(machine, values, queue, reliable=flow.transport != "udp")
        self.request = request
        self.flow = flow
        self.tag = ""
        self.on_ack: Callable[[Request, float], None] | None = None
        self.on_cancel: Callable[[Request, float], None] | None = None
        self._send = send
        self._last = b""
        self._ack: Request | None = None

    def receive(self, request: Request, now: float) -> None:
        """Take a repetition of the request, or its ACK."""
        if request.method == "ACK":
            self._ack = request
            if self._machine is INVITE_SERVER:
                self.take(Input.ACK, now)
        else:
            self.take(Input.REQUEST, now)

    def respond(self, response: Response, now: float) -> None:
        """Answer; what the state no longer allows is ignored (the first final response stands)."""
        if response.status < 200:
            event = Input.PROVISIONAL
        elif response.status < 300:
            event = Input.SUCCESS
        else:
            event = Input.FAILURE
        if self.state in (State.TRYING, State.PROCEEDING) or (self.state is State.ACCEPTED and event is Input.SUCCESS):
            self._last = bytes(response)
        self.take(event, now)

    @property
    def answered(self) -> bool:
        """True once a final response was given."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def _perform(self, action: Do, now: float) -> None:
        if action is Do.SEND and self._last:
            self._send(self._last)
        elif action is Do.DELIVER and self._ack is not None and self.on_ack is not None:
            self.on_ack(self._ack, now)


# Over an unreliable transport the response to a failed INVITE is repeated by timer G; over a stream G never starts,
# and H alone ends the wait for the ACK.
