"""All subscriptions of one endpoint, and the NOTIFYs that nobody asked for."""

from offhook.sip.core import Core
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.events import Flow, Notified, SubscriptionEnded
from offhook.sip.messages.message import Request
from offhook.sip.registrations.account import Account
from offhook.sip.registrations.lookup import target_uri
from offhook.sip.responses import body_of, respond_to
from offhook.sip.subscriptions.packages import PACKAGES, package
from offhook.sip.subscriptions.state import EventType, SubscriptionState
from offhook.sip.subscriptions.subscription import Subscription
from offhook.sip.transactions.server_transaction import ServerTransaction

MAX_SUBSCRIPTIONS = 256


class Subscriptions:
    """Keeps subscriptions by the key that their caller chose."""

    def __init__(self, core: Core, accounts: dict[str, Account]) -> None:
        self._core = core
        self._accounts = accounts
        self._known: dict[str, Subscription] = {}
        self._ending: set[Subscription] = set()
        core.outside["NOTIFY"] = self.on_unasked

    @property
    def settled(self) -> bool:
        """True when none is being given up still."""
        return not self._ending

    def has(self, key: str) -> bool:
        """Whether a key is in use."""
        return key in self._known

    def subscribe(self, key: str, account: str, name: str, target: str, now: float, expires: int) -> None:
        """Subscribe and stay subscribed; ``expires`` 0 fetches the state once.

        Raises LocalError for an account or package that is not known, for a key in use, or for too many.
        """
        known = self._accounts.get(account)
        if known is None:
            raise LocalError(f"no account named {account!r}: register it first")
        if key in self._known:
            raise LocalError(f"subscription key {key!r} is in use")
        if len(self._known) >= MAX_SUBSCRIPTIONS:
            raise LocalError(f"more than {MAX_SUBSCRIPTIONS} subscriptions: end some")
        kind = package(name)
        try:
            uri = target_uri(target, known)
        except RemoteError as error:
            self._core.emit(SubscriptionEnded(key, 484, f"{target}: {error.reason}", None))
            return
        subscription = Subscription(self._core, key, known, kind, uri, expires, lambda: self._forget(key, subscription))
        self._known[key] = subscription
        subscription.start(now)

    def unsubscribe(self, key: str, now: float) -> None:
        """Give a subscription up; nothing more is heard of it, and its key is free."""
        subscription = self._known.pop(key, None)
        if subscription is not None:
            self._ending.add(subscription)
            subscription.stop(now)

    def renew(self, key: str, now: float) -> None:
        """Ask one notifier for its whole state again."""
        if key in self._known:
            self._known[key].refresh(now)

    def refresh(self, now: float) -> None:
        """Renew all at once: the network has changed, or is back."""
        for subscription in list(self._known.values()):
            subscription.moved(now)

    def close(self, now: float) -> None:
        """Give all of them up."""
        for key in list(self._known):
            self.unsubscribe(key, now)

    def _forget(self, key: str, subscription: Subscription) -> None:
        self._ending.discard(subscription)
        if self._known.get(key) is subscription:
            del self._known[key]

    def on_unasked(
        self, request: Request, flow: Flow, account: Account | None, transaction: ServerTransaction, now: float
    ) -> None:
        """Take a NOTIFY outside any dialog: a server's word on messages counts, everything else gets 481."""
        try:
            event, state = EventType.of(request), SubscriptionState.of(request)
        except RemoteError as error:
            respond_to(self._core, transaction, error.status, error.reason, now, self._events)
            return
        known = PACKAGES.get(event.package)
        if known is None:
            respond_to(self._core, transaction, 489, "Bad Event", now, self._events)
        elif not known.unasked or account is None or not account.is_server(flow.remote[0]):
            respond_to(self._core, transaction, 481, "Subscription Does Not Exist", now)
        else:
            respond_to(self._core, transaction, 200, "", now)
            body = body_of(request)
            self._core.emit(Notified(None, account.name, event.package, body, state.word, state.reason))

    @property
    def _events(self) -> tuple[tuple[str, str], ...]:
        return (("Allow-Events", ", ".join(sorted(PACKAGES))),)
