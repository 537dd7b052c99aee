"""Finds the transaction of each message that comes in (:rfc:`3261#section-17.1.3` and 17.2.3), and caps their number.

A branch with the magic cookie, the sent-by beside it and the method make a key. For peers after :rfc:`2543`, whose
branch says nothing, the key is made of Request-URI, From tag, Call-ID, CSeq number and the whole top Via; their ACK
has the same ones as its INVITE.
"""

from collections.abc import Callable

from offhook.sip.events import Address, Flow, Transmit, Transport
from offhook.sip.messages.headers import Via
from offhook.sip.messages.message import Request, Response
from offhook.sip.transactions.client_transaction import ClientTransaction, ClientUser
from offhook.sip.transactions.next_hop import DEFAULT_PORTS
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import TimerQueue, TimerValues
from offhook.sip.transactions.transaction import Input

MAGIC = "z9hG4bK"
Key = tuple[str, ...]


def sent_by(via: Via) -> str:
    """Return host and port of a Via, comparable: lower case, the default port filled in."""
    port = via.port or DEFAULT_PORTS["tls" if via.transport.lower() == "tls" else "udp"]
    return f"{via.host.lower()}:{port}"


def server_key(request: Request, method: str | None = None) -> Key:
    """Return the key under which a request, its repetitions and its ACK meet; ``method`` for a CANCEL's INVITE."""
    via = request.via
    name = method or ("INVITE" if request.method == "ACK" else request.method)
    branch = via.branch or ""
    if branch.startswith(MAGIC) and len(branch) > len(MAGIC):
        return (name, branch, sent_by(via))
    from_tag = request.from_.tag or ""
    return (name, str(request.uri), from_tag, request.call_id, str(request.cseq.number), str(via))


def merge_key(request: Request) -> Key:
    """Return what two branches of one forked request have in common (:rfc:`3261#section-8.2.2.2`)."""
    return (request.method, request.call_id, request.from_.tag or "", str(request.cseq.number))


class TransactionLayer:
    """All transactions of one endpoint."""

    def __init__(self, values: TimerValues, queue: TimerQueue, outbox: list[Transmit], limit: int) -> None:
        self._values = values
        self._queue = queue
        self._outbox = outbox
        self._limit = limit
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._merged: dict[Key, Key] = {}

    @property
    def full(self) -> bool:
        """True when no further request from outside a dialog should be given a transaction."""
        return len(self._servers) >= self._limit

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def send(self, request: Request, transmit: Transmit, user: ClientUser, now: float) -> ClientTransaction:
        """Start a client transaction for a request that carries its top Via."""
        key = (request.method, request.via.branch or "", sent_by(request.via))
        client = ClientTransaction(request, transmit, user, self._outbox, self._values, self._queue)
        self._clients[key] = client
        client.on_end = lambda: self._drop_client(key, client)
        client.start(now)
        return client

    def client_of(self, response: Response) -> ClientTransaction | None:
        """Return whose response this is; None: not ours, or long over."""
        via = response.via
        return self._clients.get((response.cseq.method, via.branch or "", sent_by(via)))

    def accept(self, request: Request, flow: Flow, send: Callable[[bytes], None]) -> ServerTransaction:
        """Open a server transaction for a request that matched none."""
        key, merge = server_key(request), merge_key(request)
        server = ServerTransaction(request, flow, send, self._values, self._queue)
        self._servers[key] = server
        self._merged.setdefault(merge, key)
        server.on_end = lambda: self._drop_server(key, merge, server)
        return server

    def server_of(self, request: Request) -> ServerTransaction | None:
        """Return the transaction of which a request is a repetition, or the ACK."""
        return self._servers.get(server_key(request))

    def cancelled_by(self, cancel: Request) -> ServerTransaction | None:
        """Return the INVITE that a CANCEL means (:rfc:`3261#section-9.2`)."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, request: Request) -> bool:
        """True when a request came by a second path while the first one's transaction lives (8.2.2.2)."""
        return self._merged.get(merge_key(request), server_key(request)) != server_key(request)

    def is_loop(self, request: Request) -> bool:
        """True when a request of our own came back to us: a Via below the top has a branch that we made."""
        return any(
            (request.method, via.branch or "", sent_by(via)) in self._clients for via in request.vias[1:] if via.branch
        )

    def sends_to(self, ip: str) -> bool:
        """True while a request of ours to this address waits for its answer."""
        return any(client.transmit.remote[0] == ip for client in self._clients.values())

    def failed(self, transport: Transport, remote: Address, event: Input, now: float, fault: str = "") -> None:
        """Tell every client transaction that sends to ``remote`` that it cannot (SEND_FAILED or CONNECTION_LOST)."""
        for client in list(self._clients.values()):
            if client.transmit.transport == transport and client.transmit.remote == remote:
                client.fault = fault
                client.take(event, now)

    def _drop_client(self, key: Key, client: ClientTransaction) -> None:
        if self._clients.get(key) is client:
            del self._clients[key]

    def _drop_server(self, key: Key, merge: Key, server: ServerTransaction) -> None:
        if self._servers.get(key) is server:
            del self._servers[key]
        if self._merged.get(merge) == key:
            del self._merged[merge]
