"""The door: who is trusted, what a stranger gets, and how often anybody may speak.

Trusted are the addresses of the accounts' servers, the networks that the settings list, and whoever a dialog is up
with, for as long as it is up. Beyond addresses, a request with the tags of a live dialog is let in from anywhere: a
caller behind a proxy that does not record-route sends ACK and BYE itself, a proxy may move, and 64 random bits of tag
are no guess. The same holds for what repeats, acknowledges or cancels a request that came from that address before.

A stranger hears the same whatever he asks for, computed in the same way: 403, or a bare 200 for OPTIONS.
"""

from collections import OrderedDict
from enum import Enum
from ipaddress import ip_address

from offhook.sip.calls.dialog import DialogId
from offhook.sip.core import Core
from offhook.sip.events import CloseFlow, Flow
from offhook.sip.messages.message import Request, Response
from offhook.sip.policy.rate import SourceLimiter, source_of
from offhook.sip.registrations.account import Account

TRUSTED_SHARE = 100.0
TRUSTED_LEAST = 50.0  # messages a second: however little strangers may say, a server must be heard
BURST_S = 2.0
MAX_PEERS = 256
MAX_STRANGERS = 16
MAX_PER_STRANGER = 4
IDLE_S = 32.0


class Verdict(Enum):
    """What becomes of a request."""

    TAKE = "it is let in"
    GREET = "a stranger's OPTIONS: a bare 200"
    REFUSE = "a stranger's request: 403"
    IGNORE = "a stranger's ACK: nothing"


class Gate:
    """Stands before the user agent server. It keeps a bounded memory of whoever comes."""

    def __init__(self, core: Core, accounts: dict[str, Account]) -> None:
        settings = core.settings
        self._core = core
        self._accounts = accounts
        share = max(settings.rate_limit * TRUSTED_SHARE, TRUSTED_LEAST) if settings.rate_limit else 0.0
        self._strangers, self._friends = (SourceLimiter(rate, rate * BURST_S) for rate in (settings.rate_limit, share))
        self._peers: OrderedDict[str, dict[DialogId, None]] = OrderedDict()
        self._streams: dict[Flow, float] = {}  # strangers', and when each brought its last message

    # -- who ------------------------------------------------------------------------------------------------------

    def is_server(self, ip: str) -> bool:
        """True for an address of any account's server."""
        return any(account.is_server(ip) for account in self._accounts.values())

    def is_peer(self, ip: str) -> bool:
        """True while a dialog is up with whoever speaks from this address."""
        dialogs = self._peers.get(ip)
        return dialogs is not None and any(dialog in self._core.dialogs for dialog in dialogs)

    def is_trusted(self, ip: str) -> bool:
        """True where requests from this address are let in."""
        return self._core.settings.accept_from == "any" or self._is_friend(ip)

    def _is_friend(self, ip: str) -> bool:
        return self.is_server(ip) or self.is_peer(ip) or self._is_listed(ip)

    def _is_listed(self, ip: str) -> bool:
        settings = self._core.settings
        if settings.accept_from != "listed":
            return False
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        return any(address.version == network.version and address in network for network in settings.listed)

    # -- what he may ----------------------------------------------------------------------------------------------

    def verdict(self, request: Request, flow: Flow) -> Verdict:
        """Judge a request. Raises RemoteError where its To, From or Via cannot be read."""
        if self._in_dialog(request, flow) or self.is_trusted(flow.remote[0]) or self._is_known(request, flow):
            return Verdict.TAKE
        if request.method == "ACK":
            return Verdict.IGNORE
        return Verdict.GREET if request.method == "OPTIONS" else Verdict.REFUSE

    def may_auto_answer(self, account: Account | None, flow: Flow) -> bool:
        """Whether a call that asks for it is answered by itself: where the account allows it, from its server."""
        return account is not None and account.settings.auto_answer and account.is_server(flow.remote[0])

    def heard(self, response: Response, flow: Flow) -> None:
        """Take a response to a request of ours: who answers within a dialog is its peer."""
        if response.to.tag:
            self._note(DialogId(response.call_id, response.from_.tag or "", response.to.tag), flow.remote[0])

    def _in_dialog(self, request: Request, flow: Flow) -> bool:
        dialog = DialogId.of_request(request)
        if not dialog.local_tag or self._core.dialog_of(request) is None:
            return False
        self._note(dialog, flow.remote[0])
        return True

    def _is_known(self, request: Request, flow: Flow) -> bool:
        transactions = self._core.transactions
        known = transactions.server_of(request)
        if known is None and request.method == "CANCEL":
            known = transactions.cancelled_by(request)
        return known is not None and known.flow.remote[0] == flow.remote[0]

    def _note(self, dialog: DialogId, ip: str) -> None:
        dialogs = self._peers.setdefault(ip, {})
        if dialog in dialogs:
            return
        for old in [old for old in dialogs if old not in self._core.dialogs]:
            del dialogs[old]
        dialogs[dialog] = None
        self._peers.move_to_end(ip)
        while len(self._peers) > MAX_PEERS:
            self._peers.popitem(last=False)

    # -- how often, and how many ----------------------------------------------------------------------------------

    def admits(self, flow: Flow, now: float) -> bool:
        """Count a message, before it is read; False: not even an answer.

        Servers, peers and listed networks draw on a budget of their own, a hundred times as large: whoever floods the
        phone shuts out himself, or whoever he pretends to be. An address that a request of ours went to is heard in
        any case.
        """
        ip = flow.remote[0]
        limiter = self._friends if self._is_friend(ip) else self._strangers
        return limiter.take(ip, now) or self._core.transactions.sends_to(ip)

    def stream_opened(self, flow: Flow, now: float) -> None:
        """Take a stream; a stranger's is closed at once where there are too many of them."""
        if flow in self._streams or not self._is_strange(flow):
            return
        source = source_of(flow.remote[0])
        of_source = sum(source_of(known.remote[0]) == source for known in self._streams)
        if of_source >= MAX_PER_STRANGER or len(self._streams) >= MAX_STRANGERS:
            self._core.emit(CloseFlow(flow))
            return
        self._streams[flow] = now
        self._core.timers.start(now + IDLE_S, lambda t: self._look_at(flow, t))

    def stream_spoke(self, flow: Flow, now: float) -> None:
        """Note that a stream brought a whole message."""
        if flow in self._streams:
            self._streams[flow] = now

    def stream_closed(self, flow: Flow) -> None:
        """Forget a stream."""
        self._streams.pop(flow, None)

    def _look_at(self, flow: Flow, now: float) -> None:
        """Close a stranger's stream that has brought no message for a while; pieces of one do not count."""
        heard = self._streams.get(flow)
        if heard is None:
            return
        if not self._is_strange(flow):
            del self._streams[flow]
        elif heard + IDLE_S <= now:
            self._core.emit(CloseFlow(flow))
        else:
            self._core.timers.start(heard + IDLE_S, lambda t: self._look_at(flow, t))

    def _is_strange(self, flow: Flow) -> bool:
        """True for a stream that came in (our end is the port that we listen at) from who is not trusted.

        A stream that we opened carries a request of ours: with TLS that is how it is known.
        """
        ip = flow.remote[0]
        listening = self._core.local_address(flow.transport, ip)
        return flow.local[1] == listening[1] and not self.is_trusted(ip) and not self._core.transactions.sends_to(ip)
