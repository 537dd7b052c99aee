"""The phone machine's calls: actions in, phone events out, ordinary calls over :class:`Legs`."""

import itertools
from collections.abc import Callable, Sequence

from offhook.engine.leg import Leg, LegListener
from offhook.engine.legs import Legs, shown
from offhook.errors import OffhookError
from offhook.phone import events as phone
from offhook.sip.events import IncomingCall
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.settings import AccountSettings

_OK, _REDIRECTION = 200, 300
_FORBIDDEN, _NO_SUCH_CALL, _BUSY = 403, 481, 486


class Agent(LegListener):
    """Places, answers and ends ordinary calls, and posts what becomes of them.

    ``in_service(account name)`` tells whether an account can place calls; the first that can is used, else the first
    that there is: a server may take calls from a phone that it has forgotten. ``barred(number, account)`` says which
    calls may not be placed at all. ``called_back()``: a call that comes in now may be the emergency desk's.
    """

    def __init__(
        self,
        accounts: Sequence[AccountSettings],
        legs: Legs,
        post: Callable[[phone.Event], None],
        in_service: Callable[[str], bool],
        barred: Callable[[str, AccountSettings], bool],
        called_back: Callable[[], bool] = lambda: False,
    ) -> None:
        self._accounts = accounts
        self._legs = legs
        self._post = post
        self._in_service = in_service
        self._barred = barred
        self._called_back = called_back
        self._handles = itertools.count(1)

    def place(self, call: str, number: str, by: str | None = None) -> None:
        """Call ``number`` (digits of the dial plan, or a SIP URI), ``by`` an account of this name."""
        account = self._account(by)
        if account is None:
            reason = "no account in the config" if by is None else f"no account named {by!r}"
            self._post(phone.CallFailed(call, 0, reason))
            return
        if self._barred(number, account):
            self._post(phone.CallFailed(call, 0, "barred on a simulated board"))
            return
        leg = Leg(f"a{next(self._handles)}", call, "out", number, account.name, False, self)
        try:
            self._legs.place(leg, target_uri(number, account))
        except OffhookError as error:
            self._post(phone.CallFailed(call, 0, str(error)))

    def _account(self, name: str | None) -> AccountSettings | None:
        if name is not None:
            return next((account for account in self._accounts if account.name == name), None)
        first = next(iter(self._accounts), None)
        return next((account for account in self._accounts if self._in_service(account.name)), first)

    def incoming(self, event: IncomingCall) -> None:
        """Take a call that the endpoint announced; one that takes the place of another is answered at once."""
        peer = event.caller.display or shown(event.peer)
        leg = Leg(event.call, event.call, "in", peer, event.account or "", False, self, "ringing", offered=event.body)
        leg.caller, leg.desk = event.caller, self._called_back()
        if event.replaces is not None:
            self._take_over(leg, event.replaces)
        elif event.caller.auto_required and not leg.desk and any(True for _ in self._legs):
            self._legs.admit(leg)
            self._legs.reject(leg, _BUSY)  # a call that waits is answered by hand, which is what it does not want
        elif self._legs.admit(leg):
            caller = event.caller  # what it says of answering the endpoint believes of the account's server only
            self._post(phone.CallIncoming(event.call, peer, caller.auto_answer, leg.desk, caller.answer_after))

    def _take_over(self, leg: Leg, replaced: str) -> None:
        """Let a call take the place of another (:rfc:`3891`): for the phone machine it is the same call all along."""
        old = self._legs.by_handle(replaced)
        if old is None or old.emergency or (old.direction == "in" and not old.answered):
            self._legs.admit(leg)
            self._legs.reject(leg, _BUSY if old is not None else _NO_SUCH_CALL)
            return
        before = self._all_of(old.call)  # two, where the other side is handing us over to somebody
        leg.call = old.call
        if not self._legs.admit(leg):
            return
        try:
            self._legs.answer(leg)
        except OffhookError:
            return  # it was refused: the call stays as it is
        if any(one.held_here for one in before):
            self._legs.hold(leg)
        for one in before:
            self._legs.end(one)
            one.listener.leg_replaced(one)
        if not any(one.answered for one in before):
            self._post(phone.CallAnswered(leg.call))
        if leg.held_there is not any(one.held_there for one in before):
            self.leg_held(leg)

    def _all_of(self, call: str) -> list[Leg]:
        return [leg for leg in self._legs if leg.call == call]

    def ring(self, call: str) -> None:
        """Let the caller hear that the phone rings; a call that was refused meanwhile is left alone."""
        leg = self._legs.by_call(call)
        if leg is not None and leg.direction == "in" and not leg.answered:
            self._legs.ring(leg)

    def ring_style(self, call: str) -> int:
        """Return in which way a call's server wants it to ring, 1 to 5; 0: as any other."""
        leg = self._legs.by_call(call)
        return leg.caller.ring_style if leg is not None and leg.caller is not None else 0

    def wait(self, call: str) -> None:
        """As :meth:`ring`, for a call that is announced during another."""
        leg = self._legs.by_call(call)
        if leg is not None and leg.direction == "in" and not leg.answered:
            self._legs.ring(leg, waiting=True)

    def hold(self, call: str) -> None:
        """Put a call on hold, and with it the one that is to take its place."""
        for leg in self._all_of(call):
            self._legs.hold(leg)

    def resume(self, call: str) -> None:
        """Take a call back from hold."""
        for leg in self._all_of(call):
            self._legs.resume(leg)

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
        for leg in self._all_of(call):
            self._legs.end(leg)

    def transfer(self, call: str, number: str) -> None:
        """Have the other side of a call call ``number`` in our place."""
        leg = self._legs.by_call(call)
        account = self._account(leg.account) if leg is not None else None
        if leg is None or leg.emergency or account is None or self._barred(number, account):
            self._post(phone.CallNotTransferred(call, _FORBIDDEN))
            return
        self._legs.transfer(leg, target_uri(number, account))

    def join(self, call: str, other: str) -> None:
        """Have the other side of a call take our place in another call."""
        leg, second = self._legs.by_call(call), self._legs.by_call(other)
        if leg is None or second is None or leg.emergency or second.emergency:
            self._post(phone.CallNotTransferred(call, _FORBIDDEN))
            return
        self._legs.join_transfer(leg, second)

    def leg_trying(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""

    def leg_progress(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallEarlyMedia(leg.call) if leg.state == "early" else phone.CallProceeding(leg.call))

    def leg_accepted(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallAnswered(leg.call))
        if leg.held_there:
            self._post(phone.CallHeld(leg.call))

    def leg_held(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallHeld(leg.call) if leg.held_there else phone.CallResumed(leg.call))

    def leg_hold_failed(self, leg: Leg, status: int) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallHoldFailed(leg.call))

    def leg_transfer(self, leg: Leg, status: int, reason: str, final: bool) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        if final and _OK <= status < _REDIRECTION:
            self._post(phone.CallTransferred(leg.call))
        elif final:
            self._post(phone.CallNotTransferred(leg.call, status))

    def leg_refused(self, leg: Leg, status: int, reason: str) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallFailed(leg.call, status, reason))

    def leg_over(self, leg: Leg, elsewhere: bool) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallEnded(leg.call, elsewhere))


def target_uri(number: str, account: AccountSettings) -> str:
    """Return the Request-URI for dialled digits at an account's domain; a SIP URI is taken as it is."""
    if number.startswith(("sip:", "sips:", "tel:")):
        return number
    domain = parse_uri(account.uri)
    host, port = (domain.host, domain.port) if isinstance(domain, SipUri) else ("invalid", None)
    return str(SipUri("sip", number, None, host, port, (), ()))
