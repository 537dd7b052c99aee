"""One request until its final response: next hop, transport, challenges, one target after another.

::

    request -> Hop -> targets -> attempt -> 401/407: again with credentials -> final response
                        ^          | unreachable, silent for 6 s, 503, 430
                        +----------+ next target, new branch; the last one's 430: once more over a new flow

A stream that was up before may have died without a word (a NAT forgot it, the server lost power). A request that gets
no sign of life by such a stream, or sees it break, is sent once more over a new one.

An attempt is one client transaction. One that was given up for the next may still be answered: a late 2xx goes to
:meth:`RequestOwner.on_stray`, a late 1xx gets CANCEL.
"""

from collections.abc import Callable
from dataclasses import replace

from offhook.sip.core import Core
from offhook.sip.events import Target, Transmit, Transport
from offhook.sip.messages.headers import Via
from offhook.sip.messages.message import Request, Response
from offhook.sip.registrations.account import Account
from offhook.sip.transactions.client_transaction import ClientTransaction, derived
from offhook.sip.transactions.flow_renewal import FlowRenewal
from offhook.sip.transactions.next_hop import Hop
from offhook.sip.transactions.request_owner import RequestOwner, Unheard
from offhook.sip.transactions.targets import described
from offhook.sip.transactions.timers import Timer
from offhook.sip.transactions.transaction import State

__all__ = ["ClientRequest", "RequestOwner", "Unheard"]

FLOW_FAILED = 430
UNAVAILABLE = 503


