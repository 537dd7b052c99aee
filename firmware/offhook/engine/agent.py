"""The phone machine's calls: actions in, phone events out, ordinary calls over :class:`Legs`."""

import itertools
from collections.abc import Callable, Sequence

from offhook.engine.leg import Leg
from offhook.engine.legs import Legs
from offhook.errors import OffhookError
from offhook.phone import events as phone
from offhook.sip.events import IncomingCall
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.settings import AccountSettings


class Agent:
    """Places, answers and ends ordinary calls, and posts what becomes of them.

    ``in_service(account name)`` tells whether an account can place calls; the first that can is used, else the first
    that there is: a server may take calls from a phone that it has forgotten. ``barred(number, account)`` says which
    calls may not be placed at all.
    """

    def __init__(
        self,
        accounts: Sequence[AccountSettings],
        legs: Legs,
        post: Callable[[phone.Event], None],
        in_service: Callable[[str], bool],
        barred: Callable[[str, AccountSettings], bool],
    ) -> None:
        self._accounts = accounts
        self._legs = legs
        self._post = post
        self._in_service = in_service
        self._barred = barred
        self._handles = itertools.count(1)

    def place(self, call: str, number: str) -> None:
        """Call ``number`` (digits of the dial plan, or a SIP URI)."""
        account = next((a for a in self._accounts if self._in_service(a.name)), None) or next(
            iter(self._accounts), None
        )
        if account is None:
            self._post(phone.CallFailed(call, 0, "no account in the config"))
            return
        if self._barred(number, account):
            self._post(phone.CallFailed(call, 0, "barred on a simulated board"))
            return
        leg = Leg(f"a{next(self._handles)}", call, "out", number, account.name, False, self)
        try:
            self._legs.place(leg, target_uri(number, account))
        except OffhookError as error:
            self._post(phone.CallFailed(call, 0, str(error)))

    def incoming(self, event: IncomingCall) -> None:
        """Take a call that the endpoint announced."""
        peer = event.peer.display or _short(str(event.peer.uri))
        leg = Leg(event.call, event.call, "in", peer, event.account or "", False, self, "ringing", offered=event.body)
        if self._legs.admit(leg):
            self._post(phone.CallIncoming(event.call, peer))

    def ring(self, call: str) -> None:
        """Let the caller hear that the phone rings; a call that was refused meanwhile is left alone."""
        leg = self._legs.by_call(call)
        if leg is not None and leg.direction == "in" and not leg.answered:
            self._legs.ring(leg)

    def answer(self, call: str) -> None:
        """Answer a ringing call."""
        leg = self._legs.by_call(call)
        if leg is None:
            self._post(phone.CallEnded(call))
            return
        try:
            self._legs.answer(leg)
        except OffhookError:
            self._post(phone.CallEnded(call))
            return
        self.leg_accepted(leg)

    def reject(self, call: str, status: int) -> None:
        """Refuse a call that came in."""
        leg = self._legs.by_call(call)
        if leg is not None:
            self._legs.reject(leg, status)

    def end(self, call: str) -> None:
        """End a call; one that is gone already is no fault."""
        leg = self._legs.by_call(call)
        if leg is not None:
            self._legs.end(leg)

    def leg_trying(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""

    def leg_progress(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallEarlyMedia(leg.call) if leg.state == "early" else phone.CallProceeding(leg.call))

    def leg_accepted(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallAnswered(leg.call))
        if leg.state == "held":
            self._post(phone.CallHeld(leg.call))

    def leg_held(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallHeld(leg.call) if leg.state == "held" else phone.CallResumed(leg.call))

    def leg_refused(self, leg: Leg, status: int, reason: str) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallFailed(leg.call, status, reason))

    def leg_over(self, leg: Leg, elsewhere: bool) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallEnded(leg.call, elsewhere))


def target_uri(number: str, account: AccountSettings) -> str:
    """Return the Request-URI for dialled digits at an account's domain; a SIP URI is taken as it is."""
    if number.startswith(("sip:", "sips:")):
        return number
    domain = parse_uri(account.uri)
    host, port = (domain.host, domain.port) if isinstance(domain, SipUri) else ("invalid", None)
    return str(SipUri("sip", number, None, host, port, (), ()))


def _short(uri: str) -> str:
    return uri.removeprefix("sip:").split(";")[0]
