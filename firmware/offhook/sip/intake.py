"""What comes off the wire: datagrams and pieces of streams become messages, and each goes where it belongs."""

from collections.abc import Callable

from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import CloseFlow, Flow, Transmit
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import KeepAlive, StreamParser, parse_datagram
from offhook.sip.transactions.reply_path import ReplyPath
from offhook.sip.transactions.stun import is_stun, transaction_of
from offhook.sip.transactions.transaction import Input
from offhook.sip.uas import UserAgentServer


class Intake:
    """Parses, and hands requests to the user agent server, responses to their transactions.

    ``on_lost(flow, now)`` is called for a stream after which none to the same place is left.
    """

    def __init__(self, core: Core, server: UserAgentServer, on_lost: Callable[[Flow, float], None]) -> None:
        self._core = core
        self._server = server
        self._on_lost = on_lost
        self._streams: dict[Flow, StreamParser] = {}

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram, or any piece of a stream. Whatever it is, nothing is raised."""
        if not self._server.gate.admits(flow, now):
            if flow.transport != "udp":
                self._hang_up_on(flow, now)
        elif flow.transport != "udp":
            self._piece(data, flow, now)
        elif is_stun(data):
            waiting = self._core.stun.get(transaction_of(data))
            if waiting is not None:
                waiting(data, flow.remote, now)
        elif data.strip(b"\r\n\0"):
            self._datagram(data, flow, now)

    def _datagram(self, data: bytes, flow: Flow, now: float) -> None:
        try:
            self._message(parse_datagram(data, self._core.settings.limits), flow, now)
        except RemoteError as error:
            self._refuse(error, flow)

    def _piece(self, data: bytes, flow: Flow, now: float) -> None:
        parser = self._streams.get(flow)
        if parser is None:
            parser = self._streams[flow] = StreamParser(self._core.settings.limits)
        self._core.open_flows[flow] = now
        parser.feed(data)
        first = True
        while flow in self._streams:
            try:
                message = parser.next()
                if message is None:
                    return
                if not first and not self._server.gate.admits(flow, now):
                    self._hang_up_on(flow, now)
                    return
                first = False
                if isinstance(message, KeepAlive):
                    self._keep_alive(message, flow)
                    continue
                self._server.gate.stream_spoke(flow, now)
                self._message(message, flow, now)
            except RemoteError as error:
                self._refuse(error, flow)
                if error.fatal:
                    self._hang_up_on(flow, now)

    def _keep_alive(self, message: KeepAlive, flow: Flow) -> None:
        """Answer a ping, or note a pong. Two pongs in a row look like a ping: what waits for one comes first."""
        place = (flow.transport, flow.remote)
        if waiting := self._core.pings.get(place, 0):
            self._core.pings[place] = waiting - 1
            self._core.ponged.add(flow)
        elif message is KeepAlive.PING:
            self._core.outbox.append(Transmit(b"\r\n", flow.transport, flow.remote, flow))

    def _hang_up_on(self, flow: Flow, now: float) -> None:
        self.close(flow, now)
        self._core.emit(CloseFlow(flow))

    def _message(self, message: Request | Response, flow: Flow, now: float) -> None:
        if isinstance(message, Request):
            self._server.on_request(message, flow, now)
            return
        transaction = self._core.transactions.client_of(message)
        if transaction is not None:
            transaction.receive(message, now)
            self._server.gate.heard(message, flow)

    def _refuse(self, error: RemoteError, flow: Flow) -> None:
        """Answer a request that could not be read, if enough of it could be."""
        partial = error.partial
        if not error.status or not isinstance(partial, Request) or partial.method == "ACK":
            return
        try:
            path = ReplyPath(self._core, partial, flow)
            strange = not self._server.gate.is_trusted(flow.remote[0])
            path.send(bytes(path.refusal(error.status, error.reason, strange)))
        except RemoteError:
            return  # Not even a Via to answer by.

    def close(self, flow: Flow, now: float) -> None:
        """Take the end of a stream, by either side."""
        self._streams.pop(flow, None)
        self._core.open_flows.pop(flow, None)
        self._core.ponged.discard(flow)
        self._server.gate.stream_closed(flow)
        if not self._core.is_connected(flow.transport, flow.remote):
            self._core.pings.pop((flow.transport, flow.remote), None)
            self._core.transactions.failed(flow.transport, flow.remote, Input.CONNECTION_LOST, now)
            self._on_lost(flow, now)
