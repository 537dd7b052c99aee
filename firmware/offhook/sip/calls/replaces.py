"""``Replaces`` (:rfc:`3891`): an INVITE that takes the place of a call that we have."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from offhook.sip.calls.called import CalledSide
from offhook.sip.calls.calling import CallingSide
from offhook.sip.calls.dialog import DialogId
from offhook.sip.calls.session import Session, Stage
from offhook.sip.core import Core
from offhook.sip.errors import RemoteError
from offhook.sip.messages.grammar import TOKEN, find_param, parse_params
from offhook.sip.messages.message import Request
from offhook.sip.responses import Refusal

_CALL_ID = re.compile(r"[ \t]*([^\s;,]{1,256})")


@dataclass(frozen=True, slots=True)
class Replaces:
    """Names a dialog as its other side sees it: ``to_tag`` is the tag of who receives this."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> "Replaces":
        """Read a header's value. Raises RemoteError 400."""
        word = _CALL_ID.match(text)
        if word is None:
            raise RemoteError(400, "Bad Replaces")
        params, end = parse_params(text, word.end())
        to_tag, from_tag = find_param(params, "to-tag"), find_param(params, "from-tag")
        if text[end:].strip() or not to_tag or not from_tag:
            raise RemoteError(400, "Bad Replaces")
        if not re.fullmatch(TOKEN, to_tag) or not re.fullmatch(TOKEN, from_tag):
            raise RemoteError(400, "Bad Replaces")
        return cls(word[1], to_tag, from_tag, find_param(params, "early-only") is not None)

    @classmethod
    def of(cls, request: Request) -> "Replaces | None":
        """Read a request's Replaces, None where there is none. Raises RemoteError 400, for more than one too."""
        values = request.headers.get_all("Replaces")
        if not values:
            return None
        if len(values) > 1:
            raise RemoteError(400, "Several Replaces")
        return cls.parse(values[0])

    @classmethod
    def of_dialog(cls, dialog: DialogId) -> "Replaces":
        """Name one of our dialogs to its other side."""
        return cls(dialog.call_id, dialog.remote_tag or "0", dialog.local_tag)

    @property
    def dialogs(self) -> Iterable[DialogId]:
        """How the dialog may be known here; the tag ``0`` may stand for none (:rfc:`3891#section-3`)."""
        yield DialogId(self.call_id, self.to_tag, self.from_tag)
        if self.from_tag == "0":
            yield DialogId(self.call_id, self.to_tag, "")

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def replaced_call(core: Core, calls: Mapping[str, CallingSide | CalledSide], request: Request) -> str | Refusal | None:
    """Return the handle of the call that an INVITE replaces, None: it replaces none (:rfc:`3891#section-3`).

    481 where no call matches, or one that still rings here; 603 for one that is over; 486 where only an early one
    may be replaced and it is up. Raises RemoteError 400.
    """
    replaces = Replaces.of(request)
    if replaces is None:
        return None
    for dialog_id in replaces.dialogs:
        session = core.dialogs.get(dialog_id)
        if not isinstance(session, Session):
            continue
        if session.stage is Stage.EARLY:
            return session.handle if session.dialog.is_caller and session.handle is not None else Refusal(481)
        if session.stage is not Stage.UP or session.handle not in calls:
            return Refusal(603)
        return Refusal(486) if replaces.early_only else session.handle
    return Refusal(481)
