"""One subscription of ours: asked for, kept up in every dialog that comes of it, asked for anew (:rfc:`6665`).

::

    TRYING --first NOTIFY--> UP --terminated, lost--> WAITING --retry_in--> TRYING
       |  refused, no NOTIFY within 64*T1               ^  |
       +------------------------------------------------+  +-- rejected, noresource, invariant, 489 ...: ENDED
    any --stop--> ENDED

The answer to a SUBSCRIBE makes no dialog: the NOTIFYs do, and the first may well come before it (4.4.1).
"""

from collections.abc import Callable
from enum import Enum

from offhook.sip.calls.dialog import Dialog
from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import Notified, SubscriptionEnded
from offhook.sip.messages.headers import NameAddr
from offhook.sip.messages.message import Request, Response
from offhook.sip.messages.uri import Uri
from offhook.sip.registrations.account import Account
from offhook.sip.responses import body_of, printable, respond_to
from offhook.sip.subscriptions.packages import Package
from offhook.sip.subscriptions.state import MAX_EXPIRES, EventType, SubscriptionState
from offhook.sip.subscriptions.watch import Watch
from offhook.sip.transactions.client_request import ClientRequest
from offhook.sip.transactions.client_transaction import ClientTransaction
from offhook.sip.transactions.server_transaction import ServerTransaction
from offhook.sip.transactions.timers import Timer

MAX_FORKS = 8
SPINNING = 30.0
# What asking again will not change (section 4.1.3 for reasons of a NOTIFY; the statuses say that it is not known here).
FINAL_REASONS = frozenset({"rejected", "noresource", "invariant"})
FINAL_STATUSES = frozenset({405, 489, 501, 603, 604})
AT_ONCE = frozenset({"deactivated", "timeout", "expired"})
SLOW = frozenset({401, 403, 404, 407, 482, 483})


class Stage(Enum):
    """Where a subscription stands."""

    TRYING = "trying"
    UP = "up"
    WAITING = "waiting"
    ENDED = "ended"


