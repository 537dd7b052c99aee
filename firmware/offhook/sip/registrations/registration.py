"""REGISTER for one account (:rfc:`3261#section-10.2`): kept fresh, tried again for ever, removed at the end.

::

    IDLE --start--> TRYING --2xx--> REGISTERED --before expiry--> TRYING
                      |  ^
                      v  | 15-30 s, 30-60 s, then 60-120 s (RFC 5626 section 4.5), Retry-After, 403 slower
                    WAITING          any --stop--> REMOVING --> IDLE

The binding that the server answers with tells how it sees us: behind a NAT the Contact is written anew and the old
one removed in the same request.
"""

import re
from enum import Enum

from offhook.sip.core import Core
from offhook.sip.events import Address, Registered, RegistrationFailed, Transmit, Transport, Unregistered
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Response
from offhook.sip.messages.uri import SipUri
from offhook.sip.registrations.account import Account
from offhook.sip.responses import printable
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.timers import Timer

DELTA = re.compile("[0-9]{1,10}")
REFUSED = frozenset({401, 403, 404, 407})
MAX_RETRY_AFTER = 3600
MAX_EXPIRES = 7 * 24 * 3600
REMOVE_PATIENCE = 3.0
KEEP_ALIVE = 25.0
STALE = 2.0
LEAST_REFRESH = 5.0


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
        self.remote: tuple[Transport, Address] | None = None
        self._core = core
        self._call_id = core.token(16)
        self._cseq = int(core.fraction() * 0x7FFF)
        self._expires = account.settings.expires
        self._failures = 0
        self._sent_at = 0.0
        self._timer: Timer | None = None
        self._keep_alive: Timer | None = None
        self._request: ClientRequest | None = None
        self._bound = False
        self._contact = ""
        self._old_contact = ""
        self._settled = False

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
        """Register now where that failed before."""
        if self.stage is Stage.WAITING and now - self._sent_at >= STALE:
            self.start(now)

    def moved(self, now: float) -> None:
        """Register anew: the network is another."""
        if self.stage not in (Stage.IDLE, Stage.REMOVING):
            self._abandon()
            self.start(now)

    def lost(self, now: float) -> None:
        """The stream that carried the registration closed: register again shortly (:rfc:`5626#section-4.4`)."""
        if self.stage is Stage.REGISTERED:
            self._wait(0.5 + 1.5 * self._core.fraction(), now)

    def stop(self, now: float) -> None:
        """Remove the binding (Expires 0); without one there is nothing to remove."""
        self._abandon()
        if not self._bound:
            self._removed(now)
            return
        self._send(0, now)
        self.stage = Stage.REMOVING
        self._timer = self._core.timers.start(now + REMOVE_PATIENCE, self._removed)

    def retire(self) -> None:
        """Do nothing more: the account's settings have changed, and another registration takes over."""
        self.remote = None
        self._disarm()
        self._abandon()

    def _send(self, expires: int, now: float) -> None:
        self._disarm()
        self._sent_at = now
        self.stage = Stage.TRYING
        uri = SipUri("sip", None, None, self.account.uri.host, self.account.uri.port, (), ())
        to = NameAddr(None, self.account.uri, ())
        request = self.account.request("REGISTER", uri, to, self._call_id, self._next_cseq())
        request.headers.set("Expires", str(expires))
        self._request = ClientRequest(
            self._core,
            request,
            self.account.hop,
            self,
            self._next_cseq,
            account=self.account,
            contact=self._contacts,
        )
        self._request.start(now)

    def _next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def _contacts(self, transport: Transport, remote_ip: str) -> str:
        """Return our Contact, with the one that it replaces removed beside it."""
        self._contact = self.account.contact(transport, remote_ip)
        if self._old_contact and self._old_contact != self._contact:
            return f"{self._contact}, {self._old_contact};expires=0"
        return self._contact

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Only the final response counts."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Cannot happen to a REGISTER."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the registrar's answer."""
        self._request = None
        if self.stage is Stage.REMOVING:
            self._removed(now)
        elif 200 <= response.status < 300:
            self._accepted(attempt, response, now)
        elif response.status == 423 and self._raise_expires(response):
            self._send(self._expires, now)
        else:
            retry_after = min(response.retry_after or 0, MAX_RETRY_AFTER)
            self._failed(response.status, response.reason, retry_after, now)

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered."""
        self._request = None
        if self.stage is Stage.REMOVING:
            self._removed(now)
        else:
            self._failed(0, reason, 0, now)

    def _accepted(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        sent = attempt.transmit
        self.remote = (sent.transport, sent.remote)
        self._bound = True
        self._failures = 0
        self._old_contact = self._contact
        own = self._core.local_address(sent.transport, sent.remote[0])
        via = response.via
        seen = (via.received or own[0], via.rport or own[1])
        changed = self.account.learn(sent.transport, own, seen)
        self._keep_open(sent.remote if sent.transport == "udp" and seen != own else None, now)
        expires = self._granted(response)
        self.stage = Stage.REGISTERED
        if changed and not self._settled:
            self._settled = True  # once a round: a NAT that answers anew each time must not make us spin
            self._send(self._expires, now)
            return
        self._core.emit(Registered(self.account.name, expires))
        margin = min(max(0.1 * expires, 40.0), 0.5 * expires)
        self._arm(max(expires - margin, LEAST_REFRESH), now)

    def _keep_open(self, remote: Address | None, now: float) -> None:
        """Send line breaks to ``remote`` now and then, so that the NAT in between does not forget us."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        if remote is None:
            return

        def send(now: float) -> None:
            if self.remote == ("udp", remote):
                self._core.outbox.append(Transmit(b"\r\n\r\n", "udp", remote))
                self._keep_alive = self._core.timers.start(now + KEEP_ALIVE, send)

        self._keep_alive = self._core.timers.start(now + KEEP_ALIVE, send)

    def _granted(self, response: Response) -> int:
        """Return for how long the registrar keeps our Contact, in seconds (:rfc:`3261#section-10.2.4`)."""
        ours = NameAddr.parse(self._contact).uri
        for contact in response.contacts:
            expires = contact.param("expires") or ""
            if isinstance(ours, SipUri) and ours.equivalent(contact.uri) and DELTA.fullmatch(expires):
                return min(int(expires), MAX_EXPIRES)
        return min(response.expires if response.expires is not None else self._expires, MAX_EXPIRES)

    def _raise_expires(self, response: Response) -> bool:
        """Take a 423's Min-Expires; False when it does not help."""
        wanted = response.min_expires
        if wanted is None or not self._expires < wanted <= MAX_EXPIRES:
            return False
        self._expires = wanted
        return True

    def _failed(self, status: int, reason: str, retry_after: int, now: float) -> None:
        back_off = self._core.settings.back_off
        upper = min(back_off.limit, back_off.base * 2 ** min(self._failures, 16))
        if status in REFUSED:
            upper = back_off.refused
        self._failures += 1
        delay = max(upper * (0.5 + 0.5 * self._core.fraction()), float(retry_after))
        self._core.emit(RegistrationFailed(self.account.name, status, printable(reason), delay))
        self._wait(delay, now)

    def _wait(self, delay: float, now: float) -> None:
        self.stage = Stage.WAITING
        self._settled = False
        self._arm(delay, now)

    def _removed(self, now: float) -> None:
        self._disarm()
        self._abandon()
        self._bound = False
        self._old_contact = ""
        self.remote = None
        self.stage = Stage.IDLE
        self._core.emit(Unregistered(self.account.name))

    def _abandon(self) -> None:
        if self._request is not None:
            self._request.abandon()
            self._request = None

    def _arm(self, delay: float, now: float) -> None:
        self._disarm()
        self._timer = self._core.timers.start(now + delay, self.start)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
