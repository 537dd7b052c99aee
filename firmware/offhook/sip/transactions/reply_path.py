"""The way back of a response (:rfc:`3261#section-18.2`, :rfc:`3581`).

A stream carries the response back while it is open. Over UDP it goes to where the request came from when the client
asked for that (``rport``), else to the same address at the port that it named. ``maddr`` is not followed: it would let
anybody have our responses sent to anybody.
"""

from offhook.sip.core import Core
from offhook.sip.events import Address, Flow, Transmit
from offhook.sip.messages.message import Request, Response
from offhook.sip.responses import REASONS, raw_reply
from offhook.sip.transactions.next_hop import DEFAULT_PORTS


class ReplyPath:
    """Where responses to one request go; making it completes the request's top Via with ``received`` and ``rport``."""

    def __init__(self, core: Core, request: Request, flow: Flow) -> None:
        self._core = core
        self._request = request
        self._flow = flow
        self._back: Address = flow.remote
        self._stamp()

    def _stamp(self) -> None:
        via = self._request.via
        ip, port = self._flow.remote
        wants_port = via.wants_rport
        if not wants_port:
            self._back = (ip, via.port or DEFAULT_PORTS[self._flow.transport])
        if via.host != ip or wants_port:
            via = via.with_param("received", ip)
        if wants_port:
            via = via.with_param("rport", str(port))
        rest = self._request.vias[1:]
        self._request.headers.set("Via", ", ".join(str(hop) for hop in (via, *rest)))

    def send(self, data: bytes) -> None:
        """Put a response on the wire."""
        flow = self._flow
        if flow.transport == "udp":
            self._core.outbox.append(Transmit(data, "udp", self._back))
        elif flow in self._core.open_flows:
            self._core.outbox.append(Transmit(data, flow.transport, flow.remote, flow))
        else:
            via = self._request.via
            back = (flow.remote[0], via.port or DEFAULT_PORTS[flow.transport])
            self._core.outbox.append(Transmit(data, flow.transport, back))

    def refusal(self, status: int, reason: str, strange: bool = False) -> Response:
        """Build a response from a request of which not everything can be read; a stranger gets his 403 for that too."""
        if not strange:
            return raw_reply(self._core, self._request, status, reason)
        response = raw_reply(self._core, self._request, 403, REASONS[403])
        response.headers.remove("Server")
        return response
