"""Whether the phone is left alone: what updates wait for. Pure; ``status`` is the phone's status object."""

from collections.abc import Callable, Mapping

from offhook.config.clockwindow import within

Status = Mapping[str, object]

STEADY_S = 15.0
"""So long nobody may have used the phone before something is done that would be noticed."""
SILENT_S = 180.0
"""So long a phone that does not answer may be starting (``offhook.service`` has as long): its handset works before it
can be asked."""


def in_use(status: Status | None) -> str:
    """Return why the phone must not be disturbed, empty where it may be.

    None: no phone answers. Then no call could be cut, and a phone that does not start may need the update.
    """
    if status is None:
        return ""
    if status.get("calls"):
        return "a call is up"
    if status.get("phone") != "ON_HOOK":
        return "the handset is in use"
    emergency = status.get("emergency")
    if isinstance(emergency, Mapping) and (emergency.get("up") or emergency.get("callback_window_s")):
        return "the emergency desk may call back"
    return ""


def hinders(status: Status | None) -> str:
    """Return why the device must neither be written to at length nor restarted now, empty where it may be."""
    power = status.get("power") if status is not None else None
    state = power.get("state", "MAINS") if isinstance(power, Mapping) else "MAINS"
    return in_use(status) or ("" if state == "MAINS" else f"the power is {state}, not MAINS")


def hinders_restart(status: Status | None, when: str, minute: int) -> str:
    """Return why the device must not restart now; ``when`` as in a request, ``minute`` of the local day."""
    config = status.get("config") if status is not None else None
    if isinstance(config, Mapping) and config.get("origin") == "candidate":
        return hinders(status) or "a config is on trial"  # which of both was at fault could not be told
    return hinders(status) or ("" if within(when, minute) else f"it is not {when} yet")


class Waiter:
    """Waits until nothing hinders, for a while without a break. ``ask`` asks the phone; None where none answers."""

    def __init__(
        self,
        ask: Callable[[], Status | None],
        clock: Callable[[], float],
        sleep: Callable[[float], object],
        poll_s: float = 2.0,
    ) -> None:
        self._ask, self._clock, self._sleep, self._poll_s = ask, clock, sleep, poll_s

    def wait(self, hindrance: Callable[[Status | None], str], told: Callable[[str], object]) -> Status | None:
        """Return once ``hindrance`` was empty for ``STEADY_S``, with the last status; ``told`` gets each new reason."""
        quiet_since: float | None = None
        silent_since: float | None = None
        last = ""
        while True:
            status, now = self._ask(), self._clock()
            if status is not None:
                silent_since = None
            elif silent_since is None:
                silent_since = now
            reason = hindrance(status)
            if not reason and silent_since is not None and now - silent_since < SILENT_S:
                reason = "the phone does not answer, it may be starting"
            if reason:
                quiet_since = None
                if reason != last:
                    told(reason)
                last = reason
            else:
                quiet_since = now if quiet_since is None else quiet_since
                if now - quiet_since >= STEADY_S:
                    return status
            self._sleep(self._poll_s)
