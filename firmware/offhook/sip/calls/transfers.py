"""All transfers of one endpoint: REFER and its NOTIFYs within calls, and REFER from a server outside any call.

A dialog outlives its call while a transfer is talked about in it (:rfc:`5057#section-5`): the transferor may hang up
at once and hear of the end all the same.
"""

from collections.abc import Iterator

from offhook.sip.calls.called import CalledSide
from offhook.sip.calls.calling import CallingSide
from offhook.sip.calls.dialog import Dialog, DialogId
from offhook.sip.calls.refer import ReferTo, refer_to, referred_by, target_dialogs, wants_no_news
from offhook.sip.calls.refer_dialog import ReferDialog
from offhook.sip.calls.referred import Referred
from offhook.sip.calls.referring import Referring
from offhook.sip.calls.replaces import Replaces
from offhook.sip.calls.session import Session, Stage
from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.events import Event, Flow, TransferProgress, TransferRequested
from offhook.sip.messages.message import Request
from offhook.sip.messages.uri import SipUri, Uri
from offhook.sip.registrations.account import Account
from offhook.sip.registrations.lookup import target_uri
from offhook.sip.responses import respond_to
from offhook.sip.subscriptions.state import EventType, SubscriptionState
from offhook.sip.transactions.server_transaction import ServerTransaction

MAX_IN_DIALOG = 4
MAX_REFERRED = 16

Headers = tuple[tuple[str, str], ...]


