"""What the calls, registrations and requests of one endpoint share: settings, timers, tokens, the two queues."""

from collections import deque
from collections.abc import Callable
from hashlib import blake2s
from typing import TYPE_CHECKING, Protocol

from offhook.sip.calls.dialog import DialogId
from offhook.sip.events import Address, CloseFlow, Event, Flow, Transmit, Transport
from offhook.sip.messages.message import Request, Response
from offhook.sip.settings import EndpointSettings
from offhook.sip.transactions.next_hop import NextHops
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import TimerQueue
from offhook.sip.transactions.transaction_layer import MAGIC, TransactionLayer

if TYPE_CHECKING:
    from offhook.sip.calls.session import Session
    from offhook.sip.registrations.account import Account

ALLOW = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO")
SUPPORTED: tuple[str, ...] = ("100rel", "timer", "from-change", "norefersub", "replaces", "tdialog", "answermode")
REMEMBER_REFUSED = 3600.0

LocalAddress = Callable[[str, str], Address]
# Takes a request of one method within a dialog, and answers it in its transaction: now or later, once.
DialogMethod = Callable[["Session", Request, ServerTransaction, float], None]
# The same outside a dialog, from who is let in: where it came from, and for which account (None: any user).
OutsideMethod = Callable[[Request, Flow, "Account | None", ServerTransaction, float], None]

# Takes a STUN message, and the address that it came from.
OnStun = Callable[[bytes, Address, float], None]


class InDialog(Protocol):
    """Who takes requests that belong to a dialog."""

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """A request other than ACK, in its own transaction."""

    def on_ack(self, request: Request, now: float) -> None:
        """An ACK for a 2xx."""


class Core:
    """The shared middle of an endpoint; everything that can be told apart is elsewhere."""

    def __init__(self, settings: EndpointSettings, random: Callable[[int], bytes], local_address: LocalAddress) -> None:
        self.settings = settings
        self.local_address = local_address
        self.timers = TimerQueue()
        self.outbox: list[Transmit] = []
        self.events: deque[Event] = deque()
        self.transactions = TransactionLayer(settings.timers, self.timers, self.outbox, settings.max_transactions)
        self.hops = NextHops(self.emit, self.timers)
        self.dialogs: dict[DialogId, InDialog] = {}
        self.awaited: dict[tuple[str, str], InDialog] = {}  # by Call-ID and our tag: a NOTIFY will make the dialog
        self.listeners: list[Callable[[Event], None]] = []  # who sees each event as it is queued
        self.methods: dict[str, DialogMethod] = {}  # beyond those that calls take themselves; they count as allowed
        self.outside: dict[str, OutsideMethod] = {}  # what is taken outside a dialog; the same
        self.open_flows: dict[Flow, float] = {}  # each stream that is up, and when it last brought something
        self.pings: dict[tuple[Transport, Address], int] = {}  # pings of ours that wait for their pong
        self.ponged: set[Flow] = set()  # the streams by which a ping was answered
        self.stun: dict[bytes, OnStun] = {}  # who waits for the answer to a STUN request, by its transaction id
        # Whether a 3xx may lead to a target, by an account's name.
        self.may_redirect: Callable[[str, str], bool] = lambda target, account: True
        self._random = random
        self._secret = random(16)
        self._refused: dict[Address, float] = {}

    def emit(self, event: Event) -> None:
        """Queue an event for the application."""
        self.events.append(event)
        for listener in self.listeners:
            listener(event)

    def dialog_of(self, request: Request) -> InDialog | None:
        """Return who takes a request with a To tag, None: no dialog of ours."""
        dialog_id = DialogId.of_request(request)
        known = self.dialogs.get(dialog_id)
        if known is None and request.method == "NOTIFY":
            known = self.awaited.get((dialog_id.call_id, dialog_id.local_tag))
        return known

    def token(self, size: int = 8) -> str:
        """Return ``2 * size`` random hex digits, for tags, branches and Call-IDs."""
        return self._random(size).hex()

    def branch(self) -> str:
        """Return a new branch (:rfc:`3261#section-8.1.1.7`)."""
        return MAGIC + self.token()

    def steady_tag(self, request: Request) -> str:
        """Return a To tag that a repetition of ``request`` gets as well, though nothing is remembered of it."""
        parts = (request.call_id, request.headers.get("From") or "", request.headers.get("CSeq") or "")
        return blake2s("\n".join(parts).encode("utf-8", "surrogateescape"), key=self._secret, digest_size=8).hexdigest()

    def fraction(self) -> float:
        """Return a random number, 0 <= x < 1."""
        return int.from_bytes(self._random(4), "big") / 2**32

    def is_connected(self, transport: Transport, remote: Address) -> bool:
        """True while a stream to ``remote`` is up."""
        return bool(self.streams_to(transport, remote))

    def close_silent(self, transport: Transport, remote: Address, since: float) -> None:
        """Ask for the streams to ``remote`` to be closed where none has brought anything since ``since``."""
        flows = self.streams_to(transport, remote)
        if all(self.open_flows[flow] <= since for flow in flows):
            for flow in flows:
                self.emit(CloseFlow(flow))

    def streams_to(self, transport: Transport, remote: Address) -> list[Flow]:
        """Return the streams to ``remote`` that are up."""
        return [flow for flow in self.open_flows if flow.transport == transport and flow.remote == remote]

    def refuse_stream(self, remote: Address, now: float) -> None:
        """Remember for an hour that ``remote`` takes no TCP."""
        if len(self._refused) > 256:
            self._refused.clear()
        self._refused[remote] = now + REMEMBER_REFUSED

    def takes_stream(self, remote: Address, now: float) -> bool:
        """False while ``remote`` is remembered as taking no TCP."""
        return self._refused.get(remote, 0.0) <= now

    def forget_network(self) -> None:
        """Drop what was true of the network that we were in."""
        self.hops.forget()
        self.hops.book.forget()
        self._refused.clear()

    @property
    def allowed(self) -> tuple[str, ...]:
        """The methods that we take, for Allow."""
        return (*ALLOW, *sorted({*self.methods, *self.outside, *self.settings.deliver}.difference(ALLOW)))

    def describe(self, message: Request | Response) -> None:
        """Add the headers that say what we are: User-Agent or Server, Allow, Supported."""
        headers = message.headers
        headers.set("User-Agent" if isinstance(message, Request) else "Server", self.settings.user_agent)
        headers.set("Allow", ", ".join(self.allowed))
        if SUPPORTED:
            headers.set("Supported", ", ".join(SUPPORTED))
