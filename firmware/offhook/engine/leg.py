"""One SIP call as the engine sees it, and who hears of what becomes of it."""

from dataclasses import dataclass, field
from typing import Literal

from offhook.engine.session import MediaSession
from offhook.sip.events import Body
from offhook.sip.identity import CallerIdentity

LegState = Literal["calling", "ringing", "early", "waiting", "talking", "held", "ending"]


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
    held_here: bool = field(default=False)
    held_there: bool = field(default=False)
    offering: bool | None = field(default=None)
    """Whether the offer that is under way says hold; None: none is under way."""
    tries: int = field(default=0)
    """How often in a row an offer that takes the call back, or moves it, came to nothing."""
    caller: CallerIdentity | None = field(default=None)
    """What an incoming call told about who calls."""
    desk: bool = field(default=False)
    """Whether it may be the emergency desk that calls back."""

    @property
    def vital(self) -> bool:
        """Whether the call must come about and stay up, secured or not, heard or not."""
        return self.emergency or self.desk


class LegListener:
    """What becomes of a leg, in order; after ``leg_refused`` or ``leg_over`` the leg is gone."""

    def leg_trying(self, leg: Leg) -> None:
        """Somebody is there: the first response of any kind."""

    def leg_progress(self, leg: Leg) -> None:
        """The other end rings (state ``ringing``) or the network sends sound (state ``early``)."""

    def leg_accepted(self, leg: Leg) -> None:
        """The call is up."""

    def leg_held(self, leg: Leg) -> None:
        """The other side put the call on hold or took it back (``held_there``)."""

    def leg_hold_failed(self, leg: Leg, status: int) -> None:
        """The other side did not agree to be put on hold; status 408: it did not answer."""

    def leg_transfer(self, leg: Leg, status: int, reason: str, final: bool) -> None:
        """How the other side gets on with the call that it was asked to make in our place."""

    def leg_peer(self, leg: Leg) -> None:
        """The other side is somebody else now (``peer``)."""

    def leg_replaced(self, leg: Leg) -> None:
        """A call that somebody else made has taken the place of this one, which is gone."""

    def leg_refused(self, leg: Leg, status: int, reason: str) -> None:
        """The call failed; status 0: nothing answered."""

    def leg_over(self, leg: Leg, elsewhere: bool) -> None:
        """The other side ended it."""
