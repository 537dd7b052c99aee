"""What a program may do with the phone by the control socket: the same as a hand, through the same machine.

A call that a program asks for passes the dial plan, its locks and the guard of emergency calls as a dialled one would.
It is placed at once, handset up or down; with the handset down ear and mouth are opened, as those of a loudspeaker.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from offhook.engine.leg import Leg
from offhook.engine.observations import CallSeen
from offhook.engine.switchboard import Keys
from offhook.errors import OffhookError
from offhook.phone import events as phone

T = TypeVar("T")

DIGIT_S = 0.1
GAP_S = 0.07
_REMEMBERED = 64
_LONGEST_DIGITS = 64
_DIGITS = frozenset("0123456789*#ABCD")


class NotDoneError(OffhookError):
    """What a program asked for is not done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call that a program placed; ``status`` is that of SIP, 0 where nothing answered."""

    answered: bool
    status: int = 0
    reason: str = ""


class Programs:
    """The control socket's hand on one line. ``request`` returns why something is not done, or an empty text."""

    def __init__(
        self,
        accounts: Sequence[str],
        legs: Iterable[Leg],
        keys: Keys,
        request: Callable[[phone.Event], str],
        emergency_up: Callable[[], bool],
    ) -> None:
        self._accounts = tuple(accounts)
        self._legs = legs
        self._keys = keys
        self._request = request
        self._emergency_up = emergency_up
        self._numbers = itertools.count(1)
        self._outcomes: OrderedDict[str, asyncio.Future[Outcome]] = OrderedDict()
        self._transfers: dict[str, asyncio.Future[str]] = {}

    # -- requests; each raises NotDoneError ------------------------------------------------------------------------

    def call(self, number: str, account: str | None = None) -> str:
        """Place a call, by this account where one is named; return its id."""
        self._know(account)
        handle = f"p{next(self._numbers)}"
        self._outcomes[handle] = asyncio.get_running_loop().create_future()
        try:
            self._ask(phone.CallRequested(handle, number, account))
        except NotDoneError:
            del self._outcomes[handle]
            raise
        while len(self._outcomes) > _REMEMBERED:
            _, forgotten = self._outcomes.popitem(last=False)
            _settle(forgotten, Outcome(False, 0, "too many calls since"))
        return handle

    async def outcome(self, call: str) -> Outcome:
        """Wait until a call that a program placed is answered, or over."""
        found = self._outcomes.get(call)
        if found is None:
            raise NotDoneError(f"no program placed a call {call}")
        return await asyncio.shield(found)

    def answer(self, call: str | None = None, account: str | None = None) -> str:
        """Answer the call that rings, or take the one that waits; return its id."""
        leg = self._find(call, account, lambda leg: leg.direction == "in" and not leg.answered, "no call rings")
        self._ask(phone.AnswerRequested(leg.call))
        return leg.call

    def hang_up(self, call: str | None = None, account: str | None = None) -> str:
        """End a call, or refuse it where it rings; return its id."""
        leg = self._find(call, account, lambda leg: True, "there is no call")
        self._ask(phone.EndRequested(leg.call))
        return leg.call

    def hold(self, call: str | None = None, account: str | None = None) -> str:
        """Put a call on hold; return its id."""
        leg = self._find(call, account, lambda leg: leg.answered and not leg.held_here, "no call is up")
        self._ask(phone.HoldRequested(leg.call))
        return leg.call

    def resume(self, call: str | None = None, account: str | None = None) -> str:
        """Take a call back from hold; return its id."""
        leg = self._find(call, account, lambda leg: leg.held_here, "no call is on hold")
        self._ask(phone.ResumeRequested(leg.call))
        return leg.call

    async def transfer(self, number: str, call: str | None = None, account: str | None = None) -> str:
        """Hand the other side of a call over to a number; return the call's id when that worked.

        Where it did not, the call is ours as before. A call that ends while nobody said how it went counts as handed
        over: some leave before they tell.
        """
        leg = self._find(call, account, lambda leg: leg.answered, "no call is up")
        if leg.call in self._transfers:
            raise NotDoneError("the call is being transferred already")
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._transfers[leg.call] = told
        try:
            self._ask(phone.TransferRequested(leg.call, number))
            failure = await told
        finally:
            del self._transfers[leg.call]
        if failure:
            raise NotDoneError(failure)
        return leg.call

    async def dtmf(self, digits: str, call: str | None = None, account: str | None = None) -> str:
        """Send digits into a call, one after the other; return its id when the last was sent."""
        if not digits or len(digits) > _LONGEST_DIGITS or not _DIGITS.issuperset(digits):
            raise NotDoneError(f"digits are 1 to {_LONGEST_DIGITS} of 0-9, *, # and A-D")
        leg = self._find(call, account, lambda leg: leg.answered and not leg.held_here, "no call is up")
        for digit in digits:
            self._keys.start_dtmf(leg.call, digit)
            try:
                await asyncio.sleep(DIGIT_S)
            finally:
                self._keys.stop_dtmf(leg.call, digit)
            await asyncio.sleep(GAP_S)
            if leg.state == "ending":
                raise NotDoneError("the call ended before all digits were sent")
        return leg.call

    # -- what becomes of calls -------------------------------------------------------------------------------------

    def follow(self, event: phone.Event) -> None:
        """Hear what the phone machine heard."""
        self._follow_transfer(event)
        match event:
            case phone.CallAnswered(call) if found := self._outcomes.get(call):
                _settle(found, Outcome(True, 200, "OK"))
            case phone.CallFailed(call, status, reason) if found := self._outcomes.get(call):
                _settle(found, Outcome(False, status, reason))
            case phone.CallEnded(call) if found := self._outcomes.get(call):
                _settle(found, Outcome(False, 0, "the call ended"))
            case _:
                pass

    def _follow_transfer(self, event: phone.Event) -> None:
        match event:
            case phone.CallTransferred(call) | phone.CallEnded(call) if told := self._transfers.get(call):
                _settle(told, "")
            case phone.CallNotTransferred(call, status) if told := self._transfers.get(call):
                _settle(told, f"the other side was not taken over{f': {status}' if status else ''}; the call is yours")
            case _:
                pass

    def note(self, observation: object) -> None:
        """Hear of the end of a call that ended here (:class:`offhook.engine.ports.Observer`)."""
        if not isinstance(observation, CallSeen) or observation.state not in ("ended", "failed"):
            return
        found = self._outcomes.get(observation.call)
        if found is None or found.done():
            return
        # What an answer of the far end means is heard by follow() in this same turn; an emergency call tries again.
        asyncio.get_running_loop().call_soon(self._ended, found, observation)

    def _ended(self, found: asyncio.Future[Outcome], seen: CallSeen) -> None:
        if not (seen.emergency and self._emergency_up()):
            _settle(found, Outcome(False, seen.status, seen.reason or "the call was ended here"))

    def close(self) -> None:
        """Leave nobody waiting: the phone stops."""
        for found in self._outcomes.values():
            _settle(found, Outcome(False, 0, "the phone stops"))
        for told in self._transfers.values():
            _settle(told, "the phone stops")

    # -- which call ------------------------------------------------------------------------------------------------

    def _ask(self, event: phone.Event) -> None:
        refusal = self._request(event)
        if refusal:
            raise NotDoneError(refusal)

    def _know(self, account: str | None) -> None:
        if account is not None and account not in self._accounts:
            known = ", ".join(self._accounts) or "none"
            raise NotDoneError(f"no account named {account}: there is {known}")

    def _find(self, call: str | None, account: str | None, fits: Callable[[Leg], bool], none: str) -> Leg:
        """Return the call that is meant: the one named, else the only one that fits, the one in the ear first."""
        self._know(account)
        legs = [leg for leg in self._legs if account is None or leg.account == account]
        if call is not None:
            named = [leg for leg in legs if leg.call == call]
            if not named:
                raise NotDoneError(f"there is no call {call}: offhook status shows those that there are")
            return min(named, key=lambda leg: not leg.answered)
        fitting = sorted(filter(fits, legs), key=lambda leg: (not leg.answered, leg.held_here))
        if not fitting:
            raise NotDoneError(none)
        return fitting[0]


def _settle(found: asyncio.Future[T], outcome: T) -> None:
    if not found.done():
        found.set_result(outcome)
