"""The two client transactions: INVITE (:rfc:`3261#section-17.1.1` with :rfc:`6026`) and the others (17.1.2).

``SEND_FAILED`` is an error while the request is being sent (ICMP, refused connection); ``CONNECTION_LOST`` is a stream
that broke later, which a waiting transaction cannot outlive, for nothing would bring the response.
"""

from dataclasses import replace
from typing import Protocol

from offhook.sip.events import Transmit
from offhook.sip.messages.message import Headers, Request, Response
from offhook.sip.transactions.timers import TimerQueue, TimerValues
from offhook.sip.transactions.transaction import IGNORE, Do, Input, Machine, State, Transaction, go, stay, table

INVITE_CLIENT = Machine(
    name="INVITE client",
    initial=State.CALLING,
    start=(Do.SEND, Do.START_A, Do.START_B),
    rows=table(
        {
            State.CALLING: {
                Input.PROVISIONAL: go(State.PROCEEDING, Do.DELIVER),
                Input.SUCCESS: go(State.ACCEPTED, Do.DELIVER, Do.START_M),
                Input.FAILURE: go(State.COMPLETED, Do.SEND_ACK, Do.DELIVER, Do.START_D),
                Input.SEND_FAILED: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.CONNECTION_LOST: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.TIMER_A: stay(Do.SEND, Do.START_A),
                Input.TIMER_B: go(State.TERMINATED, Do.REPORT_TIMEOUT),
                Input.TIMER_D: IGNORE,
                Input.TIMER_M: IGNORE,
            },
            State.PROCEEDING: {
                Input.PROVISIONAL: stay(Do.DELIVER),
                Input.SUCCESS: go(State.ACCEPTED, Do.DELIVER, Do.START_M),
                Input.FAILURE: go(State.COMPLETED, Do.SEND_ACK, Do.DELIVER, Do.START_D),
                Input.SEND_FAILED: IGNORE,
                Input.CONNECTION_LOST: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.TIMER_A: IGNORE,
                Input.TIMER_B: IGNORE,
                Input.TIMER_D: IGNORE,
                Input.TIMER_M: IGNORE,
            },
            State.COMPLETED: {
                Input.PROVISIONAL: IGNORE,
                # A proxy sends on a 2xx that crossed its own failure response: the user ends that call.
                Input.SUCCESS: stay(Do.DELIVER),
                Input.FAILURE: stay(Do.SEND_ACK),
                Input.SEND_FAILED: IGNORE,
                Input.CONNECTION_LOST: IGNORE,
                Input.TIMER_A: IGNORE,
                Input.TIMER_B: IGNORE,
                Input.TIMER_D: go(State.TERMINATED),
                Input.TIMER_M: IGNORE,
            },
            State.ACCEPTED: {
                Input.PROVISIONAL: IGNORE,
                Input.SUCCESS: stay(Do.DELIVER),
                Input.FAILURE: IGNORE,
                Input.SEND_FAILED: IGNORE,
                Input.CONNECTION_LOST: IGNORE,
                Input.TIMER_A: IGNORE,
                Input.TIMER_B: IGNORE,
                Input.TIMER_D: IGNORE,
                Input.TIMER_M: go(State.TERMINATED),
            },
        }
    ),
)

NON_INVITE_CLIENT = Machine(
    name="non-INVITE client",
    initial=State.TRYING,
    start=(Do.SEND, Do.START_E, Do.START_F),
    rows=table(
        {
            State.TRYING: {
                Input.PROVISIONAL: go(State.PROCEEDING, Do.DELIVER),
                Input.SUCCESS: go(State.COMPLETED, Do.DELIVER, Do.START_K),
                Input.FAILURE: go(State.COMPLETED, Do.DELIVER, Do.START_K),
                Input.SEND_FAILED: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.CONNECTION_LOST: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.TIMER_E: stay(Do.SEND, Do.START_E),
                Input.TIMER_F: go(State.TERMINATED, Do.REPORT_TIMEOUT),
                Input.TIMER_K: IGNORE,
            },
            State.PROCEEDING: {
                Input.PROVISIONAL: stay(Do.DELIVER),
                Input.SUCCESS: go(State.COMPLETED, Do.DELIVER, Do.START_K),
                Input.FAILURE: go(State.COMPLETED, Do.DELIVER, Do.START_K),
                Input.SEND_FAILED: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.CONNECTION_LOST: go(State.TERMINATED, Do.REPORT_TRANSPORT),
                Input.TIMER_E: stay(Do.SEND, Do.SLOW_E),
                Input.TIMER_F: go(State.TERMINATED, Do.REPORT_TIMEOUT),
                Input.TIMER_K: IGNORE,
            },
            State.COMPLETED: {
                Input.PROVISIONAL: IGNORE,
                Input.SUCCESS: IGNORE,
                Input.FAILURE: IGNORE,
                Input.SEND_FAILED: IGNORE,
                Input.CONNECTION_LOST: IGNORE,
                Input.TIMER_E: IGNORE,
                Input.TIMER_F: IGNORE,
                Input.TIMER_K: go(State.TERMINATED),
            },
        }
    ),
)


