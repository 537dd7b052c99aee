"""REGISTER for one account (:rfc:`3261#section-10.2`): kept fresh, tried again for ever, removed at the end.

::

    IDLE --start--> TRYING --2xx--> REGISTERED --before expiry, flow failed, seen elsewhere--> TRYING
                      |  ^
                      v  | 15-30 s, 30-60 s, then 60-120 s (RFC 5626 section 4.5), Retry-After, 403 slower
                    WAITING --link, lift, packet from the server--> TRYING          any --stop--> REMOVING --> IDLE

The binding that the server answers with tells how it sees us: behind a NAT the Contact is written anew and the old
one removed in the same request, unless the server keeps the flow itself (:rfc:`5626`). Registered at a second choice,
the first one has its chance again when its bar ends.
"""

from enum import Enum

from offhook.sip.core import Core
from offhook.sip.events import Address, Registered, RegistrationFailed, Target, Transport, Unregistered
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Response
from offhook.sip.messages.uri import SipUri
from offhook.sip.registrations.account import Account
from offhook.sip.registrations.back_off import RetryClock
from offhook.sip.registrations.binding import Binding
from offhook.sip.registrations.keep_alive import KeepAlive
from offhook.sip.responses import printable
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.targets import place_of
from offhook.sip.transactions.timers import Timer

MAX_EXPIRES = 7 * 24 * 3600
REMOVE_PATIENCE = 3.0
STALE = 2.0
LEAST_REFRESH = 5.0
FIRST_HOP_LACKS_OUTBOUND = 439
AFTER_THE_BAR = 0.1
TOLD = 5.0  # a stream that is made anew within seconds is no news
LEAST_AWAY, MOST_AWAY = 30.0, 600.0
MAX_CAUSE = 1000  # several targets, each with what it said: a certificate's fault alone takes a long line


class Stage(Enum):
    """Where a registration stands."""

    IDLE = "idle"
    TRYING = "trying"
    REGISTERED = "registered"
    WAITING = "waiting"
    REMOVING = "removing"


