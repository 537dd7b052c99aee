"""Keeps the way to the registrar open, and notices when it is gone (:rfc:`5626#section-4.4`).

======================  ==========================================================================================
stream                  CRLF CRLF; where the server is known to answer, none within 10 s ends the stream
UDP, agreed             STUN Binding requests; the server agreed by ``outbound``, ``Flow-Timer`` or ``keep``
UDP, nothing agreed     OPTIONS to the registrar: any response tells by ``received`` and ``rport`` how we are seen
UDP, OPTIONS unheard    CRLF CRLF, and behind a NAT the REGISTER itself
======================  ==========================================================================================

A bare CRLF on UDP keeps a NAT's binding but does not notice that it changed, or that the server is down; a STUN request
may disturb a server that never heard of it. OPTIONS is known to all, costs one small request, needs no credentials
(a challenge is an answer too), and finds a new binding within one interval.
"""

from collections.abc import Callable
from enum import Enum

from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import Address, CloseFlow, Target, Transmit
from offhook.sip.messages.headers import NameAddr, Via
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.uri import SipUri
from offhook.sip.registrations.account import Account, same_ip
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.stun import BindingResponse, binding_request
from offhook.sip.transactions.targets import place_of
from offhook.sip.transactions.timers import Timer

PING = b"\r\n\r\n"
PONG_PATIENCE = 10.0
PROBE_PATIENCE = 6.0
STUN_SENDS = (0.0, 0.5, 1.5, 3.5)
STUN_PATIENCE = 6.0


class Way(Enum):
    """How signs of life are asked for."""

    PING = "ping"
    STUN = "stun"
    OPTIONS = "options"
    REGISTER = "register"


