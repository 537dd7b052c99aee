"""Digit maps: which digits make a number, when it is complete, and what is sent.

The grammar is that of :rfc:`3435#section-2.1.5` with the additions that Cisco and OBi made popular::

    (911S0|[2-9]xx|<:1408>[2-9]xxxxxx|<9,:>1[2-9]xxxxxxxxx|1900x.!|*xx|xx.T)

=========== ===========================================================================================
``0-9*#A-D``  that key                              ``x``      any digit
``[2-9#]``  any of these (``[^2-4]``: any other digit)  ``.``  any number of the element before, none included
``<a:b>``   dial ``a``, send ``b``; either may be empty   ``T``  (last) wait for the inter-digit timer even so
``S0``      (last) send at once though more could come; ``S4``: after 4 s       ``!``  (first or last) barred
=========== ===========================================================================================

Alternatives are tried in order: the first that is complete is sent, but one that is barred bars wherever it stands.
"""

from collections.abc import Iterator

from msgspec import Struct

from offhook.errors import OffhookError

_DIGITS = "0123456789"
_KEYS = frozenset(_DIGITS + "*#ABCD")
_MAXIMUM_TEXT = 4096


class DialPlanError(OffhookError):
    """A digit map cannot be read; ``position`` is the index of the character at fault."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(f"dial plan, character {position + 1}: {problem}")
        self.position = position


class _Element(Struct, frozen=True):
    """Keys that fit at one place; ``sends`` replaces what was dialled (None: sent as dialled).

    An element without keys takes no digit and only sends.
    """

    keys: frozenset[str]
    repeats: bool = False
    sends: str | None = None


class Rule(Struct, frozen=True):
    """One alternative. ``send_after``: seconds from ``S``; ``waits``: ended in ``T``."""

    text: str
    elements: tuple[_Element, ...]
    barred: bool = False
    waits: bool = False
    send_after: float | None = None

    def follow(self, digits: str) -> tuple[str | None, bool]:
        """Return what would be sent if ``digits`` are a whole match (else None), and whether more digits could fit."""
        places = self._reach({0: ""})
        for key in digits:
            moved: dict[int, str] = {}
            for index, sent in places.items():
                element = self.elements[index] if index < len(self.elements) else None
                if element is not None and key in element.keys:
                    out = sent + (key if element.sends is None else element.sends)
                    moved.setdefault(index if element.repeats else index + 1, out)
            places = self._reach(moved)
        grows = any(index < len(self.elements) and self.elements[index].keys for index in places)
        return places.get(len(self.elements)), grows

    def _reach(self, places: dict[int, str]) -> dict[int, str]:
        """Add the places that are reached without a digit: past repeated elements, and past those that only send."""
        reached: dict[int, str] = {}
        for start, sent in places.items():
            index, out = start, sent
            while reached.setdefault(index, out) == out and index < len(self.elements):
                element = self.elements[index]
                if element.keys and not element.repeats:
                    break
                out += "" if element.keys or element.sends is None else element.sends
                index += 1
        return reached


class Match(Struct, frozen=True):
    """What a digit map says about some digits.

    Attributes:
        number: what to send if dialling ended now; None where no alternative is complete.
        barred: dialling that number is forbidden.
        may_grow: more digits could still make a match.
        waits: complete, but the inter-digit timer must pass all the same (``T``).
        send_after: complete, and to be sent after these seconds though it may grow (``S``).
    """

    number: str | None
    may_grow: bool
    barred: bool = False
    waits: bool = False
    send_after: float | None = None


class DialPlan:
    """A digit map, ready for use."""

    def __init__(self, text: str) -> None:
        """Raises :class:`DialPlanError` for a text that is none."""
        if len(text) > _MAXIMUM_TEXT:
            raise DialPlanError(_MAXIMUM_TEXT, f"is longer than {_MAXIMUM_TEXT} characters; shorten it")
        self.rules = tuple(_Parser(text).rules())

    def match(self, digits: str) -> Match:
        """Say what ``digits``, the keys so far, amount to."""
        complete: Rule | None = None
        number: str | None = None
        may_grow = barred = False
        for rule in self.rules:
            sent, grows = rule.follow(digits)
            may_grow = may_grow or grows
            if sent is None:
                continue
            barred = barred or rule.barred
            if complete is None:
                complete, number = rule, sent
        if complete is None or number is None:
            return Match(None, may_grow)
        return Match(number, may_grow, barred, complete.waits, complete.send_after)


class _Parser:
    """Reads a digit map from left to right, once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rules(self) -> Iterator[Rule]:
        """Yield the alternatives."""
        self._space()
        opened = self._take("(")
        while True:
            yield self._rule()
            if self._take("|"):
                continue
            break
        if opened and not self._take(")"):
            raise DialPlanError(self._at, "expected '|' or ')'")
        self._space()
        if self._at < len(self._text):
            raise DialPlanError(self._at, f"{self._text[self._at]!r} does not belong here; put it before the ')'")

    def _rule(self) -> Rule:
        self._space()
        start = self._at
        barred = self._take("!")
        elements = self._elements()
        waits, send_after = False, None
        if self._take("T"):
            waits = True
        elif self._take("S"):
            send_after = self._seconds()
        barred = self._take("!") or barred
        if not any(element.keys for element in elements):
            raise DialPlanError(start, "an alternative needs at least one digit; remove a '|' or add digits")
        text = self._text[start : self._at].strip()
        return Rule(text, tuple(elements), barred, waits, send_after)

    def _elements(self) -> list[_Element]:
        """Return the elements up to the end of the alternative's digits."""
        elements: list[_Element] = []
        plain = False
        while True:
            self._space()
            start = self._at
            if self._take("."):
                if not plain:
                    raise DialPlanError(start, "'.' repeats the digit, 'x' or '[...]' before it; there is none")
                elements[-1] = _Element(elements[-1].keys, repeats=True)
                plain = False
            elif self._take("<"):
                elements += self._replacement(start)
                plain = False
            else:
                keys = self._keys()
                if keys is None:
                    return elements
                elements.append(_Element(keys))
                plain = True

    def _keys(self) -> frozenset[str] | None:
        if self._at == len(self._text):
            return None
        char = self._text[self._at]
        if char in "|)T!S":
            return None
        if char == "[":
            return self._set()
        self._at += 1
        if char in "xX":
            return frozenset(_DIGITS)
        if char in _KEYS:
            return frozenset(char)
        raise DialPlanError(self._at - 1, f"{char!r} is no key; use 0-9 * # A-D x [..] . <a:b> T S0 ! and '|'")

    def _set(self) -> frozenset[str]:
        start = self._at
        end = self._text.find("]", start)
        if end < 0:
            raise DialPlanError(start, "'[' is not closed; add ']'")
        self._at = start + 1
        negated = self._take("^")
        keys: set[str] = set()
        while self._at < end:
            first = self._text[self._at]
            if first not in _KEYS:
                raise DialPlanError(self._at, f"{first!r} is no key; a set holds 0-9 * # A-D")
            if self._text[self._at + 1] == "-":
                keys |= self._range(first)
            else:
                keys.add(first)
                self._at += 1
        self._at = end + 1
        if negated:
            keys = set(_DIGITS) - keys
        if not keys:
            raise DialPlanError(start, "the set fits no digit; put some digits in it")
        return frozenset(keys)

    def _range(self, first: str) -> set[str]:
        last = self._text[self._at + 2]
        if not (first in _DIGITS and last in _DIGITS and first <= last):
            raise DialPlanError(self._at, "a range goes from a digit to a higher one, as in [2-9]")
        self._at += 3
        return set(_DIGITS[int(first) : int(last) + 1])

    def _replacement(self, start: int) -> list[_Element]:
        end = self._text.find(">", start)
        inner = self._text[start + 1 : end] if end >= 0 else ""
        if end < 0 or inner.count(":") != 1:
            raise DialPlanError(start, "a replacement is written <dialled:sent>, as in <9:> or <:1408>")
        dialled, sent = inner.split(":")
        for offset, char in enumerate(dialled):
            if char not in _KEYS:
                raise DialPlanError(start + 1 + offset, f"{char!r} is no key; dial 0-9 * # A-D here")
        for offset, char in enumerate(sent):
            if not (char in "+*#.-_" or (char.isascii() and char.isalnum())):
                raise DialPlanError(start + 2 + len(dialled) + offset, f"{char!r} cannot be part of a number")
        self._at = end + 1
        swallowed = [_Element(frozenset(key), sends="") for key in dialled]
        return [*swallowed, _Element(frozenset(), sends=sent)]

    def _seconds(self) -> float:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in _DIGITS and self._at < start + 2:
            self._at += 1
        if start == self._at:
            raise DialPlanError(start, "'S' needs seconds after it, as in S0")
        return float(self._text[start : self._at])

    def _space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _take(self, char: str) -> bool:
        self._space()
        if self._text.startswith(char, self._at):
            self._at += 1
            return True
        return False
