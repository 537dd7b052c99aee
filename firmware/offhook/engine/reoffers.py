"""Offers within calls that are up: hold and back, another address of ours, and whatever the other side offers."""

import asyncio
import logging
from collections.abc import Callable

from offhook.engine.leg import Leg, LegState
from offhook.engine.session import MediaSession
from offhook.engine.shell import EndpointShell
from offhook.errors import OffhookError
from offhook.sip.events import Body

_log = logging.getLogger(__name__)
NOT_ACCEPTABLE_HERE = 488
_REQUEST_TIMEOUT, _SERVER_ERRORS = 408, range(500, 600)
_AGAIN_S = 5.0
_MOST_TRIES = 12


class Reoffers:
    """One offer at a time and leg: what the person wants meanwhile is offered when its answer is there.

    ``seen`` tells the watchers of a leg's state.
    """

    def __init__(self, shell: EndpointShell, seen: Callable[[Leg, LegState], None]) -> None:
        self._shell = shell
        self._seen = seen

    def hold(self, leg: Leg, on: bool) -> None:
        """Put a leg on hold or take it back: silent both ways at once, then the other side is told by re-INVITE.

        One that is not answered yet is told when it is.
        """
        if leg.session is None or leg.emergency or leg.held_here is on:
            return
        leg.held_here = on
        leg.session.set_hold(on)
        if leg.answered:
            self.follow(leg)
            self.offer(leg)

    def offer(self, leg: Leg) -> None:
        """Offer what is so now; where an offer is under way, its answer comes first."""
        if leg.session is not None and leg.offering is None:
            leg.offering = leg.held_here
            self._shell.endpoint.reinvite(leg.handle, leg.session.offer(), self._shell.now())
            self._shell.pump()

    def taken(self, leg: Leg, body: Body | None) -> None:
        """Take the answer to an offer of ours."""
        told, leg.offering, leg.tries = leg.offering, None, 0
        session = leg.session
        if session is not None and body is not None and take_answer(session, body):
            self.follow(leg)
        if (told is not None and told is not leg.held_here) or (session is not None and session.owes_offer):
            self.offer(leg)  # the person changed his mind meanwhile, or our address is another

    def refused(self, leg: Leg, status: int) -> None:
        """Hear that an offer of ours was refused, or not answered (408)."""
        told, leg.offering = leg.offering, None
        if told is None:
            return
        if told is not leg.held_here:
            self.offer(leg)
        elif told:
            leg.listener.leg_hold_failed(leg, status)
        else:
            _log.warning("call %s: an offer got %d", leg.direction, status, extra={"call": leg.handle})
            leg.tries += 1
            if leg.tries < _MOST_TRIES and (status == _REQUEST_TIMEOUT or status in _SERVER_ERRORS):
                asyncio.get_running_loop().call_later(_AGAIN_S, self._again, leg)

    def overtaken(self, leg: Leg) -> None:
        """Make an offer anew that something newer of ours has gone out before."""
        leg.offering = None
        self.offer(leg)

    def _again(self, leg: Leg) -> None:
        """Offer once more what a server did not pass on: the other side would stay on hold, or send where we were."""
        if leg.state != "ending" and leg.tries:
            self.offer(leg)

    def offered(self, leg: Leg, body: Body | None) -> None:
        """Answer an offer of the other side, or make one where it asks for that (None)."""
        endpoint, now = self._shell.endpoint, self._shell.now()
        if leg.session is None:
            endpoint.reject_reoffer(leg.handle, NOT_ACCEPTABLE_HERE, now)
            return
        try:
            answer = leg.session.offer() if body is None else leg.session.answer_to(body)
        except OffhookError:
            endpoint.reject_reoffer(leg.handle, NOT_ACCEPTABLE_HERE, now)
            return
        endpoint.accept_reoffer(leg.handle, answer, now)
        if body is not None:
            self.follow(leg)

    def follow(self, leg: Leg) -> None:
        """Say so where either side has put the call on hold or taken it back."""
        if not leg.answered:
            return
        before, leg.held_there = leg.held_there, leg.session is not None and leg.session.held
        state: LegState = "held" if leg.held_there or leg.held_here else "talking"
        if state != leg.state:
            leg.state = state
            self._seen(leg, state)
        if leg.held_there is not before:
            leg.listener.leg_held(leg)


def take_answer(session: MediaSession, body: Body) -> bool:
    """Take an answer to an offer of ours; return False for one that cannot be used, which changes nothing."""
    try:
        session.take_answer(body)
    except OffhookError:
        return False
    return True
