"""Lines of text that the server sent (:rfc:`3428`): the last few are kept for the status object."""

import logging
from collections import deque
from dataclasses import dataclass

from offhook.sip import events as sip
from offhook.sip.identity import shown

_log = logging.getLogger(__name__)
_KEPT = 16
_LONGEST = 500
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class _Text:
    account: str
    sender: str
    text: str


class Texts:
    """Counts all that came, keeps the last 16; what they say is not for the log."""

    def __init__(self) -> None:
        self._count = 0
        self._last: deque[_Text] = deque(maxlen=_KEPT)

    def take(self, event: sip.Event) -> None:
        """Take an event of the endpoint; only a text is looked at."""
        if not isinstance(event, sip.MessageReceived):
            return
        self._count += 1
        text = event.body.data.decode("utf-8", "replace")[:_LONGEST]
        # Line breaks may stay; anything else that is no character could write over a terminal.
        clean = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text.replace("\r\n", "\n"))
        self._last.append(_Text(event.account, shown(event.peer), clean))
        _log.info("text message %d received", self._count, extra={"account": event.account})

    def to_json(self) -> dict[str, Json]:
        """Return the ``texts`` part of the status object, the newest last."""
        last: list[Json] = [{"account": row.account, "from": row.sender, "text": row.text} for row in self._last]
        return {"count": self._count, "last": last}
