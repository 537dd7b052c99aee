"""The control socket: how programs see the phone and place, answer, hold, transfer and end calls.

========== ============================ ======================================================================
``do``     fields                       answer, beyond ``ok`` (``account`` is optional everywhere)
========== ============================ ======================================================================
status     account                      ``status``: the status object
watch                                   events follow, as on the board socket
call       number, account              ``call``: its id; the call is on its way
outcome    call                         answered when the call is, or is over: ``answered status reason``
answer     call, account                ``call``
hangup     call, account                ``call``
hold       call, account                ``call``
resume     call, account                ``call``
transfer   number, call, account        ``call``; when the other side was taken over
dtmf       digits, call, account        ``call``; when the last digit was sent
========== ============================ ======================================================================
"""

import grp
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from offhook.status.linesocket import LineRequest, LineSocket, RequestError

GROUP = "offhook"
_ONE = frozenset({"call", "account"})
_KNOWN: Mapping[str, frozenset[str]] = {
    "status": frozenset({"account"}),
    "watch": frozenset(),
    "call": frozenset({"number", "account"}),
    "outcome": frozenset({"call"}),
    "answer": _ONE,
    "hangup": _ONE,
    "hold": _ONE,
    "resume": _ONE,
    "transfer": _ONE | {"number"},
    "dtmf": _ONE | {"digits"},
}
_NEEDED = {"call": "number", "outcome": "call", "transfer": "number", "dtmf": "digits"}
_LONGEST = 256


class CallOutcome(Protocol):
    """See :class:`offhook.engine.programs.Outcome`."""

    @property
    def answered(self) -> bool: ...
    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> str: ...


class Hand(Protocol):
    """What the socket does with calls (:class:`offhook.engine.programs.Programs`); each raises OffhookError."""

    def call(self, number: str, account: str | None = None) -> str: ...
    async def outcome(self, call: str) -> CallOutcome: ...
    def answer(self, call: str | None = None, account: str | None = None) -> str: ...
    def hang_up(self, call: str | None = None, account: str | None = None) -> str: ...
    def hold(self, call: str | None = None, account: str | None = None) -> str: ...
    def resume(self, call: str | None = None, account: str | None = None) -> str: ...
    async def transfer(self, number: str, call: str | None = None, account: str | None = None) -> str: ...
    async def dtmf(self, digits: str, call: str | None = None, account: str | None = None) -> str: ...


class ControlSocket(LineSocket):
    """Serves the phone's own user, and the group ``offhook`` where there is one."""

    name = "control socket"
    mode = 0o660

    def __init__(
        self,
        path: Path,
        status: Callable[[], Mapping[str, object]],
        hand: Callable[[], Hand],
        clock: Callable[[], float],
    ) -> None:
        """``status`` gives the status object, ``hand`` the hand on the line that is in use; ``clock`` stamps events."""
        super().__init__(path, clock)
        self._status = status
        self._hand = hand

    async def start(self) -> None:
        """See :class:`LineSocket`."""
        await super().start()
        # Not the group's member: the socket is for this user alone then. No such group: the same.
        with suppress(KeyError, PermissionError):
            os.chown(self.path, -1, grp.getgrnam(GROUP).gr_gid)

    def read(self, line: bytes) -> LineRequest:
        """See :class:`LineSocket`."""
        request = LineRequest.read(line, _KNOWN)
        for name, value in request.fields.items():
            if value is not None and not (
                isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()
            ):
                problem = f'"{name}" must be a text of at most {_LONGEST} characters'
                raise RequestError(problem, request.identity)
        needed = _NEEDED.get(request.do)
        if needed is not None and request.fields.get(needed) is None:
            raise RequestError(f'"{request.do}" needs "{needed}"', request.identity)
        return request

    async def answer(self, request: LineRequest) -> Mapping[str, object]:
        """See :class:`LineSocket`."""
        fields = {name: value for name, value in request.fields.items() if isinstance(value, str)}
        if request.do == "status":
            return {"status": of_account(self._status(), fields.get("account"))}
        return await self._use_hand(self._hand(), request.do, fields)

    async def _use_hand(self, hand: Hand, do: str, fields: Mapping[str, str]) -> Mapping[str, object]:
        call, account = fields.get("call"), fields.get("account")
        match do:
            case "call":
                return {"call": hand.call(fields["number"], account)}
            case "outcome":
                seen = await hand.outcome(fields["call"])
                return {"answered": seen.answered, "status": seen.status, "reason": seen.reason}
            case "answer":
                return {"call": hand.answer(call, account)}
            case "hangup":
                return {"call": hand.hang_up(call, account)}
            case "hold":
                return {"call": hand.hold(call, account)}
            case "resume":
                return {"call": hand.resume(call, account)}
            case "transfer":
                return {"call": await hand.transfer(fields["number"], call, account)}
            case _:
                return {"call": await hand.dtmf(fields["digits"], call, account)}


def of_account(status: Mapping[str, object], account: str | None) -> Mapping[str, object]:
    """Return a status object with the accounts and calls of one account only. Raises RequestError: no such account."""
    if account is None:
        return status
    kept: dict[str, object] = dict(status)
    for name, key in (("accounts", "name"), ("calls", "account")):
        rows = status.get(name)
        if isinstance(rows, list):
            kept[name] = [row for row in rows if isinstance(row, dict) and row.get(key) == account]
    if not kept.get("accounts"):
        raise RequestError(f"no account named {account}")
    return kept
