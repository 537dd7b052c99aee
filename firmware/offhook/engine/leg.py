"""One SIP call as the engine sees it, and who hears of what becomes of it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from offhook.engine.session import MediaSession
from offhook.sip.events import Body

LegState = Literal["calling", "ringing", "early", "talking", "held", "ending"]


@dataclass(slots=True)
class Leg:
    """A call of the endpoint (``handle``) that serves a call of the phone machine (``call``)."""

    handle: str
    call: str
    direction: Literal["in", "out"]
    peer: str
    account: str
    emergency: bool
    listener: "LegListener"
    state: LegState = "calling"
    session: MediaSession | None = None
    offered: Body | None = None
    answered_at: float | None = None
    answered: bool = field(default=False)


class LegListener(Protocol):
    """What becomes of a leg, in order; after ``leg_refused`` or ``leg_over`` the leg is gone."""

    def leg_trying(self, leg: Leg) -> None:
        """Somebody is there: the first response of any kind."""

    def leg_progress(self, leg: Leg) -> None:
        """The other end rings (state ``ringing``) or the network sends sound (state ``early``)."""

    def leg_accepted(self, leg: Leg) -> None:
        """The call is up."""

    def leg_held(self, leg: Leg) -> None:
        """The other side put the call on hold (state ``held``) or took it back (state ``talking``)."""

    def leg_refused(self, leg: Leg, status: int, reason: str) -> None:
        """The call failed; status 0: nothing answered."""

    def leg_over(self, leg: Leg, elsewhere: bool) -> None:
        """The other side ended it."""
