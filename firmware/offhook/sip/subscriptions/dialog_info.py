"""``application/dialog-info+xml`` (:rfc:`4235`): what calls somebody else's phone has, and a watcher's table of them.

A notifier sends a full table first, then what has changed; each document counts one up. Who misses one cannot go on
with the next: he asks for the full table again (:rfc:`4235#section-4.3`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from offhook.sip.errors import RemoteError
from offhook.sip.subscriptions.xml import attribute, content, number, parse_xml

NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"
MAX_DIALOGS = 64
_NS = {"d": NAMESPACE}
_STATES = frozenset({"trying", "proceeding", "early", "confirmed", "terminated"})

Presence = Literal["unknown", "idle", "ringing", "busy"]


@dataclass(frozen=True, slots=True)
class WatchedDialog:
    """One dialog: ``state`` as in figure 3 of :rfc:`4235`; ``direction`` "" where it is not said."""

    id: str
    state: str
    direction: str = ""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """One document."""

    version: int
    full: bool
    entity: str
    dialogs: tuple[WatchedDialog, ...]


def parse_dialog_info(data: bytes) -> DialogInfo:
    """Read a document. Raises RemoteError 400."""
    root = parse_xml(data, f"{{{NAMESPACE}}}dialog-info")
    version, state = number(root, "version"), attribute(root, "state")
    if version is None or state not in ("full", "partial"):
        raise RemoteError(400, "Bad Dialog Info")
    dialogs = []
    for element in root.findall("d:dialog", _NS)[:MAX_DIALOGS]:
        name, word = attribute(element, "id"), content(element.find("d:state", _NS)).lower()
        if not name or word not in _STATES:
            raise RemoteError(400, "Bad Dialog Info")
        remote = element.find("d:remote/d:identity", _NS)
        shown = (attribute(remote, "display") if remote is not None else "") or content(remote)
        dialogs.append(WatchedDialog(name, word, attribute(element, "direction"), shown))
    return DialogInfo(version, state == "full", attribute(root, "entity"), tuple(dialogs))


class Taken(Enum):
    """What a document did to the table."""

    APPLIED = "applied"
    STALE = "older than what is known: passed over"
    MISSED = "a document before it was missed: ask for the full table"


class DialogTable:
    """The calls of one notifier, as one watcher knows them."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._dialogs: dict[str, WatchedDialog] = {}

    @property
    def dialogs(self) -> tuple[WatchedDialog, ...]:
        """The dialogs that are not over."""
        return tuple(self._dialogs.values())

    @property
    def presence(self) -> Presence:
        """What a lamp beside the name would show."""
        if self._version is None:
            return "unknown"
        states = {dialog.state for dialog in self._dialogs.values()}
        if "confirmed" in states:
            return "busy"
        called = any(d.state in ("early", "proceeding") and d.direction != "initiator" for d in self._dialogs.values())
        return "ringing" if called else "busy" if states else "idle"

    def take(self, info: DialogInfo) -> Taken:
        """Bring the table up to date with a document."""
        if self._version is not None and info.version <= self._version:
            return Taken.STALE
        if not info.full and (self._version is None or info.version != self._version + 1):
            return Taken.MISSED
        self._version = info.version
        if info.full:
            self._dialogs.clear()
        for dialog in info.dialogs:
            self._dialogs.pop(dialog.id, None)
            if dialog.state != "terminated" and len(self._dialogs) < MAX_DIALOGS:
                self._dialogs[dialog.id] = dialog
        return Taken.APPLIED
