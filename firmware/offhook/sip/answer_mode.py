"""How a call asks to be answered: by itself, by hand, or as the phone likes (:rfc:`5373`, ``answer-after``).

:rfc:`5373` says it in the open; before it every maker had his own way, and servers still send those.
"""

import re
from dataclasses import dataclass

from offhook.sip.messages.message import Request

TAG = "answermode"

_ANSWER_AFTER = re.compile(r";\s*answer-after\s*=\s*\"?([0-9]{1,4})(?![0-9])", re.IGNORECASE)
_AUTO_INFO = re.compile(r";\s*info\s*=\s*\"?\s*(?:alert-)?(?:auto[- ]?answer|intercom)", re.IGNORECASE)
_AUTO_WORD = re.compile(r"\s*(?:ring[- ]?answer|auto[- ]?answer)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnswerMode:
    """What an INVITE asks: ``auto`` by itself, ``after`` seconds; ``manual`` by hand and not otherwise.

    ``required``: it is to be refused where that cannot be done (``;require``). A word that we do not know, and that is
    required, cannot be done either way.
    """

    auto: bool = False
    after: float = 0.0
    manual: bool = False
    required: bool = False

    @classmethod
    def of(cls, request: Request) -> "AnswerMode":
        """Read it; ``Priv-Answer-Mode`` goes first, and what :rfc:`5373` says before what makers say."""
        headers = request.headers
        asked = [_read(headers.get(name)) for name in ("Priv-Answer-Mode", "Answer-Mode")]
        demands = [mode for mode in asked if mode.required]
        chosen = next((mode for mode in (*demands, *asked) if mode.auto or mode.manual or mode.required), None)
        if chosen is not None:
            return chosen
        for value in (*headers.get_all("Call-Info"), *headers.get_all("Alert-Info")):
            after = _ANSWER_AFTER.search(value)
            if after is not None:
                return cls(True, float(after[1]))
        for value in headers.get_all("Alert-Info"):
            if _AUTO_INFO.search(value) or _AUTO_WORD.match(value):
                return cls(True)
        return cls()

    def is_refused(self, may_auto: bool) -> bool:
        """True where it demands what is not done: 403 (:rfc:`5373#section-4.2`)."""
        return self.required and not (self.manual or (self.auto and may_auto))


def _read(value: str | None) -> AnswerMode:
    word, *params = ((value or "").lower().replace(" ", "").replace("\t", "")).split(";")
    return AnswerMode(word == "auto", 0.0, word == "manual", "require" in params)