class Registration:
    """Keeps one account registered."""

    def __init__(self, core: Core, account: Account) -> None:
        self.stage = Stage.IDLE
        self.account = account
        self._core = core
        self._call_id = core.token(16)
        self._cseq = int(core.fraction() * 0x7FFF)
        self._expires = account.settings.expires
        self._clock = RetryClock(core.settings.back_off, core.fraction)
        self._keep_alive = KeepAlive(core, account, self._flow_failed, self.refresh)
        account.on_doubt = self._flow_failed
        self._sent_at = float("-inf")
        self._stands_since: float | None = None
        self._timer: Timer | None = None
        self._homeward: Timer | None = None
        self._request: ClientRequest | None = None
        self._maybe_bound = False
        self._going_home = False
        self._returns = 0
        self._contact = ""
        self._old_contact = ""
        self._settled = False

    @property
    def remote(self) -> tuple[Transport, Address] | None:
        """Where the registration stands."""
        return place_of(self.account.flow) if self.account.flow is not None else None

    @property
    def bound_as(self) -> str:
        """The Contact that stands with the registrar, "" while none does."""
        return self._old_contact

    # -- what makes us register -----------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Register now, whatever was being waited for."""
        if self.stage is Stage.REMOVING:
            self._abandon()
        if self._request is None:
            self._settled = False
            self._send(self._expires, now)

    def refresh(self, now: float) -> None:
        """Register now; a request that has been without answer for a while is given up for the new one."""
        if self._request is not None and now - self._sent_at >= STALE:
            self._abandon()
        self.start(now)

    def hasten(self, now: float) -> None:
        """Register now where that failed before: somebody wants the line."""
        if self.stage is Stage.WAITING and self._clock.may_hurry(self._sent_at, now):
            self.start(now)

    def heard(self, ip: str, now: float) -> None:
        """Take note of a packet from ``ip``: a server that speaks is there again."""
        waiting = self.stage is Stage.WAITING and self.account.is_server(ip)
        if waiting and self._clock.may_answer(self._sent_at, now):
            self.start(now)

    def moved(self, now: float) -> None:
        """Register anew, from a new address perhaps: the network is another."""
        self.account.forget_network()
        self._clock.network_changed(now)
        self._keep_alive.stop()
        if self.stage not in (Stage.IDLE, Stage.REMOVING) and self._sent_at != now:
            self._abandon()
            self.start(now)

    def lost(self, now: float) -> None:
        """The stream that carried the registration closed: register again shortly (:rfc:`5626#section-4.4`)."""
        if self.stage is Stage.REGISTERED:
            self._keep_alive.stop()
            pause = self._broken(now)
            if pause >= TOLD:
                reason = "the server hangs up soon after it took the registration"
                self._core.emit(RegistrationFailed(self.account.name, 0, reason, pause))
            self._wait(pause, now)

    def unreachable(self, transport: Transport, remote: Address, now: float) -> None:
        """Take an ICMP error, or a connection that could not be made, from where the registration stands."""
        if self.remote == (transport, remote) and not self._core.is_connected(transport, remote):
            self._flow_failed("unreachable", now)

    def _flow_failed(self, reason: str, now: float) -> None:
        """Nothing goes by the flow that registered: register again, at once but not in a rage.

        A stream is being closed first; the next request shall not go by it.
        """
        if self.stage is Stage.REGISTERED and self.account.flow is not None:
            self._keep_alive.stop()
            pause = 0.0 if self.account.flow.transport == "udp" else self._broken(now)
            self._wait(max(self._sent_at + STALE - now, pause), now)

    def _broken(self, now: float) -> float:
        """Return how long to wait now that the stream is gone."""
        return self._clock.broken(now - self._stands_since if self._stands_since is not None else 0.0)

    def stop(self, now: float) -> None:
        """Remove the binding (Expires 0), one that may be on its way too; without one there is nothing to remove."""
        self._abandon()
        self._stand_down()
        if not self._maybe_bound:
            self._removed(now)
            return
        self._send(0, now)
        self.stage = Stage.REMOVING
        self._timer = self._core.timers.start(now + REMOVE_PATIENCE, self._removed)

    def retire(self) -> None:
        """Do nothing more: the account's settings have changed, and another registration takes over."""
        self.account.hold(None)
        self._stand_down()
        self._disarm()
        self._abandon()

    # -- the request ----------------------------------------------------------------------------------------------

    def _send(self, expires: int, now: float, keep: bool = True) -> None:
        self._disarm()
        self._sent_at = now
        self._going_home = not keep
        self.stage = Stage.TRYING
        account = self.account
        uri = SipUri(account.uri.scheme, None, None, account.uri.host, account.uri.port, (), ())
        to = NameAddr(None, account.uri, ())
        request = account.request("REGISTER", uri, to, self._call_id, self._next_cseq())
        request.headers.set("Expires", str(expires))
        options = [*request.supported, "path"]
        if account.settings.instance:
            options.append("gruu")
        if account.offers_outbound:
            options.append("outbound")
        request.headers.set("Supported", ", ".join(dict.fromkeys(options)))
        self._request = ClientRequest(
            self._core,
            request,
            account.register_hop,
            self,
            self._next_cseq,
            account=account,
            contact=self._contacts,
            keep=keep,
            via_params=(("keep", None),) if account.settings.keepalive else (),
        )
        self._request.start(now)

    def _next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def _contacts(self, transport: Transport, remote_ip: str) -> str:
        """Return our Contact, with the one that it replaces removed beside it; from here on we may be bound."""
        self._maybe_bound = True
        account = self.account
        self._contact = account.binding(transport, remote_ip)
        # With a reg-id the registrar knows by itself which binding is replaced (RFC 5626 section 6).
        if self._old_contact and not account.has_outbound and not _same_uri(self._old_contact, self._contact):
            return f"{self._contact}, {_bare(self._old_contact)};expires=0"
        return self._contact

    # -- what comes of it -----------------------------------------------------------------------------------------

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Only the final response counts."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to a REGISTER."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the registrar's answer."""
        request, self._request = self._request, None
        if self.stage is Stage.REMOVING:
            self._removed(now)
        elif request is not None and 200 <= response.status < 300 and not request.proven:
            self._failed(0, "the server's answer does not show that it knows the password (rspauth)", 0, now)
        elif request is not None and 200 <= response.status < 300:
            self._accepted(request, attempt, response, now)
        elif response.status == 423 and self._raise_expires(response):
            self._send(self._expires, now)
        elif response.status == FIRST_HOP_LACKS_OUTBOUND and self.account.offers_outbound:
            self.account.offers_outbound = self.account.has_outbound = False
            self._send(self._expires, now)
        elif self._going_home and request is not None and request.target is not None:
            # Up again, but not fit for us yet: stay where we are well, and try later.
            self._core.hops.book.failed(request.target, now, response.retry_after)
            self._send(self._expires, now)
        else:
            self._failed(response.status, response.reason, response.retry_after or 0, now)

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered."""
        self._request = None
        if self.stage is Stage.REMOVING:
            self._removed(now)
        else:
            self._failed(0, reason, 0, now)

    def _accepted(self, request: ClientRequest, attempt: ClientTransaction, response: Response, now: float) -> None:
        sent, account = attempt.transmit, self.account
        target = Target(sent.transport, *sent.remote, name=sent.name, rank=request.target.rank if request.target else 0)
        self._clock.succeeded()
        self._old_contact = self._contact
        binding = Binding.of_response(response, self._contact, account.settings.instance, self._expires)
        account.has_outbound = account.offers_outbound and binding.outbound
        account.public_gruu, account.temporary_gruu = binding.public_gruu, binding.temporary_gruu
        account.take_service_route(binding.service_route, now)
        account.hold(target)
        own = self._core.local_address(sent.transport, sent.remote[0])
        via = response.via
        seen = (via.received or own[0], via.rport or own[1])
        # Who keeps the flow itself needs no Contact that shows the world's view of us.
        changed = not account.has_outbound and account.learn(sent.transport, own, seen)
        if sent.transport == "tls" and not account.has_outbound:
            # Where we do not listen for TLS our end of the connection is known only now that it is up.
            changed |= not _same_uri(self._contact, account.binding(sent.transport, sent.remote[0]))
        self.stage = Stage.REGISTERED
        if self._stands_since is None:
            self._stands_since = now
        if changed and not self._settled:
            self._settled = True  # once a round: a NAT that answers anew each time must not make us spin
            self._send(self._expires, now)
            return
        known = seen if via.received or via.rport else None
        self._keep_alive.start(target, own, known, binding.keeps, binding.keep_interval, now)
        self._core.emit(Registered(account.name, binding.expires))
        expires = min(binding.expires, MAX_EXPIRES)
        margin = min(max(0.1 * expires, 40.0), 0.5 * expires)
        self._arm(max(expires - margin, LEAST_REFRESH), now)
        self._plan_return(target, now)
        account.was_answered(now)

    def _plan_return(self, target: Target, now: float) -> None:
        """Registered at a second choice: try the better ones again when the bar of one ends.

        A server may ask for no bar at all (``Retry-After: 0``) and refuse each time: that makes it wait ever longer.
        """
        if self._homeward is not None:
            self._homeward.cancel()
            self._homeward = None
        hops = self._core.hops
        better = [known for known in hops.natural(self.account.register_hop) if known.rank < target.rank]
        if better:
            least = now + min(LEAST_AWAY * float(1 << min(self._returns, 16)), MOST_AWAY)
            at = max(min(hops.book.free_at(known) for known in better) + AFTER_THE_BAR, least)
            self._homeward = self._core.timers.start(at, self._return)
        else:
            self._returns = 0

    def _return(self, now: float) -> None:
        if self.stage is Stage.REGISTERED:
            self._settled = False
            self._returns += 1
            self._send(self._expires, now, keep=False)

    def _raise_expires(self, response: Response) -> bool:
        """Take a 423's Min-Expires; False when it does not help."""
        wanted = response.min_expires
        if wanted is None or not self._expires < wanted <= MAX_EXPIRES:
            return False
        self._expires = wanted
        return True

    def _failed(self, status: int, reason: str, retry_after: int, now: float) -> None:
        self._stand_down()
        self.account.unbind()
        delay = self._clock.failed(status, retry_after, now)
        self._core.emit(RegistrationFailed(self.account.name, status, printable(reason, MAX_CAUSE), delay))
        self._wait(delay, now)
        self.account.was_answered(now)

    def _wait(self, delay: float, now: float) -> None:
        self.stage = Stage.WAITING
        self._settled = False
        self._stands_since = None
        self._arm(delay, now)

    def _removed(self, now: float) -> None:
        self._disarm()
        self._abandon()
        self._stand_down()
        self._maybe_bound = False
        self._old_contact = ""
        self.account.unbind()
        self.stage = Stage.IDLE
        self._core.emit(Unregistered(self.account.name))

    def _abandon(self) -> None:
        if self._request is not None:
            self._request.abandon()
            self._request = None

    def _stand_down(self) -> None:
        """Keep nothing open, and stay where we are."""
        self._keep_alive.stop()
        if self._homeward is not None:
            self._homeward.cancel()
            self._homeward = None

    def _arm(self, delay: float, now: float) -> None:
        self._disarm()
        self._timer = self._core.timers.start(now + delay, self.start)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _bare(contact: str) -> str:
    """Return a Contact of ours without its parameters."""
    return f"<{NameAddr.parse(contact).uri}>"


def _same_uri(one: str, other: str) -> bool:
    return str(NameAddr.parse(one).uri) == str(NameAddr.parse(other).uri)