class ClientRequest:
    """Brings one request to an end.

    ``contact(transport, remote_ip)`` gives the Contact, None: no such header. ``stream_first``: over TCP whatever the
    size. ``on_heard`` is called at the first response of any kind, from any target, challenges included. ``keep``
    false: the best target has its chance though another carries the registration. ``via_params`` go into the Via.
    ``lenient``: it belongs to an emergency call (see :class:`Transmit`). ``instead``: where to go while DNS is silent.
    """

    def __init__(
        self,
        core: Core,
        request: Request,
        hop: Hop,
        owner: RequestOwner,
        next_cseq: Callable[[], int],
        *,
        account: Account | None = None,
        contact: Callable[[Transport, str], str] | None = None,
        stream_first: bool = False,
        on_heard: Callable[[], None] | None = None,
        keep: bool = True,
        via_params: tuple[tuple[str, str | None], ...] = (),
        lenient: bool = False,
        instead: list[Target] | None = None,
    ) -> None:
        self._core = core
        self._request = request
        self._hop = hop
        self._owner = owner
        self._next_cseq = next_cseq
        self._account = account
        self._contact = contact
        self._stream_first = stream_first
        self._on_heard = on_heard
        self._keep = keep
        self._via_params = via_params
        self._lenient = lenient
        self._instead = instead or []
        self.target: Target | None = None
        self.proven = True
        self._targets: list[Target] = []
        self._current: ClientTransaction | None = None
        self._fallback: Target | None = None
        self._patience: Timer | None = None
        self._silence: Timer | None = None
        self._on_old_stream = False
        self._renewed = False
        self._cancel_sent: set[str] = set()
        self._cancelled = False
        self._cancel_reason = ""
        self._done = False
        self._failed = False
        self._reasons: list[str] = []
        self._tries = 0
        self._renewal = FlowRenewal(core, account, request.method, lenient)

    @property
    def request(self) -> Request:
        """The request as it was last sent."""
        return self._current.request if self._current is not None else self._request

    def start(self, now: float) -> None:
        """Send it."""
        self._core.hops.find(self._hop, now, self._located, self._keep, self._instead)

    def cancel(self, now: float, reason: str = "") -> None:
        """Give up an INVITE (:rfc:`3261#section-9.1`): CANCEL, once a provisional response allows it.

        ``reason`` is the value of its Reason header (:rfc:`3326`).
        """
        if self._cancelled or self._done:
            return
        self._cancelled = True
        self._cancel_reason = reason
        if self._current is None or self._renewal.waiting:
            self._fail(now)
        elif self._current.state is State.PROCEEDING:
            self._send_cancel(self._current, now)

    def abandon(self) -> None:
        """Tell the owner nothing more; what is on its way runs out by itself."""
        self._done = self._failed = True
        self._rest()
        if self._current is not None and self._current.request.method != "INVITE":
            self._current.quieten()

    def _rest(self) -> None:
        self._renewal.stop()
        for timer in (self._patience, self._silence):
            if timer is not None:
                timer.cancel()

    # -- one target after another ---------------------------------------------------------------------------------

    def _located(self, targets: list[Target], reason: str, now: float) -> None:
        if self._done:
            return
        if (account := self._account) is not None and account.is_own(self._hop):
            account.note_servers(targets)
            if self._request.method != "REGISTER":
                targets = account.with_flow(targets, self._hop, now)
        self._targets = targets
        if not targets:
            self._reasons.append(f"{self._hop.host}: {reason}")
        self._next_target(now)

    def _next_target(self, now: float) -> None:
        self._rest()
        if not self._targets or self._cancelled:
            self._fail(now)
            return
        self.target = self._targets.pop(0)
        self._renewed = False
        self._watch(now)
        self._attempt(self.target, now)

    def _watch(self, now: float) -> None:
        """See that a silent target does not keep us long where there is another."""
        if self._targets:
            patience = self._core.settings.failover_patience
            self._silence = self._core.timers.start(now + patience, self._silent)

    def _give_up_target(self, why: str, now: float) -> None:
        """Note that the target failed; others are tried before it from now on, and the registration looks after it."""
        if self.target is None:
            return
        self._reasons.append(f"{described(self.target)}: {why}")
        self._core.hops.book.failed(self.target, now)
        if self._account is not None and self._request.method != "REGISTER":
            self._account.doubt(self.target, why, now)

    def _silent(self, now: float) -> None:
        """Not even a provisional response in time: leave this target for the next one."""
        attempt = self._current
        if attempt is None or self._done or self._cancelled or (attempt.answered and attempt.waiting):
            return
        attempt.quieten()
        self._give_up_target("no answer", now)
        self._next_target(now)

    # -- one attempt ------------------------------------------------------------------------------------------------

    def _attempt(self, target: Target, now: float, may_stream: bool = True) -> None:
        """Send to ``target``, over TCP where size or wish asks for it (:rfc:`3261#section-18.1.1`)."""
        remote = (target.ip, target.port)
        may_stream = may_stream and target.transport == "udp" and self._core.takes_stream(remote, now)
        streamed = Target("tcp", target.ip, target.port)
        self._fallback = None
        request, transmit = self._dress(streamed if may_stream and self._stream_first else target)
        if may_stream and (self._stream_first or len(transmit.data) > self._core.settings.udp_max):
            self._fallback = target
            if transmit.transport == "udp":
                request, transmit = self._dress(streamed)
        if self._patience is not None:
            self._patience.cancel()
        timers, settings = self._core.timers, self._core.settings
        connected = transmit.transport != "udp" and self._core.is_connected(transmit.transport, remote)
        self._on_old_stream = connected and not self._renewed
        if self._on_old_stream:
            self._patience = timers.start(now + settings.stream_patience, lambda t: self._doubt(now))
        elif self._fallback is not None and not connected:
            self._patience = timers.start(now + settings.tcp_patience, self._impatient)
        self._current = self._core.transactions.send(request, transmit, self, now)

    def _dress(self, target: Target) -> tuple[Request, Transmit]:
        """Return the request with Via, Contact and Route for ``target``, and its bytes with their destination."""
        host, port = self._core.local_address(target.transport, target.ip)
        headers = self._request.headers.copy()
        params = (("rport", None), ("branch", self._core.branch()), *self._via_params)
        headers.prepend("Via", str(Via(target.transport.upper(), host, port, params)))
        if self._contact is not None:
            headers.set("Contact", self._contact(target.transport, target.ip))
        account = self._account
        if account is not None and self._request.to.tag is None:  # in a dialog the route set is not ours to change
            account.follow(headers, self._hop, self.target, target)
        request = Request(self._request.method, self._request.uri, headers, self._request.body)
        if account is not None and account.is_server(target.ip):
            account.authenticator.sign(request)
        owner = account.name if account is not None else ""
        remote = (target.ip, target.port)
        data, lenient = bytes(request), self._lenient
        return request, Transmit(data, target.transport, remote, name=target.name, account=owner, lenient=lenient)

    def _doubt(self, sent: float) -> None:
        """Nothing has come back: have the stream closed, and be told by :meth:`on_unreachable`."""
        attempt = self._current
        if attempt is not None and not attempt.answered:
            self._core.close_silent(attempt.transmit.transport, attempt.transmit.remote, sent)

    def _impatient(self, now: float) -> None:
        """The stream is not up in time: go on over UDP."""
        attempt = self._current
        if attempt is None or attempt.answered or self._core.is_connected("tcp", attempt.transmit.remote):
            return
        self.on_unreachable(attempt, now)

    # -- what comes back ----------------------------------------------------------------------------------------------

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take a response from one of the attempts."""
        if transaction is self._current:
            self._rest()
        if self._on_heard is not None and not self._done:
            heard, self._on_heard = self._on_heard, None
            heard()
        if transaction is not self._current or self._failed:
            self._late(transaction, response, now)
        elif response.status < 200:
            self._owner.on_provisional(transaction, response, now)
            if self._cancelled:
                self._send_cancel(transaction, now)
        elif self._done and not 200 <= response.status < 300:
            return
        elif not self._again(transaction, response, now):
            self._done = True
            self._owner.on_final(transaction, self._judged(response, now), now)

    def _judged(self, response: Response, now: float) -> Response:
        """Take what a final response says besides; one that ends a row of failures tells them all."""
        account, target = self._account, self.target
        if response.status not in (UNAVAILABLE, FLOW_FAILED) and target is not None:
            self._core.hops.book.works(target, now)
        why = ""
        if account is not None and target is not None and account.is_server(target.ip):
            if response.status in (401, 407):
                why = account.authenticator.refusal
            elif response.status < 300:
                self.proven = account.authenticator.accepted(self.request, response)
        if response.status in (UNAVAILABLE, FLOW_FAILED):
            why = self._cause(now, response)
        if not why:
            return response
        reason = f"{response.reason} ({why})" if response.reason else why
        return Response(response.status, reason, response.headers, response.body)

    def _cause(self, now: float, response: Response) -> str:
        before = "; ".join(self._reasons)
        self._unavailable(response, now)
        return "; ".join(self._reasons) if before else ""

    def _unavailable(self, response: Response, now: float) -> None:
        """Note a 503, or a 430; with Retry-After, or to a REGISTER, a 503 counts for other requests too."""
        if self.target is None:
            return
        why = f"{response.status} {response.reason}".strip()
        if response.status == FLOW_FAILED:
            self._give_up_target(why, now)
            return
        self._reasons.append(f"{described(self.target)}: {why}")
        if response.retry_after is not None or self._request.method == "REGISTER":
            self._core.hops.book.failed(self.target, now, response.retry_after)

    def _again(self, attempt: ClientTransaction, response: Response, now: float) -> bool:
        """Try once more where the response asks for it: credentials, the next target after a 503, another flow."""
        if self._cancelled or self._done:
            return False
        if response.status in (401, 407) and self._is_challenge(response):
            self._tries += 1
            self._renumber()
            self._watch(now)
            self._repeat(now)
            return True
        if response.status in (UNAVAILABLE, FLOW_FAILED) and self._targets:
            self._unavailable(response, now)
            self._next_target(now)
            return True
        if response.status == FLOW_FAILED and self.target is not None and self._renewal.helps(self.target):
            self._renewal.begin(self.target, lambda stands, t: self._reflowed(stands, attempt, response, t), now)
            self._unavailable(response, now)  # which has the account register
            return True
        return False

    def _reflowed(self, stands: bool, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Repeat the request over the new flow; where there is none the 430 is what became of it."""
        if self._done:
            return
        if stands:
            self._renumber()
            self.start(now)
        else:
            self._done = True
            self._owner.on_final(attempt, response, now)

    def _renumber(self) -> None:
        headers = self._request.headers.copy()
        headers.set("CSeq", f"{self._next_cseq()} {self._request.method}")
        self._request = Request(self._request.method, self._request.uri, headers, self._request.body)

    def _is_challenge(self, response: Response) -> bool:
        """True for a challenge that comes from the account's own server and can be met."""
        if self._account is None or self._current is None:
            return False
        if not self._account.is_server(self._current.transmit.remote[0]):
            return False
        return self._account.authenticator.challenged(self.request, response, self._tries)

    def _repeat(self, now: float) -> None:
        """Send again to where the last attempt went."""
        if self._current is not None and self.target is not None:
            sent = self._current.transmit
            self._attempt(self._fallback or Target(sent.transport, *sent.remote, name=self.target.name), now)

    def _late(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if transaction.request.method != "INVITE":
            return
        if response.status < 200:
            self._send_cancel(transaction, now)
        elif response.status < 300:
            self._owner.on_stray(transaction, response, now)

    def on_no_answer(self, transaction: ClientTransaction, now: float) -> None:
        """Silence for 64*T1: the next target, if there is one."""
        if transaction is self._current and not self._done:
            self._give_up_target("no answer", now)
            self._next_target(now)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Refused, reset or not connected: the same target by a new stream or over UDP, else the next one."""
        if transaction is not self._current or self._done:
            return
        if self._patience is not None:
            self._patience.cancel()
        if self._on_old_stream and not transaction.answered and not self._cancelled:
            self._renewed = True
            self._repeat(now)
            return
        if self._fallback is not None and not transaction.answered and not self._cancelled:
            self._core.refuse_stream(transaction.transmit.remote, now)
            self._attempt(self._fallback, now, may_stream=False)
            return
        self._give_up_target("connection lost" if transaction.answered else transaction.fault or "unreachable", now)
        if transaction.answered and transaction.request.method == "INVITE":
            self._targets.clear()
        self._next_target(now)

    # -- giving up ----------------------------------------------------------------------------------------------------

    def _send_cancel(self, transaction: ClientTransaction, now: float) -> None:
        branch = transaction.request.via.branch or ""
        if branch in self._cancel_sent:
            return
        self._cancel_sent.add(branch)
        cancel = derived(transaction.request, "CANCEL")
        cancel.headers.set("User-Agent", self._core.settings.user_agent)
        if self._cancel_reason:
            cancel.headers.set("Reason", self._cancel_reason)
        self._core.transactions.send(cancel, replace(transaction.transmit, data=bytes(cancel)), Unheard(), now)
        self._core.timers.start(now + self._core.settings.timers.give_up, lambda t: self._uncancelled(transaction, t))

    def _uncancelled(self, transaction: ClientTransaction, now: float) -> None:
        """64*T1 after the CANCEL without a final response: the INVITE counts as cancelled (9.1)."""
        if not transaction.waiting:
            return
        transaction.abandon(now)
        if transaction is self._current:
            self._fail(now)

    def _fail(self, now: float) -> None:
        self._rest()
        if not self._done:
            self._done = self._failed = True
            self._owner.on_failed("cancelled" if self._cancelled else "; ".join(self._reasons), now)