class ClientUser(Protocol):
    """Who started a client transaction, and is told what becomes of it."""

    def on_response(self, transaction: "ClientTransaction", response: Response, now: float) -> None:
        """A response came (each provisional, the final one; of an INVITE also each repeated 2xx)."""

    def on_no_answer(self, transaction: "ClientTransaction", now: float) -> None:
        """No final response within 64*T1."""

    def on_unreachable(self, transaction: "ClientTransaction", now: float) -> None:
        """The request cannot be sent, or the response cannot come."""


class ClientTransaction(Transaction):
    """One request on its way to one target, with the branch that its top Via carries."""

    def __init__(
        self,
        request: Request,
        transmit: Transmit,
        user: ClientUser,
        outbox: list[Transmit],
        values: TimerValues,
        queue: TimerQueue,
    ) -> None:
        machine = INVITE_CLIENT if request.method == "INVITE" else NON_INVITE_CLIENT
        super().__init__(machine, values, queue, reliable=transmit.transport != "udp")
        self.request = request
        self.transmit = transmit
        self.answered = False
        self.fault = ""
        self._user = user
        self._outbox = outbox
        self._response: Response | None = None

    @property
    def waiting(self) -> bool:
        """True until the final response."""
        return self.state in (State.CALLING, State.TRYING, State.PROCEEDING)

    def start(self, now: float) -> None:
        """Send the request for the first time."""
        self._begin(now)

    def quieten(self) -> None:
        """Send the request no more; who answers late is still heard."""
        for timer in (Input.TIMER_A, Input.TIMER_E):
            if timer in self._timers:
                self._timers.pop(timer).cancel()

    def receive(self, response: Response, now: float) -> None:
        """Take a response that matched (:rfc:`3261#section-17.1.3`)."""
        self.answered = True
        self._response = response
        if response.status < 200:
            self.take(Input.PROVISIONAL, now)
        elif response.status < 300:
            self.take(Input.SUCCESS, now)
        else:
            self.take(Input.FAILURE, now)

    def _perform(self, action: Do, now: float) -> None:
        if action is Do.SEND:
            self._outbox.append(self.transmit)
        elif action is Do.SEND_ACK and self._response is not None:
            data = bytes(acknowledgement(self.request, self._response))
            self._outbox.append(replace(self.transmit, data=data))
        elif action is Do.DELIVER and self._response is not None:
            self._user.on_response(self, self._response, now)
        elif action is Do.REPORT_TIMEOUT:
            self._user.on_no_answer(self, now)
        elif action is Do.REPORT_TRANSPORT:
            self._user.on_unreachable(self, now)


def acknowledgement(invite: Request, response: Response) -> Request:
    """Return the ACK for a failure response (:rfc:`3261#section-17.1.1.3`): the INVITE's branch, the response's To."""
    ack = derived(invite, "ACK")
    ack.headers.set("To", response.headers.get("To") or "")
    return ack


def derived(invite: Request, method: str) -> Request:
    """Return the ACK or CANCEL that follows ``invite`` hop by hop: all that tells it apart is the method."""
    headers = Headers()
    headers.add("Via", str(invite.via))
    for route in invite.headers.get_all("Route"):
        headers.add("Route", route)
    headers.add("Max-Forwards", "70")
    for name in ("From", "To", "Call-ID"):
        headers.add(name, invite.headers.get(name) or "")
    headers.add("CSeq", f"{invite.cseq.number} {method}")
    return Request(method, invite.uri, headers, b"")
