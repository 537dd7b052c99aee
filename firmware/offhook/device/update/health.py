"""Whether the phone of a trial is healthy. Pure: it is shown the status object now and then.

Healthy is: the daemon answers without having been restarted meanwhile (by its watchdog, or because it ended), the sound
process beats, the card was opened, no pin failed. And either an account is in service, or there was time enough for it:
the network alone is never a reason to go back. What was broken before the update is not held against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from offhook.device.update.quiet import Status
from offhook.device.update.updaterecord import Before, Stage


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: without a break healthy before the commit, and to come into service where the network does not help."""

    steady_s: float = 20.0
    service_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Judgment:
    """``stage``: how far the phone came; ``lacks``: what is still missing, empty: healthy."""

    stage: Stage
    lacks: str = ""


def before_of(status: Status | None) -> Before:
    """Return what a phone is like before an update; one that does not answer asks nothing of the next."""
    if status is None:
        return Before(card=False, registered=False, faults=())
    return Before(not _card(status), _in_service(status), _faults(status))


class HealthJudge:
    """Show it the status (None: no phone answers) every second or so."""

    def __init__(self, before: Before, patience: Patience | None = None) -> None:
        self._before = before
        self._patience = patience or Patience()
        self._uptime: float | None = None
        self._restarts = 0
        self._good_since: float | None = None

    def look(self, status: Status | None, now: float) -> Judgment:
        """Judge; ``now`` in seconds, by any clock that does not jump."""
        self._count_restarts(status)
        stage, lacks = self._soundness(status)
        if lacks:
            self._good_since = None
            times = f" (restarted {self._restarts} times)" if self._restarts else ""
            return Judgment(stage, lacks + times)
        if self._good_since is None:
            self._good_since = now
        good_s = now - self._good_since
        if good_s < self._patience.steady_s:
            return Judgment("pins", "is healthy, but not for long enough")
        in_service = status is not None and _in_service(status)
        if not in_service and self._before.registered and good_s < self._patience.service_s:
            return Judgment("steady", "is healthy; no account is in service yet")
        return Judgment("steady")

    def _count_restarts(self, status: Status | None) -> None:
        if status is None:
            return
        uptime = status.get("uptime_s")
        uptime = float(uptime) if isinstance(uptime, int | float) else 0.0
        if self._uptime is not None and uptime < self._uptime:
            self._restarts += 1
            self._good_since = None
        self._uptime = uptime

    def _soundness(self, status: Status | None) -> tuple[Stage, str]:
        if status is None:
            return "user space", "does not answer at its control socket"
        audio = status.get("audio")
        if not isinstance(audio, Mapping) or audio.get("beats") is not True:
            return "daemon", "has no sound process that answers"
        card = _card(status)
        if card and self._before.card:
            return "sound process", card
        new = [line for line in _faults(status) if line not in self._before.faults]
        if new:
            return "sound card", f"has a fault at its pins: {new[0]}"
        return "pins", ""


def _card(status: Status) -> str:
    """Return what is wrong with the sound card; the media process opens it once at its start."""
    audio = status.get("audio")
    if not isinstance(audio, Mapping):
        return "says nothing of its sound card"
    state = audio.get("state")
    if state == "open" or (state == "closed" and (audio.get("capture") or audio.get("playback"))):
        return ""
    detail = audio.get("detail")
    return f"cannot open its sound card ({detail or state})" if state in ("missing", "busy") else "opened no sound card"


def _faults(status: Status) -> tuple[str, ...]:
    board = status.get("board")
    faults = board.get("faults") if isinstance(board, Mapping) else None
    return tuple(str(line) for line in faults) if isinstance(faults, list | tuple) else ()


def _in_service(status: Status) -> bool:
    rows = status.get("accounts")
    return isinstance(rows, list) and any(isinstance(row, Mapping) and row.get("in_service") for row in rows)
