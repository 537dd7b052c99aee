"""``application/simple-message-summary`` (:rfc:`3842#section-5`): whether messages wait, and how many of each kind.

::

    Messages-Waiting: yes
    Message-Account: sip:alice@vmail.example.com
    Voice-Message: 2/8 (0/2)
"""

import re
from dataclasses import dataclass

from offhook.sip.errors import RemoteError
from offhook.sip.responses import printable

MAX_BYTES = 4096
MAX_LINES = 64
CLASSES = frozenset(f"{kind}-message" for kind in ("voice", "video", "fax", "pager", "multimedia", "text")) | {"none"}
_COUNTS = re.compile(
    r"\s*([0-9]{1,10})\s*/\s*([0-9]{1,10})\s*(?:\(\s*([0-9]{1,10})\s*/\s*([0-9]{1,10})\s*\)\s*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class MessageCount:
    """How many messages of one kind there are; ``kind`` as in ``voice-message``."""

    kind: str
    new: int
    old: int
    urgent_new: int = 0
    urgent_old: int = 0


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """What a mailbox says: whether something waits, for which account ("" where it is not said), how much."""

    waiting: bool
    account: str = ""
    counts: tuple[MessageCount, ...] = ()

    @property
    def new(self) -> int:
        """New messages of every kind."""
        return sum(count.new for count in self.counts)


def parse_message_summary(data: bytes) -> MessageSummary:
    """Read a summary. Raises RemoteError 400 where it does not even say whether messages wait.

    A server that only counts is understood too; a line that cannot be read is passed over, and what follows an empty
    line (headers of single messages) is not looked at.
    """
    if len(data) > MAX_BYTES:
        raise RemoteError(400, "Message Summary Too Long")
    waiting: bool | None = None
    account, counts = "", list[MessageCount]()
    for line in data.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if not line.strip():
            if waiting is not None or counts:
                break
        elif not colon:
            continue
        elif key == "messages-waiting":
            waiting = value.strip().lower() == "yes"
        elif key == "message-account":
            account = printable(value.strip())
        elif key in CLASSES and (found := _COUNTS.fullmatch(value)):
            counts.append(MessageCount(key, *(int(text or 0) for text in found.groups())))
    if waiting is None and not counts:
        raise RemoteError(400, "No Messages-Waiting")
    return MessageSummary(any(count.new for count in counts) if waiting is None else waiting, account, tuple(counts))
