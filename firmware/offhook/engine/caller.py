"""Drives the ladder of attempts of an emergency call over real legs."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from offhook.emergency.attempts import (
    CancelAttempt,
    GiveUpForNow,
    LadderAccount,
    LadderAction,
    LadderSettings,
    StartAttempt,
)
from offhook.emergency.callback import CallbackWindow
from offhook.emergency.invite import EmergencyInvite, invite_with_location, invite_without_location
from offhook.emergency.ladder import Ladder
from offhook.emergency.location import Location
from offhook.emergency.pidf import PidfIdentity, pidf_lo
from offhook.engine.guard import EmergencyGuard
from offhook.engine.leg import Leg, LegListener
from offhook.engine.legs import Legs
from offhook.errors import OffhookError
from offhook.phone import events as phone
from offhook.sip.events import Body
from offhook.sip.messages.uri import SipUri, parse_uri
from offhook.sip.settings import AccountSettings

_log = logging.getLogger(__name__)
_SOS = "urn:service:sos"
GAVE_UP = "The emergency call does not get through. Stay on the line, the phone tries again."


@dataclass(frozen=True, slots=True)
class EmergencySettings:
    """Numbers with their service URNs (exact match), where this phone is, and how patient the ladder is."""

    numbers: dict[str, str]
    identity: PidfIdentity
    location: Location | None = None
    method: str = "Manual"
    ladder: LadderSettings = field(default_factory=LadderSettings)


@dataclass(slots=True)
class _Climb:
    """One emergency call: its ladder, the legs of its attempts by number, and the number that was dialled."""

    call: str
    number: str
    ladder: Ladder
    legs: dict[int, Leg] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class EmergencyCaller(LegListener):
    """One emergency call at a time: what the phone machine places, this climbs until somebody answers.

    Log lines name the digits that were dialled: what an emergency call did must be found afterwards.
    """

    def __init__(
        self,
        settings: EmergencySettings,
        accounts: Sequence[AccountSettings],
        guard: EmergencyGuard,
        window: CallbackWindow,
        legs: Legs,
        post: Callable[[phone.Event], None],
        speak: Callable[[str], None],
        in_service: Callable[[str], bool],
        random: Callable[[int], bytes],
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._guard = guard
        self._window = window
        self._legs = legs
        self._post = post
        self._speak = speak
        self._in_service = in_service
        self._random = random
        self._climb: _Climb | None = None

    @property
    def up(self) -> bool:
        """Whether an emergency call is being placed or is up: nothing may restart or shut down the phone."""
        return self._climb is not None

    def place(self, call: str, number: str) -> None:
        """Begin to climb; whatever call there is else is ended first, and its BYE waited for by nobody."""
        if self._climb is not None:
            self.end(self._climb.call)
        for leg in self._legs:
            self._legs.end(leg)
        accounts = self._guard.usable(self._accounts)
        if not accounts:
            _log.error("emergency call to %s: no account to place it with; add one under accounts:", number)
            self._post(phone.CallFailed(call, 0, "no account in the config"))
            return
        urn = self._settings.numbers.get(number, _SOS)
        ladder = Ladder(self._rows(accounts), number, urn, self._settings.location is not None, self._settings.ladder)
        self._climb = _Climb(call, number, ladder)
        self._legs.set_emergency(True)
        self._window.call_started()
        _log.warning("emergency call to %s (%s) begins", number, urn, extra={"call": call})
        self._perform(ladder.start(self._now()))

    def accounts_changed(self) -> None:
        """An account came into service or went: the next round of a climb begins with those that are."""
        if self._climb is not None:
            self._climb.ladder.use_accounts(self._rows(self._guard.usable(self._accounts)))

    def end(self, call: str) -> bool:
        """Hang up, if ``call`` is the emergency call; return whether it was."""
        climb = self._climb
        if climb is None or climb.call != call:
            return False
        actions = climb.ladder.hang_up(self._now())
        self._perform(actions)
        self._finish("was hung up here")
        return True

    def close(self) -> None:
        """End the call, if there is one, because the phone stops: nothing is tried again after this."""
        if self._climb is not None:
            _log.warning("an emergency call is ended because the phone stops", extra={"call": self._climb.call})
            self.end(self._climb.call)

    def leg_trying(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._report(leg, lambda ladder, n, now: ladder.on_trying(n, now))

    def leg_progress(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._report(leg, lambda ladder, n, now: ladder.on_progress(n, now))
        if self._climb is not None:
            early = leg.state == "early"
            self._post(phone.CallEarlyMedia(leg.call) if early else phone.CallProceeding(leg.call))

    def leg_accepted(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._report(leg, lambda ladder, n, now: ladder.on_answered(n, now))
        _log.warning("emergency call answered by %s", leg.account, extra={"call": leg.call, "account": leg.account})
        self._post(phone.CallAnswered(leg.call))
        if leg.held_there:
            self._post(phone.CallHeld(leg.call))

    def leg_held(self, leg: Leg) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._post(phone.CallHeld(leg.call) if leg.held_there else phone.CallResumed(leg.call))

    def leg_refused(self, leg: Leg, status: int, reason: str) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        _log.warning(
            "emergency call: %s refused with %s %s",
            leg.account,
            status or "no answer",
            reason,
            extra={"call": leg.call, "account": leg.account, "status": status},
        )
        if status:
            self._report(leg, lambda ladder, n, now: ladder.on_refused(n, status, now))
        else:
            self._report(leg, lambda ladder, n, now: ladder.on_failed(n, now))

    def leg_over(self, leg: Leg, elsewhere: bool) -> None:
        """See :class:`offhook.engine.leg.LegListener`."""
        self._report(leg, lambda ladder, n, now: ladder.on_ended(n, now))
        if self._climb is not None and self._climb.ladder.over:
            self._finish("was ended by the desk")
            self._post(phone.CallEnded(leg.call))

    def _rows(self, accounts: Sequence[AccountSettings]) -> list[LadderAccount]:
        transport_of = self._legs.transport_of  # `auto` and `sips:` leave it to DNS
        return [
            LadderAccount(a.name, _domain(a), transport_of(a.name) or a.transport or "udp", self._in_service(a.name))
            for a in accounts
        ]

    def _report(self, leg: Leg, report: Callable[[Ladder, int, float], list[LadderAction]]) -> None:
        climb = self._climb
        if climb is None:
            return
        number = next((n for n, known in climb.legs.items() if known is leg), None)
        if number is not None:
            self._perform(report(climb.ladder, number, self._now()))

    def _perform(self, actions: list[LadderAction]) -> None:
        climb = self._climb
        if climb is None:
            return
        for action in actions:
            match action:
                case StartAttempt():
                    self._start(climb, action)
                case CancelAttempt(number) if leg := climb.legs.pop(number, None):
                    self._legs.end(leg)
                case GiveUpForNow(retry_in):
                    _log.error("emergency call to %s: nobody answers; trying again in %.0f s", climb.number, retry_in)
                    self._speak(GAVE_UP)
                case _:
                    pass
        self._arm(climb)

    def _start(self, climb: _Climb, attempt: StartAttempt) -> None:
        handle = f"{climb.call}.{attempt.attempt}"
        leg = Leg(handle, climb.call, "out", climb.number, attempt.account, True, self)
        climb.legs[attempt.attempt] = leg
        _log.warning(
            "emergency call, attempt %d: %s by %s over %s, %s location",
            attempt.attempt,
            attempt.target,
            attempt.account,
            attempt.transport,
            "with" if attempt.with_location else "without",
            extra={"call": climb.call, "account": attempt.account},
        )
        try:
            invite = self._invite(handle, attempt.with_location)
            self._legs.place(
                leg,
                attempt.target,
                headers=invite(b"").headers,
                wrap=lambda body: _as_body(invite(body.data)),
                transport=attempt.transport,
            )
        except Exception as error:
            # Whatever is wrong with this form of the call, another may get through.
            known = isinstance(error, OffhookError)
            _log.error("emergency call, attempt %d: %s", attempt.attempt, error, exc_info=None if known else error)
            asyncio.get_running_loop().call_soon(self.leg_refused, leg, 0, str(error))

    def _invite(self, handle: str, with_location: bool) -> Callable[[bytes], EmergencyInvite]:
        location = self._settings.location
        if not with_location or location is None:
            return invite_without_location
        pidf = pidf_lo(location, self._settings.identity, datetime.now(UTC), method=self._settings.method)
        content_id = f"loc.{self._random(6).hex()}@{handle.replace('_', '-')}.offhook.invalid"
        boundary = f"b{self._random(12).hex()}"
        return lambda sdp: invite_with_location(sdp, pidf, content_id, boundary)

    def _arm(self, climb: _Climb) -> None:
        if climb.timer is not None:
            climb.timer.cancel()
            climb.timer = None
        deadline = climb.ladder.deadline()
        if deadline is not None and climb is self._climb:
            climb.timer = asyncio.get_running_loop().call_at(deadline, self._tick)

    def _tick(self) -> None:
        if self._climb is not None:
            self._perform(self._climb.ladder.tick(self._now()))

    def _finish(self, how: str) -> None:
        climb, self._climb = self._climb, None
        if climb is not None:
            self._legs.set_emergency(False)
            if climb.timer is not None:
                climb.timer.cancel()
            self._window.call_ended(self._now())
            _log.warning("emergency call to %s %s", climb.number, how, extra={"call": climb.call})

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _as_body(invite: EmergencyInvite) -> Body:
    return Body(invite.content_type, invite.body)


def _domain(account: AccountSettings) -> str:
    uri = parse_uri(account.uri)
    return uri.host if isinstance(uri, SipUri) else account.server.rpartition(":")[0] or account.server