class Transfers:
    """Both sides of REFER."""

    def __init__(self, core: Core, calls: dict[str, CallingSide | CalledSide]) -> None:
        self._core = core
        self._calls = calls
        self._asked: list[Referring] = []
        self._told: dict[str, tuple[Referred, Session | ReferDialog]] = {}
        self._kept: dict[DialogId, Session] = {}
        self._count = 0
        core.methods |= {"REFER": self.on_refer, "NOTIFY": self.on_notify, "SUBSCRIBE": self.on_subscribe}
        core.outside |= {"REFER": self.on_refer_outside, "SUBSCRIBE": self.on_subscribe_outside}
        core.listeners.append(self._watch)

    # -- we transfer --------------------------------------------------------------------------------------------

    def refer(self, call: str, target: str, replaces: str | None, quiet: bool, now: float) -> None:
        """Ask the other side of ``call`` to call ``target``, or whoever the call ``replaces`` is with."""
        session = self._up(call)
        other = self._up(replaces) if replaces is not None else None
        if session is None or (replaces is not None and other is None):
            self._core.emit(TransferProgress(call, 481, "no such call is up", True))
            return
        if session.emergency or (other is not None and other.emergency):
            self._core.emit(TransferProgress(call, 403, "an emergency call is not transferred", True))
            return
        try:
            account = session.account
            uri = target_uri(target, account) if account is not None and target else _party(other)
        except RemoteError as error:
            self._core.emit(TransferProgress(call, 484, error.reason, True))
            return
        if uri is None:
            self._core.emit(TransferProgress(call, 484, "no target", True))
            return
        headers: Headers = (
            ("Refer-To", refer_to(uri, Replaces.of_dialog(other.dialog.id) if other is not None else None)),
            ("Referred-By", f"<{session.dialog.local.uri}>"),
        )
        if quiet:
            headers += (("Refer-Sub", "false"),)
        referring = Referring(self._core, call, session, self._asked.remove)
        self._asked.append(referring)
        referring.start(headers, now)

    def _up(self, call: str) -> Session | None:
        side = self._calls.get(call)
        session = side.session if side is not None else None
        return session if session is not None and session.stage is Stage.UP else None

    def on_notify(self, session: Session, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a NOTIFY within a call: news of a REFER of ours, else 481 (:rfc:`6665#section-4.1.3`)."""
        try:
            event, state = EventType.of(request), SubscriptionState.of(request)
        except RemoteError as error:
            respond_to(self._core, transaction, error.status, error.reason, now)
            return
        if event.package != "refer":
            respond_to(self._core, transaction, 489, "Bad Event", now, (("Allow-Events", "refer"),))
            return
        meant = [one for one in reversed(self._asked) if one.session is session and one.is_meant(event)]
        if not meant:
            respond_to(self._core, transaction, 481, "Subscription Does Not Exist", now)
            return
        meant[0].on_notify(request, transaction, state, now)

    # -- we are transferred -------------------------------------------------------------------------------------

    def on_refer(self, session: Session, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a REFER within a call."""
        call = session.handle
        before = sum(known is session for _, known in self._told.values())
        if call is None or session.stage is not Stage.UP:
            respond_to(self._core, transaction, 481, "", now)
        elif session.emergency:
            respond_to(self._core, transaction, 403, "", now)
        elif before >= MAX_IN_DIALOG:
            respond_to(self._core, transaction, 503, "", now, (("Retry-After", "10"),))
        else:
            contact = session.contact(transaction.flow)
            account = session.account.name if session.account is not None else ""
            tag = session.dialog.id.local_tag
            self._requested(transaction, session, call, account, tag, contact, now)

    def on_refer_outside(
        self, request: Request, flow: Flow, account: Account | None, transaction: ServerTransaction, now: float
    ) -> None:
        """Take a REFER outside any dialog, by the account's server or by who names a call that is up (:rfc:`4538`)."""
        session = self._named(request)
        allowed = account is not None and (session is not None or account.is_server(flow.remote[0]))
        if account is None or not allowed or (session is not None and session.emergency):
            respond_to(self._core, transaction, 403, "", now)
        else:
            self._take_outside(transaction, account, session.handle if session is not None else None, now)

    def _named(self, request: Request) -> Session | None:
        found = (self._core.dialogs.get(dialog) for dialog in target_dialogs(request))
        return next((one for one in found if isinstance(one, Session) and one.stage is Stage.UP and one.handle), None)

    def _take_outside(self, transaction: ServerTransaction, account: Account, call: str | None, now: float) -> None:
        tag, flow = self._core.token(), transaction.flow
        try:
            made = Dialog.from_request(transaction.request, tag, int(self._core.fraction() * 0x7FFF))
        except RemoteError as error:
            respond_to(self._core, transaction, error.status, error.reason, now)
            return
        dialog = ReferDialog(self._core, made, account, lambda *rest: self._subscribed(dialog, *rest))
        contact = account.contact(flow.transport, flow.remote[0])
        self._requested(transaction, dialog, call, account.name, tag, contact, now)

    def _requested(
        self,
        transaction: ServerTransaction,
        dialog: Session | ReferDialog,
        call: str | None,
        account: str,
        tag: str,
        contact: str,
        now: float,
    ) -> None:
        request = transaction.request
        try:
            wanted = ReferTo.of(request)
            if len(self._told) >= MAX_REFERRED:
                raise RemoteError(503, "")
        except RemoteError as error:
            respond_to(self._core, transaction, error.status, error.reason, now)
            if isinstance(dialog, ReferDialog):
                dialog.close()
            return
        self._count += 1
        key = f"t{self._count}"
        referred = Referred(
            self._core,
            transaction,
            dialog,
            tag,
            contact,
            first=all(known is not dialog for _, known in self._told.values()),
            quiet=wants_no_news(request),
            on_end=lambda _: self._forget(key),
        )
        self._told[key] = (referred, dialog)
        # Nobody waits any longer for an answer after that (RFC 4320).
        self._core.timers.start(now + self._core.settings.timers.give_up, lambda t: self._undecided(key, t))
        self._core.emit(TransferRequested(key, call, account, str(wanted.uri), wanted.headers, referred_by(request)))

    def accept(self, key: str, call: str, now: float) -> None:
        """Say that ``call`` is placed for a transfer."""
        if key in self._told:
            self._told[key][0].accept(call, now)

    def refuse(self, key: str, status: int, now: float) -> None:
        """Refuse a transfer, or say that it came to nothing."""
        if key in self._told:
            self._told[key][0].refuse(status, now)

    def _undecided(self, key: str, now: float) -> None:
        if key in self._told and not self._told[key][0].decided:
            self._told[key][0].refuse(603, now)

    def _forget(self, key: str) -> None:
        _, dialog = self._told.pop(key, (None, None))
        if isinstance(dialog, ReferDialog):
            dialog.close()

    def on_subscribe(self, session: Session, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a SUBSCRIBE within a call: to the news of a REFER."""
        self._subscribed(session, request, transaction, now)

    def _subscribed(
        self, dialog: Session | ReferDialog, request: Request, transaction: ServerTransaction, now: float
    ) -> None:
        try:
            event = EventType.of(request)
        except RemoteError as error:
            respond_to(self._core, transaction, error.status, error.reason, now)
            return
        meant = [one for one, known in self._told.values() if known is dialog and one.decided and one.is_meant(event)]
        if event.package != "refer":
            respond_to(self._core, transaction, 489, "Bad Event", now, (("Allow-Events", "refer"),))
        elif not meant:
            respond_to(self._core, transaction, 481, "Subscription Does Not Exist", now)
        else:
            meant[-1].on_subscribe(transaction, now)

    def on_subscribe_outside(
        self, request: Request, flow: Flow, account: Account | None, transaction: ServerTransaction, now: float
    ) -> None:
        """Take a SUBSCRIBE outside any dialog: there is nothing to subscribe to here."""
        respond_to(self._core, transaction, 489, "Bad Event", now, (("Allow-Events", "refer"),))

    def _watch(self, event: Event) -> None:
        """See how the calls fare that transfers have us place; who emits has no clock, so it is told at the next."""
        for referred, _ in list(self._told.values()):
            news = referred.watch(event)
            if news is not None:
                self._tell_soon(referred, *news)

    def _tell_soon(self, referred: Referred, status: int, reason: str) -> None:
        self._core.timers.start(0.0, lambda now: referred.tell(status, reason, now))

    # -- the end ------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Keep dialogs that are still talked in, let go of the others; tell of calls that were given up here."""
        for referred, _ in self._told.values():
            if referred.is_orphan(self._calls):
                self._tell_soon(referred, 487, "Request Terminated")
        talking = {session.dialog.id: session for session in self._sessions()}
        for dialog_id, session in talking.items():
            if dialog_id not in self._core.dialogs:
                self._core.dialogs[dialog_id] = self._kept[dialog_id] = session
        for dialog_id, session in list(self._kept.items()):
            if dialog_id not in talking:
                del self._kept[dialog_id]
                if self._core.dialogs.get(dialog_id) is session:
                    del self._core.dialogs[dialog_id]

    def _sessions(self) -> Iterator[Session]:
        yield from (one.session for one in self._asked)
        yield from (dialog for _, dialog in self._told.values() if isinstance(dialog, Session))

    def close(self, now: float) -> None:
        """Tell and hear no more; what is not decided yet is refused."""
        for referring in list(self._asked):
            referring.end()
        for referred, _ in list(self._told.values()):
            if not referred.decided:
                referred.refuse(480, now)
            referred.close()
        self.sweep()


def _party(other: Session | None) -> Uri | None:
    """Return how to reach who a call is with: the very device where its Contact is a GRUU, else his address.

    A Contact of any other kind may be good for us alone (:rfc:`5589#section-7.3`).
    """
    if other is None:
        return None
    target, party = other.dialog.remote_target, other.dialog.remote.uri
    nameless = isinstance(party, SipUri) and (party.host.endswith(".invalid") or not party.user)
    if nameless or (isinstance(target, SipUri) and target.param("gr") is not None):
        return target
    return party
