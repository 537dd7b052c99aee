"""One endpoint whose other side is written by hand, message by message."""

from random import Random

from offhook.sip.endpoint import Endpoint
from offhook.sip.errors import RemoteError
from offhook.sip.events import Address, Event, Flow, Transmit, Transport
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.parser import parse_datagram
from offhook.sip.settings import AccountSettings, EndpointSettings

HERE: Address = ("10.0.0.1", 5060)
THERE: Address = ("10.0.0.9", 5060)


class Alone:
    """An endpoint at :data:`HERE` with one account, 1001, whose server is at :data:`THERE`."""

    def __init__(self, settings: EndpointSettings | None = None, **account: object) -> None:
        self.now = 1000.0
        self.endpoint = Endpoint(settings or EndpointSettings(), Random(5).randbytes, lambda transport, ip: HERE)
        fields: dict[str, object] = {
            "name": "desk",
            "uri": "sip:1001@pbx.test",
            "user": "1001",
            "password": "secret",
            "server": "10.0.0.9:5060",
            "transport": "udp",
            "register": False,
        }
        self.account = AccountSettings(**(fields | account))  # type: ignore[arg-type]
        self.endpoint.register(self.account, self.now)
        self.sent: list[tuple[float, Transmit]] = []

    def flow(self, transport: Transport = "udp", remote: Address = THERE) -> Flow:
        return Flow(transport, HERE, remote, 0 if transport == "udp" else 1)

    def say(self, text: str | bytes, transport: Transport = "udp", remote: Address = THERE) -> list[Request | Response]:
        """Give the endpoint a message (``\\n`` becomes CRLF); return what it sends for that."""
        data = text if isinstance(text, bytes) else text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        self.endpoint.receive(data, self.flow(transport, remote), self.now)
        return self.heard()

    def heard(self) -> list[Request | Response]:
        """Return what the endpoint wants to send now, parsed."""
        out = self.endpoint.to_send(self.now)
        self.sent.extend((self.now, transmit) for transmit in out)
        return [_read(transmit.data) for transmit in out if transmit.data.strip()]

    def heard_raw(self) -> list[Transmit]:
        """Return what the endpoint wants to send now, as it is."""
        return self.endpoint.to_send(self.now)

    def pass_time(self, seconds: float) -> list[Request | Response]:
        """Let the time pass; return all that is sent meanwhile."""
        end = self.now + seconds
        out = self.heard()
        while (deadline := self.endpoint.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.endpoint.tick(self.now)
            out += self.heard()
        self.now = end
        return out

    def events(self) -> list[Event]:
        """Return the events since the last time."""
        events = []
        while (event := self.endpoint.next_event()) is not None:
            events.append(event)
        return events


def _read(data: bytes) -> Request | Response:
    """Parse what the endpoint sent; an answer may repeat what could not be read in the question."""
    try:
        return parse_datagram(data)
    except RemoteError as error:
        if error.partial is None:
            raise
        return error.partial


def message(
    method: str = "INVITE",
    uri: str = "sip:1001@10.0.0.1",
    *,
    branch: str = "z9hG4bKx1",
    via: str = "SIP/2.0/UDP 10.0.0.9:5060",
    to: str = "<sip:1001@pbx.test>",
    caller: str = "<sip:bob@pbx.test>;tag=b1",
    call_id: str = "c1",
    cseq: int = 1,
    more: str = "",
    body: str = "",
) -> str:
    """Return a request to the endpoint; ``more``: further header lines, each ending in a line break."""
    contact = "" if "Contact:" in more or method in ("ACK", "CANCEL") else "Contact: <sip:bob@10.0.0.9:5060>\n"
    kind = "Content-Type: application/sdp\n" if body and "Content-Type:" not in more else ""
    return (
        f"{method} {uri} SIP/2.0\nVia: {via};branch={branch}\nMax-Forwards: 70\nFrom: {caller}\nTo: {to}\n"
        f"Call-ID: {call_id}\nCSeq: {cseq} {method}\n{contact}{kind}{more}Content-Length: {len(body)}\n\n{body}"
    )


def answer(request: Request | Response, status: int, *, tag: str = "t1", more: str = "", body: str = "") -> str:
    """Return a response to what the endpoint sent."""
    headers = request.headers
    to = headers.get("To") or ""
    to += "" if "tag=" in to or status == 100 else f";tag={tag}"
    kind = "Content-Type: application/sdp\n" if body else ""
    vias = "".join(f"Via: {value}\n" for value in headers.get_all("Via"))
    return (
        f"SIP/2.0 {status} X\n{vias}From: {headers.get('From')}\nTo: {to}\nCall-ID: {headers.get('Call-ID')}\n"
        f"CSeq: {headers.get('CSeq')}\n{kind}{more}Content-Length: {len(body)}\n\n{body}"
    )
