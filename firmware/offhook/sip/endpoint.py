"""A SIP user agent without sockets or clock: bytes and time in, bytes and events out.

::

    wire --receive()--> parser -> transaction layer -> UserAgentServer / ClientRequest -> calls, registrations
    wire <--to_send()-- outbox <-------------------------------------------------------------+
    clock: deadline() says when to call tick(); next_event() is what the application hears

After each call of any method the shell should send what :meth:`Endpoint.to_send` gives, take events until None, and
arm one timer at :meth:`Endpoint.deadline`. A handle that is unknown, because its call ended meanwhile, is no fault.
"""

from collections.abc import Callable

from offhook.sip.calls.called import CalledSide
from offhook.sip.calls.calling import CallingSide
from offhook.sip.calls.transfers import Transfers
from offhook.sip.core import Core, LocalAddress
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.events import (
    Address,
    Body,
    CallRefused,
    Event,
    Flow,
    Target,
    Transmit,
    Transport,
)
from offhook.sip.inbox import Inbox
from offhook.sip.intake import Intake
from offhook.sip.policy.acquaintance import Acquaintance
from offhook.sip.policy.check_sync import CheckSyncDoor
from offhook.sip.registrations.account import Account
from offhook.sip.registrations.lookup import target_uri
from offhook.sip.registrations.registration import Registration, Stage
from offhook.sip.settings import AccountSettings, EndpointSettings
from offhook.sip.subscriptions.reg_watch import RegWatch
from offhook.sip.subscriptions.subscriptions import Subscriptions
from offhook.sip.transactions.transaction import Input
from offhook.sip.uas import UserAgentServer

Headers = tuple[tuple[str, str], ...]