class KeepAlive:
    """The keep-alives of one registration.

    ``on_failed(reason, now)``: the flow is dead. ``on_moved(now)``: it leads elsewhere by now, register at once.
    """

    def __init__(
        self,
        core: Core,
        account: Account,
        on_failed: Callable[[str, float], None],
        on_moved: Callable[[float], None],
    ) -> None:
        self.way: Way | None = None
        self._core = core
        self._account = account
        self._on_failed = on_failed
        self._on_moved = on_moved
        self._flow: Target | None = None
        self._seen: Address | None = None
        self._interval = 0.0
        self._agreed = False
        self._heard_options = False
        self._suspect = False
        self._deaf = False
        self._natted = False
        self._probe: ClientTransaction | None = None
        self._stun: bytes | None = None
        self._timers: list[Timer] = []
        self._cseq = 0
        self._call_id = core.token(16)

    def start(
        self, flow: Target, own: Address, seen: Address | None, agreed: bool, wished: float | None, now: float
    ) -> None:
        """Begin anew over ``flow``; ``seen``: where the server saw us; ``wished``: its Flow-Timer or ``keep``, in s."""
        fresh = self._flow is None or place_of(flow) != place_of(self._flow)
        self.stop()
        if fresh:
            self._heard_options = self._deaf = False
        elif self._suspect and not self._heard_options:
            self._deaf = True  # It took the REGISTER, and was silent to OPTIONS.
        self._suspect = False
        self._flow, self._seen, self._agreed = flow, seen, agreed
        self._natted = seen is not None and not (same_ip(seen[0], own[0]) and seen[1] == own[1])
        self._interval = self._account.settings.keepalive
        if not self._interval:
            return
        if flow.transport != "udp":
            self.way = Way.PING
            # A pong may take 10 s: twenty and ten are the thirty that nobody should be out of reach for.
            self._interval *= 0.8
        elif agreed:
            self.way = Way.STUN
        else:
            self.way = Way.REGISTER if self._deaf else Way.OPTIONS
        if wished:
            self._interval = min(self._interval, wished)
        self._arm(now)

    def stop(self) -> None:
        """Send nothing more."""
        self.way = None
        self._forget_probe()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _forget_probe(self) -> None:
        if self._probe is not None:
            self._probe.quieten()
            self._probe = None
        if self._stun is not None:
            self._core.stun.pop(self._stun, None)
            self._stun = None

    def _after(self, delay: float, now: float, action: Callable[[float], None]) -> None:
        self._timers.append(self._core.timers.start(now + delay, action))

    def _arm(self, now: float) -> None:
        """Wait for the next turn, a little less than the interval: 80-100 % of it (:rfc:`5626#section-4.4`)."""
        self._after(self._interval * (0.8 + 0.2 * self._core.fraction()), now, self._turn)

    def _turn(self, now: float) -> None:
        self._timers = [timer for timer in self._timers if timer.action is not None]
        if self.way is Way.PING:
            self._ping(now)
        elif self.way is Way.STUN:
            self._ask_stun(now)
        elif self.way is Way.OPTIONS:
            self._ask_options(now)
        elif self.way is Way.REGISTER:
            self._send(PING)
            if self._natted:
                self._on_moved(now)
            else:
                self._arm(now)

    def _send(self, data: bytes) -> None:
        flow = self._flow
        if flow is not None:
            remote = (flow.ip, flow.port)
            self._core.outbox.append(Transmit(data, flow.transport, remote, name=flow.name, account=self._account.name))

    def _fail(self, reason: str, now: float) -> None:
        self.stop()
        self._on_failed(reason, now)

    # -- streams ------------------------------------------------------------------------------------------------

    def _ping(self, now: float) -> None:
        if self._flow is not None:
            self._core.pings[place_of(self._flow)] = 1
        self._send(PING)
        self._arm(now)
        self._after(PONG_PATIENCE, now, lambda t: self._miss_pong(now, t))

    def _miss_pong(self, sent: float, now: float) -> None:
        """Look for anything that came since ``sent``; silence counts where the server is known to answer pings."""
        flow = self._flow
        if flow is None or self.way is not Way.PING:
            return
        streams = self._core.streams_to(flow.transport, (flow.ip, flow.port))
        if any(self._core.open_flows[stream] >= sent for stream in streams):
            return
        if self._agreed or any(stream in self._core.ponged for stream in streams):
            for stream in streams:
                self._core.emit(CloseFlow(stream))
            self._fail("no answer to a ping", now)

    # -- STUN ---------------------------------------------------------------------------------------------------

    def _ask_stun(self, now: float) -> None:
        self._stun = bytes.fromhex(self._core.token(12))
        self._core.stun[self._stun] = self._on_stun
        data = binding_request(self._stun)
        for delay in STUN_SENDS:
            if delay:
                self._after(delay, now, lambda t: self._send(data))
            else:
                self._send(data)
        self._after(STUN_PATIENCE, now, lambda t: self._fail("no answer to STUN", t))

    def _on_stun(self, data: bytes, remote: Address, now: float) -> None:
        try:
            response = BindingResponse.parse(data)
        except RemoteError:
            return
        if self._flow is None or remote != (self._flow.ip, self._flow.port):
            return
        self._quiet()
        if response.error:
            self._fail(f"STUN error {response.error}", now)
        elif response.mapped is not None:
            self._compare(response.mapped, now)
        else:
            self._arm(now)

    # -- OPTIONS ------------------------------------------------------------------------------------------------

    def _ask_options(self, now: float) -> None:
        flow, account = self._flow, self._account
        if flow is None:
            return
        uri = SipUri("sip", None, None, account.uri.host, account.uri.port, (), ())
        self._cseq += 1
        request = account.request("OPTIONS", uri, NameAddr(None, uri, ()), self._call_id, self._cseq)
        host, port = self._core.local_address(flow.transport, flow.ip)
        via = Via(flow.transport.upper(), host, port, (("rport", None), ("branch", self._core.branch())))
        request.headers.prepend("Via", str(via))
        remote = (flow.ip, flow.port)
        transmit = Transmit(bytes(request), flow.transport, remote, name=flow.name, account=account.name)
        self._after(PROBE_PATIENCE, now, self._unheard)
        self._probe = self._core.transactions.send(request, transmit, _Probe(self, request), now)

    def _unheard(self, now: float) -> None:
        self._suspect = True
        self._fail("no answer to OPTIONS", now)

    def answered(self, request: Request, via: Via, now: float) -> None:
        """Take any response to OPTIONS."""
        if self._probe is None or self._probe.request is not request:
            return
        self._probe = None
        self._quiet()
        self._heard_options = True
        sent = request.via
        self._compare((via.received or sent.host, via.rport or sent.port or 0), now)

    def unreachable(self, request: Request, fault: str, now: float) -> None:
        """Take an ICMP error for OPTIONS."""
        if self._probe is not None and self._probe.request is request:
            self._probe = None
            self._fail(fault or "unreachable", now)

    def _quiet(self) -> None:
        """The answer is there: nothing more of this turn."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._forget_probe()

    def _compare(self, seen: Address, now: float) -> None:
        """Has a NAT given us another address since the REGISTER?"""
        before = self._seen
        if before is None or (same_ip(before[0], seen[0]) and before[1] == seen[1]):
            self._seen = seen
            self._arm(now)
        else:
            self.stop()
            self._on_moved(now)


class _Probe:
    """Transaction user of one OPTIONS."""

    def __init__(self, keep_alive: KeepAlive, request: Request) -> None:
        self._keep_alive = keep_alive
        self._request = request

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Any response will do, a provisional one too."""
        self._keep_alive.answered(self._request, response.via, now)

    def on_no_answer(self, transaction: ClientTransaction, now: float) -> None:
        """Noticed long before."""

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """The server's port is closed, or there is no way to it."""
        self._keep_alive.unreachable(self._request, transaction.fault, now)