class Subscription:
    """One subscription; ``on_end`` is called when nothing more will come of it. ``expires`` 0 fetches once."""

    def __init__(
        self,
        core: Core,
        key: str,
        account: Account,
        package: Package,
        target: Uri,
        expires: int,
        on_end: Callable[[], None],
    ) -> None:
        self.stage = Stage.TRYING
        self._core = core
        self._key = key
        self._account = account
        self._package = package
        self._target = target
        self._wanted = min(expires, MAX_EXPIRES)
        self._on_end = on_end
        self._watches: dict[str, Watch] = {}
        self._awaited: tuple[str, str] | None = None
        self._granted: int | None = None
        self._cseq = 0
        self._request: ClientRequest | None = None
        self._timer: Timer | None = None
        self._failures = 0
        self._started = 0.0
        self._stopping = False

    # -- asking -------------------------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Subscribe, in a new dialog."""
        self._forget_attempt()
        self.stage = Stage.TRYING
        self._started = now
        self._granted = None
        self._cseq = int(self._core.fraction() * 0x7FFF) + 1
        self._send(now)

    def _send(self, now: float) -> None:
        """Send the first SUBSCRIBE of a dialog to be; each has its own Call-ID and tag."""
        self._forget_attempt()
        to = NameAddr(None, self._target, ())
        request = self._account.request("SUBSCRIBE", self._target, to, self._core.token(16), self._cseq)
        for name, value in (*self._package.headers, ("Expires", str(self._wanted))):
            request.headers.add(name, value)
        self._awaited = (request.call_id, request.from_.tag or "")
        self._core.awaited[self._awaited] = self
        account = self._account
        self._request = ClientRequest(
            self._core, request, account.hop, self, self._next_cseq, account=account, contact=account.contact
        )
        self._request.start(now)

    def _next_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def refresh(self, now: float) -> None:
        """Ask for more time, and so for the whole state, now; once more where that is being waited for."""
        if self.stage is Stage.WAITING:
            self.start(now)
        for watch in list(self._watches.values()):
            watch.upkeep.refresh(now)

    def moved(self, now: float) -> None:
        """Do so whatever is under way: the network is another."""
        if self.stage in (Stage.WAITING, Stage.TRYING) and self._started != now:
            self._disarm()
            self.start(now)
        for watch in list(self._watches.values()):
            watch.upkeep.renew(now)

    def stop(self, now: float) -> None:
        """Give the subscription up; nothing more is heard of it."""
        self._stopping = True
        self._disarm()
        watches = list(self._watches.values())
        for watch in watches:
            watch.upkeep.end(now)
        if not watches:
            self._end()
        else:
            self._forget_attempt()

    # -- the answer ---------------------------------------------------------------------------------------------

    def on_provisional(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: only the final response counts."""

    def on_stray(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """See :class:`~offhook.sip.transactions.client_request.RequestOwner`: cannot happen to a SUBSCRIBE."""

    def on_final(self, attempt: ClientTransaction, response: Response, now: float) -> None:
        """Take the notifier's answer to the first SUBSCRIBE."""
        self._request = None
        if response.status < 300:
            self._accepted(response, now)
        elif response.status == 423 and self._lengthen(response):
            self._cseq += 1
            self._send(now)
        elif not self._watches:  # another fork has accepted: its NOTIFY was here before this refusal
            self._over(response.status, printable(response.reason), response.retry_after, now)

    def on_failed(self, reason: str, now: float) -> None:
        """Nobody answered."""
        self._request = None
        if not self._watches:
            self._over(0, printable(reason), None, now)

    def _accepted(self, response: Response, now: float) -> None:
        granted = min(self._wanted if response.expires is None else response.expires, MAX_EXPIRES)
        self._granted = granted
        for watch in self._watches.values():
            if not watch.told_expires:
                watch.upkeep.extend(granted, now)
        if not self._watches and self.stage is Stage.TRYING:
            self._disarm()
            self._timer = self._core.timers.start(now + self._core.settings.timers.give_up, self._never_notified)

    def _lengthen(self, response: Response) -> bool:
        wanted = response.min_expires
        if wanted is None or not self._wanted < wanted <= MAX_EXPIRES or not self._wanted:
            return False
        self._wanted = wanted
        return True

    def _never_notified(self, now: float) -> None:
        """Timer N (4.1.2.4): a subscription without NOTIFY is none."""
        self._over(0, "no NOTIFY came", None, now)

    # -- NOTIFY -------------------------------------------------------------------------------------------------

    def on_request(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take the first NOTIFY of a dialog; it makes the dialog."""
        tag = request.from_.tag or ""
        crowded = len(self._watches) >= (MAX_FORKS if self._package.forks else 1)
        if request.method != "NOTIFY" or self._stopping or crowded or self._awaited is None:
            respond_to(self._core, transaction, 481, "", now)
            return
        try:
            dialog = Dialog.from_request(request, self._awaited[1], self._cseq)
        except RemoteError as error:
            respond_to(self._core, transaction, error.status, error.reason, now)
            return
        watch = Watch(self._core, dialog, self._account, self._package.headers, self._wanted, self)
        self._watches[tag] = watch
        self.on_notify(watch, request, transaction, now)

    def on_ack(self, request: Request, now: float) -> None:
        """There is no INVITE here."""

    def on_notify(self, watch: Watch, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a NOTIFY of one of the dialogs."""
        refusal = self._unreadable(request)
        if refusal is not None:
            respond_to(self._core, transaction, refusal.status, refusal.reason, now)
            if self.stage is Stage.TRYING:
                self._drop(watch)
            return
        respond_to(self._core, transaction, 200, "", now)
        state = SubscriptionState.of(request)
        self._disarm()
        self.stage = Stage.UP
        if not self._stopping:
            name, kind, body, fork = self._account.name, self._package.name, body_of(request), request.from_.tag or ""
            self._core.emit(Notified(self._key, name, kind, body, state.word, state.reason, fork))
        if state.terminated:
            self._drop(watch)
            self._lost(0, state.reason, state.retry_after, now)
            return
        watch.told_expires = state.expires is not None
        granted = self._wanted if self._granted is None else self._granted
        watch.upkeep.extend(granted if state.expires is None else state.expires, now)

    def _unreadable(self, request: Request) -> RemoteError | None:
        """Return what is wrong with a NOTIFY's headers: 489, 400 or 415 (section 4.1.3)."""
        try:
            if EventType.of(request).package != self._package.name:
                return RemoteError(489, "Bad Event")
            SubscriptionState.of(request)
            kind = request.content_type
        except RemoteError as error:
            return error
        if request.body and kind is not None and kind.name not in self._package.accept:
            return RemoteError(415, "Unsupported Media Type")
        return None

    # -- the end ------------------------------------------------------------------------------------------------

    def on_watch_over(self, watch: Watch, status: int, reason: str, retry_after: int | None, now: float) -> None:
        """See :class:`~offhook.sip.subscriptions.watch.WatchOwner`."""
        self._drop(watch)
        # 481 to a refresh: the notifier has forgotten us, and will know us again when asked anew.
        self._lost(0 if status == 481 else status, "deactivated" if status == 481 else reason, retry_after, now)

    def _drop(self, watch: Watch) -> None:
        watch.close()
        self._watches = {tag: known for tag, known in self._watches.items() if known is not watch}

    def _lost(self, status: int, reason: str, retry_after: int | None, now: float) -> None:
        """Go on while another fork stands."""
        if not self._watches:
            self._over(status, reason, retry_after, now)

    def _over(self, status: int, reason: str, retry_after: int | None, now: float) -> None:
        self._disarm()
        self._forget_attempt()
        if self._stopping:
            self._end()
            return
        retry_in = None if not self._wanted else self._retry_in(status, reason, retry_after, now)
        self._core.emit(SubscriptionEnded(self._key, status, reason, retry_in))
        if retry_in is None:
            self._end()
        else:
            self.stage = Stage.WAITING
            self._timer = self._core.timers.start(now + retry_in, self.start)

    def _retry_in(self, status: int, reason: str, retry_after: int | None, now: float) -> float | None:
        """Return in how many seconds to ask again (4.1.3), None: never."""
        if status in FINAL_STATUSES or reason in FINAL_REASONS:
            return None
        lasted = now - self._started
        if lasted > SPINNING:
            self._failures = 0
        if not status and reason in AT_ONCE and not self._failures:
            self._failures += 1
            return 0.0
        back_off = self._core.settings.back_off
        upper = min(back_off.limit, back_off.base * float(2 ** min(self._failures, 16)))
        if status in SLOW:
            upper = back_off.refused
        self._failures += 1
        return max(upper * (0.5 + 0.5 * self._core.fraction()), float(retry_after or 0))

    def _end(self) -> None:
        self.stage = Stage.ENDED
        self._disarm()
        self._forget_attempt()
        self._on_end()

    def _forget_attempt(self) -> None:
        if self._request is not None:
            self._request.abandon()
            self._request = None
        if self._awaited is not None:
            self._core.awaited.pop(self._awaited, None)
            self._awaited = None

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