class Endpoint:
    """One user agent with any number of accounts and calls.

    ``random(n)`` gives n random bytes; ``local_address(transport, remote_ip)`` the address and port that we send from
    (UDP) or listen at (streams) towards that address.
    """

    def __init__(self, settings: EndpointSettings, random: Callable[[int], bytes], local_address: LocalAddress) -> None:
        self._core = Core(settings, random, local_address)
        self._accounts: dict[str, Account] = {}
        self._registrations: dict[str, Registration] = {}
        self._calls: dict[str, CallingSide | CalledSide] = {}
        self._server = UserAgentServer(self._core, self._accounts, self._calls)
        self._transfers = Transfers(self._core, self._calls)
        self._subscriptions = Subscriptions(self._core, self._accounts)
        self._reg_watch = RegWatch(self._core, self._registrations, self._subscriptions)
        self._core.outside["NOTIFY"] = CheckSyncDoor(self._core, self._core.outside["NOTIFY"]).on_notify
        self._acquaintance = Acquaintance(self._core, self._accounts)
        self._inbox = Inbox(self._core)
        self._intake = Intake(self._core, self._server, self._lost)

    # -- the wire and the clock ---------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram, or any piece of a stream. Whatever it is, nothing is raised."""
        for registration in self._registrations.values():
            registration.heard(flow.remote[0], now)
        self._intake.receive(data, flow, now)
        self._sweep()

    def flow_opened(self, flow: Flow, now: float) -> None:
        """A stream that a Transmit asked for is connected, or one was accepted."""
        self._core.open_flows.setdefault(flow, now)
        self._server.gate.stream_opened(flow, now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A stream ended, by either side."""
        self._intake.close(flow, now)
        self._sweep()

    def send_failed(self, transport: Transport, remote: Address, reason: str, now: float) -> None:
        """What was sent to ``remote`` cannot arrive: ICMP error, connection refused, reset or timed out."""
        self._core.transactions.failed(transport, remote, Input.SEND_FAILED, now, reason)
        for registration in self._registrations.values():
            registration.unreachable(transport, remote, now)
        self._sweep()

    def to_send(self, now: float) -> list[Transmit]:
        """Return what is to go out, in order; each is returned once."""
        out = list(self._core.outbox)
        self._core.outbox.clear()
        return out

    def deadline(self) -> float | None:
        """Return when :meth:`tick` is due next."""
        return self._core.timers.deadline()

    def tick(self, now: float) -> None:
        """Run the timers that are due."""
        self._core.timers.run(now)
        self._sweep()

    def next_event(self) -> Event | None:
        """Return the oldest event that was not yet taken."""
        return self._core.events.popleft() if self._core.events else None

    def resolved(self, key: str, targets: list[Target], now: float, ttl: float | None = None) -> None:
        """Answer a :class:`~offhook.sip.events.Lookup`, best target first, good for ``ttl`` seconds."""
        self._core.hops.resolved(key, targets, now, ttl)
        self._sweep()

    def unresolvable(self, key: str, reason: str, now: float, ttl: float | None = None) -> None:
        """Answer a Lookup that found nothing; ``ttl``: decidedly nothing, for so many seconds."""
        self._core.hops.unresolvable(key, reason, now, ttl)
        self._sweep()

    @property
    def settled(self) -> bool:
        """True when no call stands, every BYE and CANCEL is answered, and no binding is being removed."""
        removing = any(registration.stage is Stage.REMOVING for registration in self._registrations.values())
        ended = not self._calls and not self._core.dialogs and self._subscriptions.settled
        return ended and not removing

    def _lost(self, flow: Flow, now: float) -> None:
        for registration in self._registrations.values():
            if registration.remote == (flow.transport, flow.remote):
                registration.lost(now)

    def _sweep(self) -> None:
        for handle in [handle for handle, call in self._calls.items() if call.over]:
            del self._calls[handle]
        self._transfers.sweep()

    # -- accounts -----------------------------------------------------------------------------------------------

    def add_account(self, account: AccountSettings) -> None:
        """Make an account known without registering it. Raises LocalError where its settings cannot be read."""
        if account.name not in self._accounts or self._accounts[account.name].settings != account:
            self._accounts[account.name] = Account(account, self._core)

    def register(self, account: AccountSettings, now: float) -> None:
        """Make an account known and, unless its ``register`` is false, keep it registered. Raises LocalError."""
        self.add_account(account)
        if account.register:
            known = self._accounts[account.name]
            registration = self._registrations.get(account.name)
            if registration is None or registration.account is not known:
                if registration is not None:
                    registration.retire()
                registration = self._registrations[account.name] = Registration(self._core, known)
            registration.start(now)
        else:
            self._acquaintance.make(self._accounts[account.name], now)

    def unregister(self, name: str, now: float) -> None:
        """Remove an account's binding; calls by it stay possible."""
        if name in self._registrations:
            self._registrations[name].stop(now)

    def refresh_registration(self, name: str, now: float) -> None:
        """Register at once: the network is back, or somebody lifted the handset."""
        self._core.hops.forget()
        if name in self._registrations:
            self._registrations[name].refresh(now)

    def retry(self, now: float) -> None:
        """Register at once what is not registered: somebody lifted the handset. Each account does so every 4 s."""
        for registration in self._registrations.values():
            registration.hasten(now)

    def network_changed(self, now: float) -> None:
        """Forget flows, lookups and refused streams, and register anew: address, route or link are others now."""
        self._core.forget_network()
        for registration in self._registrations.values():
            registration.moved(now)
        self._subscriptions.refresh(now)

    def server_ip(self, name: str) -> str | None:
        """Return the address that an account is registered at, else the last known of its server, else None."""
        account = self._accounts.get(name)
        return account.server_ip if account is not None else None

    def transport_of(self, name: str) -> Transport | None:
        """Return what an account speaks with its server, whatever the settings leave open; None: no such account."""
        account = self._accounts.get(name)
        return account.transport if account is not None else None

    # -- calls --------------------------------------------------------------------------------------------------

    def call(
        self,
        call: str,
        account: str,
        target: str,
        body: Body | None,
        now: float,
        *,
        headers: Headers = (),
        transport: Transport | None = None,
    ) -> None:
        """Place a call by an account, registered or not; ``call`` is the handle for all that follows.

        ``target`` is any URI; digits alone get the account's domain. A target that cannot be called comes back as
        :class:`CallRefused`. ``transport`` "tcp": over TCP whatever the size, UDP if that fails.
        Raises LocalError for an unknown account, or a handle in use.
        """
        if account not in self._accounts:
            raise LocalError(f"no account named {account!r}: register it first")
        if call in self._calls:
            raise LocalError(f"call handle {call!r} is in use")
        known = self._accounts[account]
        try:
            uri = target_uri(target, known)
        except RemoteError as error:
            self._core.emit(CallRefused(call, 484, f"{target}: {error.reason}", None))
            return
        calling = self._calls[call] = CallingSide(self._core, call, known)
        calling.start(uri, body, headers, transport == "tcp", now)
        self._sweep()

    def judge_redirects(self, may_call: Callable[[str, str], bool]) -> None:
        """Let a 3xx lead only to where ``may_call(target, account name)`` says yes; until then, anywhere."""
        self._core.may_redirect = may_call

    def ring(self, call: str, now: float) -> None:
        """Say 180 to an incoming call."""
        if isinstance(side := self._calls.get(call), CalledSide):
            side.ring(now)

    def early_media(self, call: str, body: Body, now: float) -> None:
        """Say 183 with a session description to an incoming call."""
        if isinstance(side := self._calls.get(call), CalledSide):
            side.early_media(body, now)

    def answer(self, call: str, body: Body | None, now: float) -> None:
        """Say 200 to an incoming call; ``body`` is the answer, or the offer where the INVITE had none."""
        if isinstance(side := self._calls.get(call), CalledSide):
            side.answer(body, now)

    def reject(self, call: str, status: int, reason: str, now: float, headers: Headers = ()) -> None:
        """Refuse an incoming call."""
        if isinstance(side := self._calls.get(call), CalledSide):
            side.reject(status, reason, now, headers)
            self._sweep()

    def hang_up(self, call: str, now: float, reason: str = "") -> None:
        """End a call as its state asks: CANCEL, BYE, or 486. No further event names it.

        ``reason`` is the value of a Reason header (:rfc:`3326`), like ``Q.850;cause=16;text="Normal call clearing"``.
        """
        if (side := self._calls.get(call)) is not None:
            side.hang_up(now, reason)
            self._sweep()

    def reinvite(self, call: str, body: Body | None, now: float) -> None:
        """Offer new media in a call that is up."""
        if (side := self._calls.get(call)) is not None and side.session is not None:
            side.session.reinvite(body, now)

    def update(self, call: str, body: Body | None, now: float) -> None:
        """Offer new media by UPDATE, before the answer too; by re-INVITE where the other side knows no UPDATE."""
        if (side := self._calls.get(call)) is not None and side.session is not None:
            side.session.update(body, now)

    def info(self, call: str, body: Body, now: float) -> None:
        """Send an INFO within a call (:rfc:`6086`); one after the other, in order."""
        if (side := self._calls.get(call)) is not None and side.session is not None:
            side.session.info(body, now)

    def accept_reoffer(self, call: str, body: Body | None, now: float) -> None:
        """Answer a :class:`~offhook.sip.events.CallReoffer`."""
        if (side := self._calls.get(call)) is not None:
            side.accept_reoffer(body, now)

    def reject_reoffer(self, call: str, status: int, now: float) -> None:
        """Refuse a :class:`~offhook.sip.events.CallReoffer`; the session goes on as it was."""
        if (side := self._calls.get(call)) is not None:
            side.reject_reoffer(status, now)

    def respond(
        self, key: str, status: int, reason: str, now: float, headers: Headers = (), body: Body | None = None
    ) -> None:
        """Answer a :class:`~offhook.sip.events.RequestReceived`."""
        self._server.respond(key, status, reason, headers, body, now)

    # -- transfers ----------------------------------------------------------------------------------------------

    def refer(self, call: str, target: str, now: float, *, replaces: str | None = None, quiet: bool = False) -> None:
        """Have the other side of a call that is up call ``target`` (:rfc:`3515`); see TransferProgress.

        ``replaces`` is the handle of a second call, whose other side it then takes over (attended transfer,
        :rfc:`5589#section-7`); ``target`` "": that other side. ``quiet``: no news are wanted (:rfc:`4488`).
        """
        self._transfers.refer(call, target, replaces, quiet, now)

    def accept_transfer(self, key: str, new_call: str, now: float) -> None:
        """Take a TransferRequested; then place ``new_call``, of which the other side is told without further ado."""
        self._transfers.accept(key, new_call, now)

    def refuse_transfer(self, key: str, status: int, now: float) -> None:
        """Refuse a TransferRequested, or say of one that was accepted that its call cannot be placed."""
        self._transfers.refuse(key, status, now)

    # -- events -------------------------------------------------------------------------------------------------

    def subscribe(self, key: str, account: str, package: str, target: str, now: float, expires: int = 3600) -> None:
        """Subscribe and stay subscribed (:rfc:`6665`), or fetch once with ``expires`` 0; see Notified.

        ``package`` is ``message-summary``, ``dialog`` or ``reg``. Raises LocalError for any other, for an unknown
        account, and for a key in use.
        """
        self._subscriptions.subscribe(key, account, package, target, now, expires)

    def renew_subscription(self, key: str, now: float) -> None:
        """Have the notifier tell its whole state again: something it told was missed."""
        self._subscriptions.renew(key, now)

    def unsubscribe(self, key: str, now: float) -> None:
        """Give a subscription up; no further event names it."""
        self._subscriptions.unsubscribe(key, now)

    def close(self, now: float) -> None:
        """End every call, take no new one, remove every binding; :attr:`settled` turns true when that is done."""
        self._server.closing = True
        self._subscriptions.close(now)
        self._transfers.close(now)
        for side in list(self._calls.values()):
            side.hang_up(now)
        for registration in self._registrations.values():
            registration.stop(now)
        self._sweep()
