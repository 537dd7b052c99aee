"""A server written by hand on loopback: takes SUBSCRIBE, and says what a test has it say."""

import asyncio

from offhook.sip.errors import RemoteError
from offhook.sip.messages.message import Request
from offhook.sip.messages.parser import parse_datagram
from tests.support.sip_alone import answer

_GRANTED = 3600


class Notifier(asyncio.DatagramProtocol):
    """Answers each request with 200, or with ``refuses``; keeps all it got in :attr:`requests`."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[Request] = asyncio.Queue()
        self.statuses: asyncio.Queue[int] = asyncio.Queue()
        self.refuses: int | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._cseq = 0

    async def open(self) -> tuple[str, int]:
        """Listen on loopback."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        ip, port = self._transport.get_extra_info("sockname")[:2]
        return str(ip), int(port)

    def close(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """See asyncio.DatagramProtocol."""
        try:
            message = parse_datagram(data)
        except RemoteError:
            return
        if not isinstance(message, Request):
            self.statuses.put_nowait(message.status)
            return
        more = f"Expires: {message.headers.get('Expires') or _GRANTED}\n"
        self._say(answer(message, self.refuses or 200, tag="n1", more=more), addr)
        self.requests.put_nowait(message)

    def notify(
        self,
        to: tuple[str, int],
        subscribe: Request | None,
        package: str,
        state: str,
        kind: str,
        body: str,
        *,
        tag: str = "n1",
        user: str = "1002",
    ) -> None:
        """Send a NOTIFY, within a subscription or (None) unasked."""
        self._cseq += 1
        local = self._transport.get_extra_info("sockname") if self._transport is not None else ("127.0.0.1", 0)
        target = subscribe.headers.get("From") if subscribe is not None else f"<sip:{user}@pbx.test>"
        call_id = subscribe.call_id if subscribe is not None else f"unasked{self._cseq}"
        data = body.replace("\n", "\r\n")
        self._say(
            f"NOTIFY sip:{user}@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:{local[1]};branch=z9hG4bKn{self._cseq}\n"
            f"Max-Forwards: 70\nFrom: <sip:pbx.test>;tag={tag}\nTo: {target}\nCall-ID: {call_id}\n"
            f"CSeq: {self._cseq} NOTIFY\nContact: <sip:127.0.0.1:{local[1]}>\nEvent: {package}\n"
            f"Subscription-State: {state}\nContent-Type: {kind}\nContent-Length: {len(data)}\n\n",
            to,
            data,
        )

    def say(self, to: tuple[str, int], text: str, body: str = "") -> None:
        """Send a request as it stands."""
        self._say(text, to, body)

    def _say(self, head: str, to: tuple[str, int], body: str = "") -> None:
        if self._transport is not None:
            self._transport.sendto(head.replace("\n", "\r\n").encode() + body.encode(), to)
