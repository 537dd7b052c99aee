"""Calls that others move: the other side refers us to somebody (REFER).

::

    TransferRequested -> dial plan, its locks, the guard -> a second leg for the same call of the machine
        answered: it is the call now, the old leg is left     failed: the call goes on as it was

The person hears it happen and need do nothing; who hangs up meanwhile ends both legs. An emergency call is never moved,
and nobody is ever moved to an emergency number.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from offhook.engine.leg import Leg, LegListener
from offhook.engine.legs import Legs
from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.phone import events as phone
from offhook.phone.actions import Tone
from offhook.phone.collector import Outcome, Verdict
from offhook.sip import events as sip
from offhook.sip.identity import number_of
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.settings import AccountSettings

_log = logging.getLogger(__name__)
_FORBIDDEN, _GONE, _BUSY, _UNAVAILABLE, _DECLINE = 403, 481, 486, 503, 603
_PATIENCE_S = 2.0
_SEPARATORS = str.maketrans("", "", "-.()")


class Ear(Protocol):
    """What is heard while the new call rings (:class:`offhook.engine.mediaclient.MediaClient`)."""

    def play_tone(self, name: str) -> None: ...
    def stop_tone(self) -> None: ...


@dataclass(slots=True)
class _Move:
    """One call on its way to somebody else; ``old`` None: the other side has left already."""

    old: Leg | None
    new: Leg
    rings: bool = False


class Transfers(LegListener):
    """Moves calls. ``judge(target)`` is the dial plan; ``barred(number, account)`` what may not be called at all.

    ``follows`` hears of legs again once they are settled: the :class:`offhook.engine.agent.Agent`.
    ``request`` asks the machine for a call as a program would (:meth:`offhook.engine.switchboard.Switchboard.request`).
    """

    def __init__(
        self,
        shell: EndpointShell,
        accounts: Sequence[AccountSettings],
        legs: Legs,
        follows: LegListener,
        judge: Callable[[str], Verdict],
        barred: Callable[[str, AccountSettings], bool],
        post: Callable[[phone.Event], None],
        request: Callable[[phone.Event], str],
        ear: Ear,
    ) -> None:
        self._shell = shell
        self._accounts = accounts
        self._legs = legs
        self._follows = follows
        self._judge = judge
        self._barred = barred
        self._post = post
        self._request = request
        self._ear = ear
        self._numbers = itertools.count(1)
        self._moves: list[_Move] = []

    # -- we are referred ------------------------------------------------------------------------------------------

    def take(self, event: sip.Event) -> None:
        """Take an event of the endpoint; only a REFER is looked at."""
        if isinstance(event, sip.TransferRequested):
            self.requested(event)

    def requested(self, event: sip.TransferRequested) -> None:
        """Take a REFER: place the call that it asks for, or refuse."""
        self._moves = [move for move in self._moves if move.new.state != "ending"]
        status = self._follow(event) if event.call is not None else self._click(event)
        if status:
            _log.warning("a transfer was refused with %d", status, extra={"account": event.account, "status": status})
            self._shell.endpoint.refuse_transfer(event.key, status, self._shell.now())
        self._shell.pump()

    def _follow(self, event: sip.TransferRequested) -> int:
        """Place the call that takes the place of the one that REFER came in; return 0, or why not."""
        old = self._leg(event.call)
        if old is None or not old.answered:
            return _GONE
        account = self._account(old.account)
        if old.emergency or account is None or not self._may_call(event.target, account):
            return _FORBIDDEN
        if any(old.call == move.new.call for move in self._moves):
            return _BUSY
        handle = f"t{next(self._numbers)}"
        new = Leg(handle, old.call, "out", number_of(parse_uri(event.target)), account.name, False, self)
        self._shell.endpoint.accept_transfer(event.key, handle, self._shell.now())
        self._moves.append(_Move(old, new))
        old.listener = self
        try:
            self._legs.place(new, event.target, headers=event.headers)
        except OffhookError as error:
            _log.warning("a transfer cannot be followed: %s", error, extra={"account": account.name})
            self._failed(new)
            return _UNAVAILABLE
        if old.held_here:
            self._legs.hold(new)  # nobody hears its early media, nor speaks into it
        return 0

    def _click(self, event: sip.TransferRequested) -> int:
        """Place a call that the server asks for outside any call, as if it was dialled; return 0, or why not.

        With the handset down that opens ear and mouth, so it takes the same leave as answering by itself.
        """
        account = self._account(event.account)
        if account is None or (event.headers[:1] and event.headers[0][0] == "Replaces"):
            return _FORBIDDEN
        if not self._may_call(event.target, account):
            return _FORBIDDEN
        if not account.auto_answer:
            return _DECLINE
        call = f"c{next(self._numbers)}"
        if self._request(phone.CallRequested(call, event.target, account.name)):
            return _BUSY
        leg = self._legs.by_call(call)
        if leg is None:
            return _UNAVAILABLE
        self._shell.endpoint.accept_transfer(event.key, leg.handle, self._shell.now())
        return 0

    def may_redirect(self, target: str, account: str) -> bool:
        """Judge where a 3xx leads, by the account of this name: where a REFER may lead, it may."""
        found = self._account(account)
        return found is not None and self._may_call(target, found)

    def _may_call(self, target: str, account: AccountSettings) -> bool:
        """Judge a target as if it was dialled; dashes and dots in a number are nothing to hide behind."""
        uri = parse_uri(target)
        number = number_of(uri) if not isinstance(uri, SipUri) else (uri.user or uri.host).partition(";")[0]
        bare = number.translate(_SEPARATORS)
        plain = "".join(char for char in number if char.isalnum())
        if plain.lower() == "sos" or self._judge(plain).outcome is Outcome.EMERGENCY:
            return False  # whatever stands around the digits: somebody on the way may pass over it
        asked = [target] if isinstance(uri, SipUri) else []
        if bare.removeprefix("+").isdigit() or not isinstance(uri, SipUri):
            asked.append(bare)
        placed = all(self._judge(text).outcome is Outcome.PLACE for text in asked)
        return placed and not self._barred(bare, account) and not self._barred(target, account)

    # -- what becomes of the two legs -------------------------------------------------------------------------------

    def leg_progress(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`: ring back, where nobody else is heard."""
        move = self._of(leg)
        if move is None or leg is not move.new:
            return
        move.rings = leg.state != "early"
        if move.old is None and not leg.held_here:
            self._ring_back(move.rings)

    def leg_accepted(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`: the new call is the call."""
        move = self._of(leg)
        if move is None or leg is not move.new:
            return
        self._moves.remove(move)
        leg.listener = self._follows
        if move.old is not None and move.old.state != "ending":
            self._leave(move.old)
        elif not leg.held_here:
            self._ring_back(False)
        self._follows.leg_held(leg)
        self._follows.leg_peer(leg)

    def _leave(self, old: Leg) -> None:
        """Let the call end that REFER came in: by him who referred us, once he knows; by us if he does not."""
        old.listener, old.call = LegListener(), f"{old.handle}-left"
        if old.session is not None:
            old.session.set_hold(True)  # silent at once, and nobody needs to be told
        asyncio.get_running_loop().call_later(_PATIENCE_S, self._end, old)

    def _end(self, old: Leg) -> None:
        if old.state != "ending":
            self._legs.end(old)

    def leg_refused(self, leg: Leg, status: int, reason: str) -> None:
        """See :class:`offhook.engine.leg.LegListener`: back to whom we came from, if he is there still."""
        self._failed(leg)

    def leg_over(self, leg: Leg, elsewhere: bool) -> None:
        """See :class:`offhook.engine.leg.LegListener`: he who referred us has left; the new call goes on."""
        move = self._of(leg)
        if move is None:
            return
        if leg is move.new:
            self._failed(leg)
        else:
            move.old = None
            if move.rings and not move.new.held_here:
                self._ring_back(True)

    def leg_replaced(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`: who took the call's place is there now."""
        move = self._of(leg)
        if move is not None:
            self._moves.remove(move)
            if move.old is None and not leg.held_here:
                self._ring_back(False)

    def leg_held(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._follows.leg_held(leg)

    def leg_hold_failed(self, leg: Leg, status: int) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._follows.leg_hold_failed(leg, status)

    def leg_transfer(self, leg: Leg, status: int, reason: str, final: bool) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._follows.leg_transfer(leg, status, reason, final)

    def leg_peer(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._follows.leg_peer(leg)

    def _failed(self, leg: Leg) -> None:
        move = self._of(leg)
        if move is None:
            return
        self._moves.remove(move)
        if move.old is not None:
            move.old.listener = self._follows
        else:
            self._ring_back(False)
            self._post(phone.CallEnded(leg.call))

    def _ring_back(self, on: bool) -> None:
        if on:
            self._ear.play_tone(Tone.RINGBACK.value)
        else:
            self._ear.stop_tone()

    def _of(self, leg: Leg) -> _Move | None:
        return next((move for move in self._moves if leg is move.new or leg is move.old), None)

    def _account(self, name: str) -> AccountSettings | None:
        return next((account for account in self._accounts if account.name == name), None)

    def _leg(self, handle: str | None) -> Leg | None:
        return next((leg for leg in self._legs if leg.handle == handle), None)
