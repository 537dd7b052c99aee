"""What the digits dialled so far amount to: the digit map, and the emergency numbers that go before it.

Recognition is by exact match (RFC 6881 ED-3): ``911`` is an emergency number, ``9116`` is not. Where the digit map has
a longer pattern that begins with an emergency number, a short pause decides; otherwise the call goes out at once.
"""

from collections.abc import Iterable
from enum import Enum, auto

from msgspec import Struct

from offhook.phone.dialplan import DialPlan, Match
from offhook.phone.settings import PhoneSettings

_MAXIMUM_DIGITS = 64
_KEYS = frozenset("0123456789*#ABCD")


class Outcome(Enum):
    """What is to be done with the digits."""

    WAIT = auto()
    PLACE = auto()
    EMERGENCY = auto()
    REFUSED = auto()


class Verdict(Struct, frozen=True):
    """``number`` to call (PLACE, EMERGENCY), or ``seconds`` to WAIT for another digit before the digits are final."""

    outcome: Outcome
    number: str = ""
    seconds: float = 0.0


_REFUSED = Verdict(Outcome.REFUSED)


class DigitCollector:
    """Judges digits by digit map and emergency numbers."""

    def __init__(self, settings: PhoneSettings) -> None:
        self._settings = settings
        self._plan = DialPlan(settings.dialplan)
        self._emergency = dict(_emergency_strings(settings.emergency_numbers, settings.outside_prefix))

    def judge(self, digits: str) -> Verdict:
        """Say what to do after the last of ``digits`` was keyed."""
        if len(digits) > _MAXIMUM_DIGITS:
            return _REFUSED
        match = self._plan.match(digits)
        begins_emergency = any(number != digits and number.startswith(digits) for number in self._emergency)
        if digits in self._emergency:
            if begins_emergency or (match.may_grow and match.send_after != 0):
                return Verdict(Outcome.WAIT, seconds=self._settings.emergency_wait)
            return Verdict(Outcome.EMERGENCY, self._emergency[digits])
        if match.number is None:
            wait = match.may_grow or begins_emergency
            return Verdict(Outcome.WAIT, seconds=self._settings.interdigit_long) if wait else _REFUSED
        if begins_emergency:
            # A map that would send or bar "1" at once must not stand between the person and 112.
            return Verdict(Outcome.WAIT, seconds=self._settings.interdigit_short)
        if match.send_after:
            return Verdict(Outcome.WAIT, seconds=match.send_after)
        if match.send_after is None and (match.may_grow or match.waits):
            return Verdict(Outcome.WAIT, seconds=self._settings.interdigit_short)
        return self._placed(match)

    def finish(self, digits: str) -> Verdict:
        """Say what to do now that no further digit comes (pause, or ``#``); never WAIT."""
        if digits in self._emergency:
            return Verdict(Outcome.EMERGENCY, self._emergency[digits])
        return self._placed(self._plan.match(digits))

    def whole(self, text: str) -> Verdict:
        """Say what to do with a number, or a SIP URI, that nobody dialled here; never WAIT.

        Digits go through the digit map; a leading ``+`` is passed over by it and sent. A URI is called as it is where
        its user part is no digits, or digits that the map lets pass.
        """
        number = text.removeprefix("tel:")
        user = number.partition(":")[2].rpartition("@")[0] if number.startswith(("sip:", "sips:")) else None
        digits = (number if user is None else user.partition(";")[0]).removeprefix("+")
        if not digits or any(char not in _KEYS for char in digits):
            return Verdict(Outcome.PLACE, number) if user is not None else _REFUSED
        verdict = self.finish(digits)
        if verdict.outcome is Outcome.PLACE and (user is not None or number.startswith("+")):
            return Verdict(Outcome.PLACE, number)
        return verdict

    def _placed(self, match: Match) -> Verdict:
        """Call what the map sends; where that is an emergency number (``<9:>x.``), it is one, barred or not."""
        if match.number in self._emergency:
            return Verdict(Outcome.EMERGENCY, self._emergency[match.number])
        if match.number is None or match.barred:
            return _REFUSED
        return Verdict(Outcome.PLACE, match.number)

    def takes(self, digits: str) -> bool:
        """Return whether the digit map, or an emergency number, has a use for ``digits``, whole or as a beginning."""
        if any(number.startswith(digits) for number in self._emergency):
            return True
        match = self._plan.match(digits)
        return match.number is not None or match.may_grow


def _emergency_strings(numbers: Iterable[str], prefix: str) -> Iterable[tuple[str, str]]:
    """Yield each string to recognise with the emergency number that it stands for; bare numbers win over prefixed."""
    numbers = tuple(numbers)
    if prefix:
        yield from ((prefix + number, number) for number in numbers)
    yield from ((number, number) for number in numbers)
